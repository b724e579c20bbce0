"""What query did with an event that it handled."""

from enum import StrEnum


class Done(StrEnum):
    INDEXED = "indexed"
    REMOVED = "removed"
    KNOWN = "known"
    """The index had it so already."""
