"""From a write's intent to its event: at once when Azurite answers, later when the answer was lost."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Protocol

import aiohttp
from aiohttp import web

from emulators.storage.blobs import Blob, BlobWrite
from emulators.storage.errors import UpstreamError
from emulators.storage.events import BlobState, blob_created
from emulators.storage.journal import Intent, Journal
from emulators.storage.upstream import Found, request_id

log = logging.getLogger("storage.recorder")

FIRST_WAIT_S, LONGEST_WAIT_S = 0.2, 5.0


class Finder(Protocol):
    """What is looked at when an answer does not say enough: `upstream.Upstream`."""

    async def find(self, blob: Blob) -> Found | None:
        """The blob as it is now; None if there is none. Raises UpstreamError."""


class Recorder:
    """Keeps the promise: an intent ends as an event, as nothing (no blob), or stays and is looked at again.

    ``on_event`` is called when an event was put into the outbox.
    """

    def __init__(
        self, journal: Journal, upstream: Finder, source: str, endpoint: str, on_event: Callable[[], None]
    ) -> None:
        self._journal = journal
        self._upstream = upstream
        self._source = source
        self._endpoint = endpoint
        self._on_event = on_event
        self._wake = asyncio.Event()

    def begin(self, write: BlobWrite, client_request_id: str | None) -> int:
        """Note that ``write`` is about to be sent to Azurite; gives the intent's id."""
        return self._journal.begin(write, client_request_id)

    def failed(self, intent: int) -> None:
        """Azurite has made no blob."""
        self._journal.drop(intent)

    def in_doubt(self, intent: int) -> None:
        """Nobody knows whether there is a blob: `run` finds out."""
        self._journal.doubt(intent)
        self._wake.set()

    async def succeeded(
        self, intent: int, write: BlobWrite, request: web.Request, answer: aiohttp.ClientResponse, sent: int
    ) -> None:
        """Azurite has made the blob: record its event. ``sent`` is the length of the request's body."""
        sequence = self._journal.next_sequence()
        state = _told(write, request, answer, sent)
        if state is None:
            try:
                found = await self._upstream.find(write.blob)
            except UpstreamError:
                self.in_doubt(intent)
                return
            if (
                found is None
            ):  # made and deleted again: its event still belongs out, but nothing can be said of it
                self.failed(intent)
                return
            state = BlobState(
                answer.headers.get("ETag", found.state.etag).strip('"'),
                found.state.content_type,
                found.state.size,
                found.state.blob_type,
                request_id(answer.headers),
            )
        self._record(intent, write, state, sequence, request.headers.get("x-ms-client-request-id"))

    def _record(
        self, intent: int, write: BlobWrite, state: BlobState, sequence: int, client_request_id: str | None
    ) -> None:
        event: dict[str, Any] = blob_created(
            write,
            state,
            source=self._source,
            endpoint=self._endpoint,
            sequencer=sequence,
            client_request_id=client_request_id,
        )
        self._journal.record(intent, event, sequence)
        self._on_event()

    async def run(self) -> None:
        """Resolve intents in doubt, those of an earlier process first, until cancelled."""
        wait_s = FIRST_WAIT_S
        while True:
            self._wake.clear()
            try:
                for intent in self._journal.doubtful():
                    await self._resolve(intent)
            except UpstreamError as error:
                log.info("writes in doubt wait for azurite: %s", error)
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * 2, LONGEST_WAIT_S)
                continue
            wait_s = FIRST_WAIT_S
            await self._wake.wait()

    async def _resolve(self, intent: Intent) -> None:
        found = await self._upstream.find(intent.write.blob)
        # Last-Modified has whole seconds: rounding the start down may give an event twice, up would lose it.
        if found is None or found.last_modified.timestamp() < int(intent.started_s):
            self._journal.drop(intent.id)
            log.info("write in doubt had failed: %s", intent.write.blob.path)
            return
        sequence = self._journal.next_sequence()
        self._record(intent.id, intent.write, found.state, sequence, intent.client_request_id)
        log.info("write in doubt had succeeded, event recorded: %s", intent.write.blob.path)


def _told(
    write: BlobWrite, request: web.Request, answer: aiohttp.ClientResponse, sent: int
) -> BlobState | None:
    """The new blob as request and answer describe it; None where Azurite must be asked."""
    if write.api != "PutBlob" or "x-ms-copy-source" in request.headers or "ETag" not in answer.headers:
        return None
    headers = request.headers
    blob_type = headers["x-ms-blob-type"]
    size = int(headers.get("x-ms-blob-content-length", 0)) if blob_type == "PageBlob" else sent
    content_type = headers.get("x-ms-blob-content-type") or headers.get("Content-Type")
    return BlobState(
        etag=answer.headers["ETag"].strip('"'),
        content_type=content_type or "application/octet-stream",
        size=size,
        blob_type=blob_type,
        request_id=request_id(answer.headers),
    )
