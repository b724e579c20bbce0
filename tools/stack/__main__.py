"""`python -m tools.stack run|demo`."""

import argparse
import asyncio
import signal
import sys
import time
from pathlib import Path

from tools.setup.errors import NotSetUp
from tools.stack.demo import demo
from tools.stack.errors import StackError
from tools.stack.settings import Ports, StackSettings
from tools.stack.supervisor import Supervisor


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.stack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run_parser = commands.add_parser("run", help="start everything; Ctrl-C stops everything")
    demo_parser = commands.add_parser("demo", help="upload the sample photos and print what was found")
    for sub in (run_parser, demo_parser):
        sub.add_argument("--ports", default="", help="NAME=NUMBER,…: other ports than the usual ones")
    run_parser.add_argument(
        "--data", type=Path, default=StackSettings.data, help="where data and logs are kept"
    )
    arguments = parser.parse_args()
    try:
        ports = Ports().with_changes(arguments.ports)
        if arguments.command == "demo":
            return asyncio.run(demo(StackSettings(ports=ports)))
        return asyncio.run(run(StackSettings(data=arguments.data.resolve(), ports=ports)))
    except (StackError, NotSetUp, ValueError) as error:
        print(error, file=sys.stderr)
        return 1


async def run(settings: StackSettings) -> int:
    """Until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    started = time.monotonic()
    supervisor = Supervisor(settings)
    print(f"Starting claimlens; data and logs in {settings.data}")
    starting = asyncio.create_task(supervisor.start())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        return 130
    stopping_early = stop.is_set()
    starting.result()
    if not stopping_early:
        print(_welcome(settings, time.monotonic() - started), flush=True)
    await stop.wait()
    print("Stopping …", flush=True)
    await supervisor.stop()
    print("Stopped. The pictures stay; `make run` finds them again.")
    return 0


def _welcome(settings: StackSettings, took_s: float) -> str:
    return f"""
claimlens is up after {took_s:.1f} s.

  Gallery    {settings.url("query")}/
  Upload     curl -F file=@photo.jpg -F claim_id=C-1042 {settings.url("ingest")}/v1/images
  Look up    curl {settings.url("query")}/v1/images
  API docs   {settings.url("ingest")}/docs   {settings.url("query")}/docs
  Samples    make demo

Ctrl-C stops everything.
"""


if __name__ == "__main__":
    sys.exit(main())
