"""The three services, and what they share: contracts/ (records, events, names) and platform/ (cross-cutting)."""
