"""Blob Storage on one machine: the real Azurite, and the events that Event Grid would raise about it.

A streaming proxy. Every request goes to Azurite as it came; after a successful Put Blob, Put Block List or
Copy Blob a ``Microsoft.Storage.BlobCreated`` CloudEvent goes to an Event Grid topic. The promise: a blob that the
client was told about has its event delivered at least once, whichever process dies in between (`journal`).
"""
