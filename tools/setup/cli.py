"""The command ``python3 -m tools.setup``."""

import argparse
import io
import signal
import sys
import time
from collections.abc import Sequence
from types import FrameType

from tools.setup import locations
from tools.setup.commands import Children
from tools.setup.errors import Interrupted
from tools.setup.progress import Board, elapsed
from tools.setup.runner import Runner
from tools.setup.steps import all_steps
from tools.setup.work import Step


def main(argv: Sequence[str] | None = None) -> int:
    """Set up what is missing; the exit code: 0 all is there, 1 something failed, 130 interrupted."""
    options = _parser().parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that knows no check mark must not end the set-up.
            stream.reconfigure(errors="replace")
    steps = [step for step in all_steps() if not options.only or step.name in options.only]
    started = time.monotonic()
    try:
        missing = [step for step in steps if not step.is_complete()]
    except OSError as error:
        print(f"make setup: a file of the checkout cannot be read: {error}", file=sys.stderr)
        return 1
    if not missing:
        if not options.quiet:
            print(f"Everything is set up ({elapsed(time.monotonic() - started)}).")
        return 0
    return make(missing, started)


def make(missing: Sequence[Step], started: float) -> int:
    """Make the steps in ``missing`` and say how it went."""
    print(
        f"Setting up {', '.join(step.name for step in missing)}; cache: {locations.cache_dir()}", flush=True
    )
    children = Children()
    interrupted = False

    def stop(*_: int | FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        children.stop.set()

    before = {
        number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        with Board([step.name for step in missing]) as board:
            failures = Runner(missing, board, children).run()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if interrupted:
        print(Interrupted(), file=sys.stderr)
        return 130
    for name, error in failures.items():
        print(f"\n{name}: {error}", file=sys.stderr)
    if failures:
        return 1
    print(f"Everything is set up ({elapsed(time.monotonic() - started)}).")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m tools.setup", description=__doc__)
    names = [step.name for step in all_steps()]
    parser.add_argument("--only", action="append", choices=names, help="make this one alone; may be repeated")
    parser.add_argument(
        "--quiet", action="store_true", help="print nothing where everything is there already"
    )
    return parser
