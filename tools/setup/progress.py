"""What a person sees meanwhile: one line a step, redrawn on a terminal, repeated every 15 s elsewhere."""

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TextIO

REDRAW_S = 0.2
REPEAT_S = 15.0
_MARKS = {"waiting": "·", "running": "…", "done": "✓", "failed": "✗"}


def elapsed(seconds: float) -> str:
    """``4.2 s`` or ``3 min 05 s``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"


@dataclass
class Task:
    """One step as the board shows it; what a step gets to report its progress to."""

    name: str
    state: str = "waiting"
    detail: str = ""
    started: float = 0.0
    ended: float = 0.0
    _told: float = field(default=0.0, repr=False)
    _show: Callable[["Task"], None] = field(default=lambda _: None, repr=False)

    def say(self, detail: str) -> None:
        """What the step does now: a few words, seen at the next redraw or repeat."""
        self.detail = detail

    def announce(self, detail: str) -> None:
        """The same, shown at once."""
        self.detail = detail
        self._show(self)

    @property
    def seconds(self) -> float:
        return (self.ended or time.monotonic()) - self.started if self.started else 0.0

    def line(self) -> str:
        took = elapsed(self.seconds) if self.started else ""
        return f"{_MARKS[self.state]} {self.name:<12} {took:>11}  {self.detail}".rstrip()


class Board:
    """All steps. Use as a context manager; ``begin`` and ``end`` may come from any thread."""

    def __init__(self, names: list[str], out: TextIO | None = None, repeat_s: float = REPEAT_S) -> None:
        self.tasks = {name: Task(name, _show=self._print) for name in names}
        self._out = out or sys.stdout
        self._live = self._out.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._repeat_s = repeat_s
        self._drawn = 0
        self._guard = threading.RLock()
        self._closing = threading.Event()
        self._painter = threading.Thread(target=self._paint, daemon=True)

    def __enter__(self) -> "Board":
        self._painter.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._painter.join(2.0)
        if self._live:
            self._redraw()

    def begin(self, name: str) -> Task:
        with self._guard:
            task = self.tasks[name]
            task.state, task.started = "running", time.monotonic()
            self._print(task)
            return task

    def end(self, name: str, *, failed: bool = False, detail: str = "") -> None:
        with self._guard:
            task = self.tasks[name]
            task.state, task.ended, task.detail = ("failed" if failed else "done"), time.monotonic(), detail
            self._print(task)

    def _print(self, task: Task) -> None:
        if not self._live:
            task._told = time.monotonic()
            with self._guard:
                print(task.line(), file=self._out, flush=True)

    def _paint(self) -> None:
        while not self._closing.wait(REDRAW_S if self._live else min(REDRAW_S * 5, self._repeat_s)):
            with self._guard:
                if self._live:
                    self._redraw()
                    continue
                now = time.monotonic()
                for task in self.tasks.values():
                    if task.state == "running" and now - task._told >= self._repeat_s:
                        self._print(task)

    def _redraw(self) -> None:
        width = shutil.get_terminal_size().columns
        back = f"\x1b[{self._drawn}A" if self._drawn else ""
        lines = [f"\x1b[2K{task.line()[: width - 1]}\n" for task in self.tasks.values()]
        self._out.write(back + "".join(lines))
        self._out.flush()
        self._drawn = len(lines)
