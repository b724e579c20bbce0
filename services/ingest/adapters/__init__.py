"""Implementations of ingest's ports that are its own; the Dapr clients of services.platform serve as the others."""
