"""The emulator's own addresses: ``/healthz`` and ``/_emulator/…``; never part of the vendor's protocol."""

import asyncio

from aiohttp import web

from emulators.storage.journal import Journal
from emulators.storage.sender import Sender
from emulators.storage.upstream import Upstream


class Status:
    """What the emulator says about itself."""

    def __init__(
        self, upstream: Upstream, journal: Journal, sender: Sender, containers_made: asyncio.Event
    ) -> None:
        self._upstream = upstream
        self._journal = journal
        self._sender = sender
        self._containers_made = containers_made

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add them before the proxy's catch-all."""
        router.add_get("/healthz", self.health)
        router.add_get("/_emulator/outbox", self.outbox)

    async def health(self, _: web.Request) -> web.Response:
        """200 while Azurite is up and the containers are made, else 503. Events that wait are only told of."""
        up = await self._upstream.answers()
        ok = up and self._containers_made.is_set()
        depth, oldest_s = self._journal.depth()
        body = {
            "status": "ok" if ok else "unavailable",
            "azurite": "up" if up else "down",
            "outbox": {"depth": depth, "oldest_s": round(oldest_s, 3), "trouble": self._sender.trouble},
            "intents": self._journal.open_intents(),
        }
        return web.json_response(body, status=200 if ok else 503)

    async def outbox(self, _: web.Request) -> web.Response:
        """Events that Event Grid has not accepted yet, oldest first."""
        return web.json_response({"events": self._journal.waiting_events()})
