"""What a step is, and what it gets to work with."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tools.setup.commands import Shell
from tools.setup.staging import Staging


@dataclass
class Work:
    """One run of one step."""

    say: Callable[[str], None]
    """Report what is being done now, in a few words."""
    shell: Shell
    """Runs programs."""
    staging: Staging
    """A scratch folder, empty at first and removed afterwards; ``publish`` puts results in place."""
    stop: threading.Event
    """Set when the set-up is to end."""

    @property
    def scratch(self) -> Path:
        return self.staging.folder


class Step(Protocol):
    """One thing that the set-up makes."""

    @property
    def name(self) -> str:
        """One short word for people: the line of progress, the log file."""

    @property
    def after(self) -> tuple[str, ...]:
        """Names of the steps whose results this one uses."""

    @property
    def key(self) -> str:
        """What the result depends on: versions and checksums. Equal keys never run at the same time."""

    def is_complete(self) -> bool:
        """Whether there is nothing to do. Takes milliseconds and starts no process."""

    def run(self, work: Work) -> None:
        """Make it, so that ``is_complete`` holds. Raises SetupError; may be cut off anywhere and run again."""
