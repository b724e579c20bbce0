"""Starts the component; when it comes up again in the same pod, first tells the sidecar beside it to start anew.

daprd 1.18 never opens a broken subscription stream again, so after a restart of the component alone nothing would be
delivered. The folder of sockets outlives the container but not the pod: a mark in it says that this is a restart.
SIDECAR_SHUTDOWN_URL, as in http://127.0.0.1:3500/v1.0/shutdown: whom to tell. Empty: nobody.
"""

import os
import sys
import urllib.request
from pathlib import Path

TIMEOUT_S = 5.0
PROGRAM = "dapr-eventgrid-pubsub"
DEFAULT_FOLDER = "/tmp/dapr-components-sockets"


def tell_the_sidecar(url: str) -> None:
    """It ends, and whoever runs it starts it again. One that is away needs no telling."""
    try:
        urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=TIMEOUT_S).close()  # noqa: S310
    except OSError as error:
        sys.stderr.write(f"{url}: {error}\n")


def main() -> None:
    folder = Path(os.environ.get("DAPR_COMPONENTS_SOCKETS_FOLDER", DEFAULT_FOLDER))
    url = os.environ.get("SIDECAR_SHUTDOWN_URL", "")
    mark = folder / ".started"
    # The mark is no socket: daprd would warn about it, were it not in a folder.
    mark.parent.mkdir(parents=True, exist_ok=True)
    if url and mark.is_dir():
        tell_the_sidecar(url)
    mark.mkdir(exist_ok=True)
    os.execvp(PROGRAM, [PROGRAM, *sys.argv[1:]])


if __name__ == "__main__":
    main()
