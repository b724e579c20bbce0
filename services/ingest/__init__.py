"""ingest: the upload API. It judges a picture, keeps its record and its bytes, and leaves the rest to events."""
