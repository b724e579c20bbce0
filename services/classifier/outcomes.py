"""What the classifier did with an event that it handled."""

from enum import StrEnum


class Done(StrEnum):
    CLASSIFIED = "classified"
    REJECTED = "rejected"
    FAILED = "failed"
    KNOWN = "known"
    """This version of the blob has its result already; it was announced again."""
    SUPERSEDED = "superseded"
    """A newer version of the blob is known."""
    ORPHANED = "orphaned"
    """A dead letter for a picture without a record."""
