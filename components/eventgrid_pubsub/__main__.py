"""``python -m components.eventgrid_pubsub``: run the component."""

import argparse
import os
import sys
from pathlib import Path

import uvloop

from components.eventgrid_pubsub import __version__
from components.eventgrid_pubsub.app import PortUnavailable, Settings, serve
from components.eventgrid_pubsub.durations import seconds
from components.eventgrid_pubsub.sockets import SOCKET_NAME, SocketUnavailable
from components.eventgrid_pubsub.telemetry import configure_logging

DEFAULT_FOLDER = "/tmp/dapr-components-sockets"


def _parser() -> argparse.ArgumentParser:
    env = os.environ.get
    parser = argparse.ArgumentParser(
        prog="python -m components.eventgrid_pubsub",
        description="pubsub.azure.eventgrid: Azure Event Grid Namespaces as a pub/sub component of Dapr.",
        epilog="Start it before daprd, which looks for sockets once. Every option can be given as the environment "
        "variable in brackets. Ends on SIGTERM or SIGINT; 2 is the exit code when a socket or port is in use.",
    )
    parser.add_argument(
        "--sockets-folder", action="append", type=Path, metavar="FOLDER",
        help=f"where to put {SOCKET_NAME} [DAPR_COMPONENTS_SOCKETS_FOLDER] (default {DEFAULT_FOLDER}); give it several "
        "times to serve several sidecars, each with a folder of its own",
    )  # fmt: skip
    parser.add_argument(
        "--socket-mode", type=lambda text: int(text, 8), default=env("EVENTGRID_PUBSUB_SOCKET_MODE", "0600"),
        help="permissions of the socket, octal [EVENTGRID_PUBSUB_SOCKET_MODE] (default 0600; 0666 where daprd runs as "
        "another user)",
    )  # fmt: skip
    parser.add_argument(
        "--exclusive", action="store_true", default=env("EVENTGRID_PUBSUB_EXCLUSIVE", "").lower() in ("1", "true"),
        help="one sidecar alone uses each socket, as in a pod: saves about a tenth of the CPU time "
        "[EVENTGRID_PUBSUB_EXCLUSIVE]",
    )  # fmt: skip
    parser.add_argument(
        "--http-host", default=env("EVENTGRID_PUBSUB_HTTP_HOST", "127.0.0.1"),
        help="address of /healthz and /metrics [EVENTGRID_PUBSUB_HTTP_HOST] (default 127.0.0.1)",
    )  # fmt: skip
    parser.add_argument(
        "--http-port", type=int, default=env("EVENTGRID_PUBSUB_HTTP_PORT", "10030"),
        help="port of /healthz and /metrics, 0 for none [EVENTGRID_PUBSUB_HTTP_PORT] (default 10030)",
    )  # fmt: skip
    parser.add_argument(
        "--grace", type=seconds, default=env("EVENTGRID_PUBSUB_GRACE", "3s"), metavar="DURATION",
        help="how long handlers may go on after SIGTERM [EVENTGRID_PUBSUB_GRACE] (default 3s)",
    )  # fmt: skip
    parser.add_argument(
        "--log-format", choices=("json", "console"), default=env("EVENTGRID_PUBSUB_LOG_FORMAT", "console"),
        help="[EVENTGRID_PUBSUB_LOG_FORMAT] (default console)",
    )  # fmt: skip
    parser.add_argument(
        "--log-level", choices=("debug", "info", "warning", "error"), default=env("EVENTGRID_PUBSUB_LOG_LEVEL", "info"),
        help="[EVENTGRID_PUBSUB_LOG_LEVEL] (default info)",
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=__version__)
    return parser


def main() -> int:
    arguments = _parser().parse_args()
    configure_logging(arguments.log_format, arguments.log_level)
    default = Path(os.environ.get("DAPR_COMPONENTS_SOCKETS_FOLDER", DEFAULT_FOLDER))
    settings = Settings(
        folders=tuple(dict.fromkeys(arguments.sockets_folder or [default])),
        http_host=arguments.http_host,
        http_port=arguments.http_port,
        grace_s=arguments.grace,
        socket_mode=arguments.socket_mode,
        exclusive=arguments.exclusive,
    )
    try:
        uvloop.run(serve(settings))
    except (SocketUnavailable, PortUnavailable) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
