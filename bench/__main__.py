"""`python -m bench`: every benchmark, one after the other; each is a program too: `python -m bench.NAME`.

What they print goes to stdout, progress to stderr. A goal that was missed is told at the end and is no error; a
benchmark that could not run is.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MISSED: Final = "missed"


@dataclass(frozen=True)
class Bench:
    """``page``: what ``--write`` calls its file; ``about``: what it tells."""

    name: str
    page: str
    about: str


BENCHES: Final = (
    Bench("costs", "costs.md", "a month's cost at the three sizes"),
    Bench("capacity", "capacity.md", "a simulated busy day, more than 200 replicas, what breaks first"),
    Bench("vision", "bench-vision.md", "the local engine on one core, the classifier's own time"),
    Bench("labels", "bench-labels.md", "precision and recall of the label rules"),
    Bench("pubsub", "bench-pubsub.md", "the Event Grid component beside pubsub.redis; takes minutes"),
)


@dataclass(frozen=True)
class Outcome:
    bench: Bench
    seconds: float
    code: int
    missed: int

    def line(self) -> str:
        said = "ran" if self.code == 0 else f"failed, exit code {self.code}"
        goals = f", {self.missed} goal{'s' if self.missed > 1 else ''} missed" if self.missed else ""
        return f"{self.bench.name:10} {said}{goals} ({self.seconds:.0f} s)"


def run(bench: Bench, write: Path | None = None, *, command: Sequence[str] = ()) -> Outcome:
    """As a process of its own; what it prints is passed on. ``command``: instead of the benchmark."""
    arguments = list(command) or [sys.executable, "-m", f"bench.{bench.name}"]
    if write is not None:
        arguments += ["--write", str(write / bench.page)]
    began, missed = time.monotonic(), 0
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                print(line, end="", flush=True)
                missed += line.count(MISSED) if line.startswith(("|", "Goal")) else 0
        except BaseException:
            process.terminate()
            raise
    return Outcome(bench, time.monotonic() - began, process.returncode, missed)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [bench.name for bench in BENCHES]
    parser.add_argument(
        "--only", action="append", choices=names, metavar="NAME", help=f"one of {', '.join(names)}"
    )
    parser.add_argument(
        "--write", type=Path, metavar="DIR", help="also write each page into this folder, as docs"
    )
    parser.add_argument("--list", action="store_true", help="tell what there is")
    arguments = parser.parse_args()
    if arguments.list:
        for bench in BENCHES:
            print(f"{bench.name:10} {bench.about}")
        return 0
    if arguments.write is not None and not arguments.write.is_dir():
        parser.error(f"--write {arguments.write}: no such folder")
    outcomes = []
    for bench in BENCHES:
        if arguments.only and bench.name not in arguments.only:
            continue
        print(f"== {bench.name}: {bench.about}", file=sys.stderr, flush=True)
        outcomes.append(run(bench, arguments.write))
        print(flush=True)
    for outcome in outcomes:
        print(outcome.line(), file=sys.stderr)
    return 1 if any(outcome.code for outcome in outcomes) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
