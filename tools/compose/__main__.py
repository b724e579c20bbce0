"""``python -m tools.compose``: write Dapr's files, and a new generation whenever the component was restarted.

daprd never opens a broken subscription stream again; a changed metadata value makes it reload the component and open
every stream anew. The component puts up a new socket when it starts: that is how its restart is seen here.
"""

import argparse
import signal
import sys
import threading
import time
from pathlib import Path

from tools.compose import CosmosError
from tools.compose.components import COSMOS_URL, generation_of, rendered, write
from tools.compose.cosmos import make_container

LOOK_EVERY_S = 0.5
COSMOS_TIMEOUT_S = 120.0


def main(argv: list[str] | None = None) -> int:
    """0 when told to stop, 1 if the Cosmos emulator cannot be used, 2 on a bad argument."""
    parser = argparse.ArgumentParser(prog="python -m tools.compose", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("/components"), help="where to write them")
    parser.add_argument(
        "--sockets",
        type=Path,
        default=Path("/tmp/dapr-components-sockets"),
        help="where the component's socket is",
    )
    parser.add_argument(
        "--records", choices=("sqlite", "cosmos"), default="sqlite", help="where the records are kept"
    )
    given = parser.parse_args(argv)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    cosmos = given.records == "cosmos"
    if cosmos and not _cosmos_made(stop):
        return 0 if stop.is_set() else 1
    generation = "0"
    while True:
        # While the component is away its last generation stands: there is nothing to connect to.
        generation = generation_of(given.sockets) or generation
        for name in write(given.folder, rendered(given.folder, generation, cosmos=cosmos)):
            print(f"{name}: written, generation {generation}", flush=True)
        if stop.wait(LOOK_EVERY_S):
            return 0


def _cosmos_made(stop: threading.Event) -> bool:
    deadline = time.monotonic() + COSMOS_TIMEOUT_S
    while not stop.is_set():
        try:
            make_container(COSMOS_URL)
        except (CosmosError, OSError) as error:
            if time.monotonic() > deadline:
                print(f"{COSMOS_URL}: {error}", file=sys.stderr)
                return False
            stop.wait(1)
        else:
            return True
    return False


if __name__ == "__main__":
    sys.exit(main())
