"""`python -m bench.vision`: what a picture of 1200×900 takes of one core, in the local engine and in the classifier.

CPU time, so that a busy machine does not lengthen it; the time that passed is told too.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from bench.machine import describe, spread
from bench.markdown import table
from bench.vision import engine, own_time

TAGS_GOAL_MS, OWN_GOAL_MS = 30.0, 10.0


@contextmanager
def one_core() -> Iterator[bool]:
    """Keeps this process, and those it starts, on one core; False where the system cannot."""
    if not hasattr(os, "sched_setaffinity"):
        yield False
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield True
    finally:
        os.sched_setaffinity(0, before)


def report(seen: engine.Measured, own: own_time.OwnTime, machine: str) -> str:
    """Markdown."""
    looks = [
        [
            look.what,
            spread(look.cpu, 1),
            f"{median(look.passed):.1f}",
            ", ".join(f"{part} {median(times):.1f}" for part, times in look.parts.items()),
            goal(look.cpu_ms, TAGS_GOAL_MS) if look.what == "tags" else "",
        ]
        for look in seen.looks
    ]
    mine = [
        ["its own time", spread(own.cpu, 1), f"{median(own.passed):.1f}", goal(median(own.cpu), OWN_GOAL_MS)],
        ["Vision calls", f"{own.calls:g}", "", f"1 {'reached' if own.calls == 1 else 'missed'}"],
    ]
    memory = ", ".join(f"{megabytes:.0f} MB {what}" for what, megabytes in seen.memory_mb.items())
    width, height = engine.SIZE
    return f"""{machine} A JPEG of {width}×{height}, warm; milliseconds, median (least–most).

{table(("local engine", "CPU", "passed", "of that", "goal"), looks)}

Loaded and first answer in {seen.loading_s:.1f} s; memory, libraries aside: {memory}.

{table(("classifier, for a picture", "CPU", "passed", "goal"), mine)}

The classifier with stand-ins for Dapr (no gRPC), and the vendor's client to a Vision that answers at once.
"""


def goal(reached: float, most: float) -> str:
    return f"≤ {most:g} {'reached' if reached <= most else 'missed'}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.vision", description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--write", type=Path, help="also write the tables to this file")
    arguments = parser.parse_args()

    def note(what: str) -> None:
        print(f"measuring: {what}", file=sys.stderr, flush=True)

    machine = describe()
    try:
        with one_core() as alone:
            seen = engine.measure(arguments.rounds, note)
            note("the classifier's own time")
            own = asyncio.run(own_time.measure())
    except FileNotFoundError as error:
        print(f"bench.vision: {error}; `make setup` makes the model and fetches the samples", file=sys.stderr)
        return 2
    text = report(seen, own, f"Machine: {machine}{', one core used' if alone else ''}.")
    print(text, end="")
    if arguments.write:
        arguments.write.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
