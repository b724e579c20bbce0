"""Implementations of the ports: Dapr, SQLite FTS5, Pillow, an in-process feed."""
