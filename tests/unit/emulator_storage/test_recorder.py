"""Writes whose answer was lost: each ends as an event or as nothing, by what is found in storage."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from emulators.storage.blobs import Blob, BlobWrite
from emulators.storage.errors import UpstreamError
from emulators.storage.events import BlobState
from emulators.storage.journal import Journal
from emulators.storage.recorder import Recorder
from emulators.storage.upstream import Found
from tests.support.waiting import until

STATE = BlobState("0x1", "image/png", 5, "BlockBlob", "7f3b2c10-901e-0042-55d1-3c8a1b000000")


class FakeStorage:
    """Blobs by name, with the time of their last write; ``down`` for a while if told so."""

    def __init__(self) -> None:
        self.blobs: dict[str, datetime] = {}
        self.down = 0

    async def find(self, blob: Blob) -> Found | None:
        if self.down:
            self.down -= 1
            raise UpstreamError("down")
        written = self.blobs.get(blob.name)
        return Found(STATE, written) if written else None


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path / "journal.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def storage() -> FakeStorage:
    return FakeStorage()


@asynccontextmanager
async def _recording(journal: Journal, storage: FakeStorage) -> AsyncIterator[Recorder]:
    recorder = Recorder(journal, storage, "/arm/id", "http://there/account", lambda: None)
    work = asyncio.create_task(recorder.run())
    try:
        yield recorder
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


def _whole_second(after: timedelta = timedelta()) -> datetime:
    """As ``Last-Modified`` tells it."""
    return (datetime.now(UTC) + after).replace(microsecond=0)


async def test_a_write_in_doubt_ends_as_what_is_there(journal: Journal, storage: FakeStorage) -> None:
    storage.blobs["older"] = _whole_second(timedelta(seconds=-2))
    async with _recording(journal, storage) as recorder:
        for name in ("absent", "older", "written"):
            intent = recorder.begin(BlobWrite("PutBlockList", Blob("images", name)), "client")
            if name == "written":
                storage.blobs[name] = _whole_second()  # within the second in which it was begun
            recorder.in_doubt(intent)
        await until(lambda: journal.open_intents() == 0)
    (event,) = journal.waiting_events()
    assert event["subject"].endswith("/blobs/written")
    data = event["data"]
    assert (data["api"], data["clientRequestId"], data["contentLength"]) == ("PutBlockList", "client", 5)
    assert data["url"] == "http://there/account/images/written"


async def test_intents_under_way_are_left_alone(journal: Journal, storage: FakeStorage) -> None:
    storage.blobs["under-way"] = _whole_second()
    async with _recording(journal, storage) as recorder:
        recorder.begin(BlobWrite("PutBlob", Blob("images", "under-way")), None)
        recorder.in_doubt(recorder.begin(BlobWrite("PutBlob", Blob("images", "absent")), None))
        await until(lambda: journal.open_intents() == 1)
    assert journal.waiting_events() == []


async def test_doubt_lasts_until_storage_answers(journal: Journal, storage: FakeStorage) -> None:
    storage.down = 2
    async with _recording(journal, storage) as recorder:
        intent = recorder.begin(BlobWrite("PutBlob", Blob("images", "a")), None)
        storage.blobs["a"] = _whole_second()
        recorder.in_doubt(intent)
        await until(lambda: journal.depth()[0] == 1)
    assert storage.down == 0
