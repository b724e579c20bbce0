"""The sender, against an Event Grid that takes, refuses and comes back."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from emulators.storage.blobs import Blob, BlobWrite
from emulators.storage.journal import Journal
from emulators.storage.sender import BATCH, Sender
from tests.support.event_receiver import EventReceiver, event_receiver
from tests.support.waiting import until

WRITE = BlobWrite("PutBlob", Blob("images", "a"))


@pytest.fixture
def receiver() -> Iterator[EventReceiver]:
    with event_receiver() as started:
        yield started


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path / "journal.sqlite")
    yield opened
    opened.close()


@asynccontextmanager
async def _sending(journal: Journal, receiver: EventReceiver) -> AsyncIterator[Sender]:
    async with aiohttp.ClientSession() as session:
        sender = Sender(journal, session, receiver.url + "/", "blob-created", "key")
        work = asyncio.create_task(sender.run())
        try:
            yield sender
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


def _record(journal: Journal, count: int, first: int = 0) -> None:
    for number in range(first, first + count):
        journal.record(journal.begin(WRITE, None), {"id": number, "subject": f"/blobs/{number}"}, number)


async def test_sends_in_order_and_in_batches(journal: Journal, receiver: EventReceiver) -> None:
    _record(journal, BATCH + 5)
    async with _sending(journal, receiver) as sender:
        await until(lambda: journal.depth()[0] == 0)
        assert [event["id"] for event in receiver.events] == list(range(BATCH + 5))
        assert len(receiver.requests) == 2
        _record(journal, 1, first=1000)
        sender.wake()
        await until(lambda: journal.depth()[0] == 0)
    path, headers, _ = receiver.requests[-1]
    assert path == "/topics/blob-created:publish?api-version=2024-06-01"
    assert headers["Authorization"] == "SharedAccessKey key"


@pytest.mark.parametrize("status", [401, 404, 410, 429, 500, 503])
async def test_waits_for_a_namespace_in_trouble(
    journal: Journal, receiver: EventReceiver, status: int
) -> None:
    receiver.status = status
    _record(journal, 3)
    async with _sending(journal, receiver) as sender:
        await until(lambda: len(receiver.requests) >= 2)
        assert sender.trouble.startswith(str(status))
        assert journal.depth()[0] == 3
        receiver.status = 200
        await until(lambda: journal.depth()[0] == 0)
        assert sender.trouble == ""
    assert [event["id"] for event in receiver.events] == [0, 1, 2]


async def test_waits_for_a_namespace_that_is_down(journal: Journal, receiver: EventReceiver) -> None:
    receiver.stop()
    _record(journal, 1)
    async with _sending(journal, receiver) as sender:
        await until(lambda: "ClientConnectorError" in sender.trouble)
        receiver.start()
        await until(lambda: journal.depth()[0] == 0)


async def test_a_refused_event_stops_no_other(journal: Journal, receiver: EventReceiver) -> None:
    receiver.refuses = lambda event: event["id"] == 1
    _record(journal, 3)
    async with _sending(journal, receiver) as sender:
        await until(lambda: len(receiver.events) == 2)
        _record(journal, 1, first=3)
        sender.wake()
        await until(lambda: len(receiver.events) == 3)
    assert [event["id"] for event in receiver.events] == [0, 2, 3]
    assert [event["id"] for event in journal.waiting_events()] == [1]
