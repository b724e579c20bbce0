"""Sees to it that daprd has subscribed its app."""

import asyncio
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import structlog

from services.platform.dapr.sidecar import NotSubscribed, Sidecar
from services.platform.errors import SidecarUnavailable

log = structlog.get_logger()

# daprd subscribes within a second of finding the app's port; a busy machine may take longer.
PATIENCE_S: Final = 30.0
# Where restarting does not help, the sidecar must not spend its time with it.
LONGEST_PATIENCE_S: Final = 900.0
LOOK_S: Final = 5.0


@dataclass(frozen=True)
class Subscribed:
    """The app's subscriptions: ``topics`` of ``pubsub``, lanes included."""

    sidecar: Sidecar
    pubsub: str
    topics: Collection[str]
    patience_s: float = PATIENCE_S
    look_s: float = LOOK_S

    async def check(self) -> None:
        """Raises SidecarUnavailable; NotSubscribed where daprd is well and has forgotten the app."""
        await self.sidecar.check_subscriptions(self.pubsub, self.topics)

    async def keep(self) -> None:
        """For ever: end a sidecar that is well and has not subscribed the app, so that whoever runs it starts it anew.

        daprd asks for subscriptions once. Each attempt that did not help doubles the time until the next.
        """
        patience_s = self.patience_s
        since: float | None = None
        while True:
            try:
                await self.check()
                since, patience_s = None, self.patience_s
            except NotSubscribed as error:
                since = since or time.monotonic()
                if time.monotonic() - since >= patience_s:
                    log.warning("sidecar is told to start anew", why=error.detail)
                    await self.sidecar.shut_down()
                    since, patience_s = None, min(2 * patience_s, LONGEST_PATIENCE_S)
            except SidecarUnavailable:
                since = None
            await asyncio.sleep(self.look_s)
