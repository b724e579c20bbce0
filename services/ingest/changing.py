"""Changing a record that others may change at the same time."""

from collections.abc import Callable
from typing import Final

from services.contracts.names import record_key
from services.contracts.records import ImageRecord
from services.ingest.ports import Records
from services.platform.errors import NotFound, StateConflict

ATTEMPTS: Final = 5


async def find(records: Records, identifier: str) -> tuple[ImageRecord, str]:
    """The record and its ETag. Raises NotFound, SidecarUnavailable."""
    found = await records.get(record_key(identifier))
    if found is None:
        raise NotFound(f"There is no image {identifier!r}.")
    return found


async def change(
    records: Records, identifier: str, changed: Callable[[ImageRecord], ImageRecord]
) -> ImageRecord:
    """The record as ``changed`` makes it of the latest one; nothing is written where that is the same.

    Raises NotFound, SidecarUnavailable, StateConflict.
    """
    for _ in range(ATTEMPTS):
        record, etag = await find(records, identifier)
        wanted = changed(record)
        if wanted == record or await records.replace(record_key(identifier), wanted, etag):
            return wanted
    raise StateConflict(f"the record of {identifier} changed each time it was to be written")
