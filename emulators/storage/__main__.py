"""``python -m emulators.storage``."""

import asyncio
import logging
import signal
import sys

from emulators.storage.app import running
from emulators.storage.errors import StartError
from emulators.storage.settings import Settings, parse

log = logging.getLogger("storage")


async def _serve(settings: Settings) -> bool:
    """False if it had to end by itself."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with running(settings) as failed:
        log.info(
            "blob endpoint %s, events to %s, topic %s", settings.endpoint, settings.event_grid, settings.topic
        )
        ends = [asyncio.create_task(event.wait()) for event in (stop, failed)]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.cancel()
        log.info("stopping")
        return not failed.is_set()


def main() -> int:
    """Run until SIGINT or SIGTERM; 2 if it cannot start, 1 if it cannot go on."""
    settings = parse()
    logging.basicConfig(
        level=settings.log_level.upper(),
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    try:
        return 0 if asyncio.run(_serve(settings)) else 1
    except StartError as error:
        log.error("%s", error)  # noqa: TRY400 - the message is the whole story
        return 2


if __name__ == "__main__":
    sys.exit(main())
