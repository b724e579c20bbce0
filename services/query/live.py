"""Server-sent events: one for each picture that changed."""

import json
from collections.abc import AsyncIterator
from typing import Final

from fastapi import APIRouter, Depends
from fastapi.responses import StreamingResponse

from services.platform.auth import Role, requires
from services.query.domain import Change
from services.query.metrics import QueryMetrics
from services.query.ports import Feed

RETRY_MS: Final = 2000


def routes(feed: Feed, metrics: QueryMetrics, *, heartbeat_s: float) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["live"], dependencies=[Depends(requires(Role.READER))])

    @router.get(
        "/events", response_class=StreamingResponse, responses={200: {"content": {"text/event-stream": {}}}}
    )
    async def events() -> StreamingResponse:
        """`event: image`, `{id, status, claim_id}`, status null when deleted; `event: reset` when some were lost."""
        feed.admit()
        return StreamingResponse(
            _stream(feed, metrics, heartbeat_s),
            media_type="text/event-stream",
            # The second is for nginx and its kin, which would collect the events.
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    return router


async def _stream(feed: Feed, metrics: QueryMetrics, heartbeat_s: float) -> AsyncIterator[str]:
    # Everything from here on is undone when the client goes: Starlette closes a generator that has begun.
    with feed.watch() as watcher, metrics.event_clients.track_inprogress():
        yield f"retry: {RETRY_MS}\n\n"
        while True:
            change = await watcher.next(heartbeat_s)
            if watcher.closed:
                return
            if watcher.take_lost():
                yield "event: reset\ndata: {}\n\n"
            yield ": still here\n\n" if change is None else _event(change)


def _event(change: Change) -> str:
    data = json.dumps({"id": change.id, "status": change.status, "claim_id": change.claim_id})
    return f"event: image\ndata: {data}\n\n"
