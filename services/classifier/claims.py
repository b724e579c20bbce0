"""Claims: at most one call to an engine at a time for a version of a blob, across replicas and crashes.

A claim is a document that is created only if absent. It is given back when the work failed, and otherwise left to
its time to live, which outlasts the work: so whoever read the record before the result was saved finds the claim
still there. One that a dead process left behind is taken over as soon as that is certain.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final

import structlog

from services.classifier.errors import AlreadyInHand
from services.classifier.ports import ClaimDocument, ClaimStore
from services.contracts.records import now
from services.platform.errors import Unavailable

log = structlog.get_logger()

# Stores count whole seconds, and clocks of replicas differ a little.
MARGIN_S: Final = 3


class Claims:
    """``owner`` names this instance, across restarts, and no other that can be alive: host and port.

    ``ttl_s`` is the longest that work under a claim can take, with a margin.
    """

    def __init__(
        self, store: ClaimStore, *, owner: str, ttl_s: int, clock: Callable[[], datetime] = now
    ) -> None:
        self._store = store
        self._owner = owner
        self._ttl_s = ttl_s
        self._clock = clock
        self._held: set[str] = set()

    @asynccontextmanager
    async def held(self, image_id: str, version: str) -> AsyncIterator[None]:
        """Hold the claim of this version of the blob while the body runs; give it back if the body raises.

        ``version``: its ETag, and which request to look again is answered, if any.
        The body is cut off, with Unavailable, before the claim expires. A cancelled body keeps the claim: whether
        the engine was called is not known. Raises AlreadyInHand if another holds it.
        """
        key = f"claim-{image_id}-{version}"
        if key in self._held:
            raise AlreadyInHand("another delivery of this blob is being worked on here")
        self._held.add(key)
        try:
            async with asyncio.timeout(self._ttl_s - MARGIN_S):
                await self._take(key)
                try:
                    yield
                except Exception:
                    await self._give_back(key)
                    raise
        except TimeoutError as error:
            await self._give_back(key)
            raise Unavailable(f"not done within {self._ttl_s - MARGIN_S} s", code="too-slow") from error
        finally:
            self._held.discard(key)

    async def _take(self, key: str) -> None:
        if await self._create(key):
            return
        found = await self._store.get(key)
        if found is not None:
            claim, etag = found
            if not self._abandoned(claim):
                raise AlreadyInHand(f"{claim.owner} works on this blob since {claim.at:%H:%M:%S}")
            log.info("taking over a claim", of=claim.owner, since=claim.at.isoformat())
            await self._store.delete(key, etag)
        if not await self._create(key):
            raise AlreadyInHand("another replica has just begun to work on this blob")

    async def _create(self, key: str) -> bool:
        at = self._clock()
        expires_at = at + timedelta(seconds=self._ttl_s)
        claim = ClaimDocument(owner=self._owner, at=at, expires_at=expires_at)
        return await self._store.create(key, claim, ttl_s=self._ttl_s)

    def _abandoned(self, claim: ClaimDocument) -> bool:
        # Of this instance, yet not held here: an earlier process died, or the store was away at giving back.
        if claim.owner == self._owner:
            return True
        return claim.expires_at + timedelta(seconds=MARGIN_S) < self._clock()

    async def _give_back(self, key: str) -> None:
        try:
            await self._store.delete(key)
        except Unavailable as error:
            log.warning("claim not given back; it expires", why=error.detail)
