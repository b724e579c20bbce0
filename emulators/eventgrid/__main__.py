"""``python -m emulators.eventgrid``."""

import argparse
import asyncio
import logging
import sys
from pathlib import Path

from emulators.eventgrid import config
from emulators.eventgrid.errors import ConfigError, StartError
from emulators.eventgrid.server import listen, serve

_EPILOG = """\
The configuration is YAML: access_key, and topics with their subscriptions (lock_duration, max_delivery_count,
event_ttl, dead_letter). Durations: ISO 8601 (PT1M) or short (60s, 7d). Clients: endpoint http://HOST:PORT, with the
access key, or any unexpired token for https://eventgrid.azure.net. Besides the service's operations there are
GET /healthz, GET /_emulator/stats, POST /_emulator/faults and POST /_emulator/clock.
Exit codes: 0 told to stop, 2 could not start.
"""


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m emulators.eventgrid",
        description="The data plane of an Azure Event Grid namespace, on this machine.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=10010, help="port to listen on (default: %(default)s)")
    parser.add_argument("--data", type=Path, required=True, help="directory that keeps the events")
    parser.add_argument("--config", type=Path, required=True, help="the configuration file")
    parser.add_argument(
        "--durability",
        choices=("normal", "full"),
        default="normal",
        help="normal: an accepted event survives the death of the process; full: a power cut too, for an fsync a "
        "commit (default: %(default)s)",
    )
    parser.add_argument("--log-level", default="info", choices=("debug", "info", "warning", "error"))
    args = parser.parse_args(argv)
    logging.basicConfig(
        level=args.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    try:
        namespace = config.load(args.config)
        sock = listen(args.host, args.port)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(serve(namespace, args.data, sock, args.durability))
    except ConfigError as error:
        for problem in error.problems:
            print(f"{args.config}: {problem}", file=sys.stderr)  # noqa: T201
        return 2
    except StartError as error:
        print(f"eventgrid emulator: {error}", file=sys.stderr)  # noqa: T201
        return 2
    return 0


def _loop_factory() -> type[asyncio.AbstractEventLoop]:
    try:
        import uvloop
    except ImportError:  # it has no wheels for Windows
        return asyncio.SelectorEventLoop
    return uvloop.Loop


if __name__ == "__main__":
    sys.exit(main())
