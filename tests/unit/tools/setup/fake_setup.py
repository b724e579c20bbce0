"""A set-up of one made-up step, run as a program of its own: what tests interrupt, kill and start twice.

``python -m tests.unit.tools.setup.fake_setup FOLDER [COMMAND…]``: the step runs COMMAND, then publishes FOLDER/made,
and notes each of its runs in FOLDER/runs. The cache is where CLAIMLENS_CACHE says.
"""

import os
import sys
import time
from pathlib import Path

from tools.setup.cli import make
from tools.setup.work import Work


class FakeStep:
    name = "fake"
    after = ()
    key = "1"

    def __init__(self, folder: Path, command: list[str]) -> None:
        self.made = folder / "made"
        self.runs = folder / "runs"
        self.command = command

    def is_complete(self) -> bool:
        return self.made.exists()

    def run(self, work: Work) -> None:
        with self.runs.open("a") as runs:
            runs.write(f"{os.getpid()}\n")
        half = work.scratch / "half"
        half.mkdir()
        (half / "file").write_text("whole")
        if self.command:
            work.shell.run(self.command, what="The command", cwd=work.scratch)
        work.staging.publish(half, self.made)


if __name__ == "__main__":
    sys.exit(make([FakeStep(Path(sys.argv[1]), sys.argv[2:])], time.monotonic()))
