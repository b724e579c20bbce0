"""``python -m emulators.storage``."""

import asyncio
import logging
import signal
import sys

from emulators.storage.app import running
from emulators.storage.errors import StartError
from emulators.storage.settings import Settings, parse

log = logging.getLogger("storage")


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with running(settings):
        log.info(
            "blob endpoint %s, events to %s, topic %s", settings.endpoint, settings.event_grid, settings.topic
        )
        await stop.wait()
        log.info("stopping")


def main() -> int:
    """Run until SIGINT or SIGTERM; 2 if it cannot start."""
    settings = parse()
    logging.basicConfig(
        level=settings.log_level.upper(),
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    try:
        asyncio.run(_serve(settings))
    except StartError as error:
        log.error("%s", error)  # noqa: TRY400 - the message is the whole story
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
