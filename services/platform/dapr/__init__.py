"""Typed clients of the sidecar's building blocks: state, the blob binding, pub/sub. Errors are the platform's."""
