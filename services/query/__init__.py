"""The read side: records by key, search, pictures and thumbnails, live changes, the gallery."""
