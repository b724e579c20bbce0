"""Running other programs: logged, stoppable as a group, and their failures put into words."""

import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tools.setup.errors import CommandFailed, Interrupted, NoCompiler, NoNetwork, NoSpace, SetupError

TAIL_LINES = 15
GRACE_S = 2.0
_PATTERNS: list[tuple[re.Pattern[str], type[SetupError], str, str]] = [
    (
        re.compile(r"no space left on device|ENOSPC|disk quota exceeded", re.I),
        NoSpace,
        "The disk is full",
        "Free some space, or point CLAIMLENS_CACHE at a larger disk; then run `make setup` again.",
    ),
    (
        re.compile(
            r"name resolution|no such host|name or service not known|ENOTFOUND|EAI_AGAIN|ECONN|ETIMEDOUT"
            r"|network is unreachable|connection refused|connection reset|failed to (?:establish|connect)|dns error"
            r"|i/o timeout|handshake timeout|timed? ?out|could not connect|max retries exceeded"
            r"|error sending request|module lookup disabled",
            re.I,
        ),
        NoNetwork,
        "A package registry cannot be reached",
        "Check the network and, behind a proxy or a mirror, its settings (pip, uv, npm and Go each have their own); "
        "then run `make setup` again.",
    ),
    (
        re.compile(
            r"(?:gcc|cc|clang|c\+\+)['\"]?:? (?:failed|not found)|no such file.*\b(?:gcc|cc)\b|find.*compiler",
            re.I,
        ),
        NoCompiler,
        "A package has no ready-made build for this machine and there is no C compiler to build it",
        "Install one (Debian, Ubuntu: `apt install build-essential python3-dev`), or use a Python that has "
        "ready-made packages.",
    ),
]


class Children:
    """The programs that run now, so that all can be ended at once. Shared by every step."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self._running: set[subprocess.Popen[str]] = set()
        self._guard = threading.Lock()

    def start(
        self, argv: Sequence[str], cwd: Path, env: Mapping[str, str], lock: int | None
    ) -> "subprocess.Popen[str]":
        """Start a program in a process group of its own. Raises Interrupted once ``stop_all`` was called."""
        with self._guard:
            if self.stop.is_set():
                raise Interrupted
            child = subprocess.Popen(
                list(argv),
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
                pass_fds=() if lock is None else (lock,),
            )
            self._running.add(child)
            return child

    def forget(self, child: "subprocess.Popen[str]") -> None:
        with self._guard:
            self._running.discard(child)

    def stop_all(self) -> None:
        """End every child with its own children: asked first, then killed after the grace time."""
        with self._guard:
            self.stop.set()
            running = list(self._running)
        for child in running:
            end_group(child, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_S
        for child in running:
            try:
                child.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                end_group(child, signal.SIGKILL)


def end_group(child: "subprocess.Popen[str]", how: signal.Signals) -> None:
    """Signal the process group that ``child`` leads, if it is still there."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, how)


class Shell:
    """Runs one step's programs, one after the other, into one log file."""

    def __init__(self, children: Children, log: Path, lock: int | None = None) -> None:
        self._children = children
        self._lock = lock
        self.log = log

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        what: str,
        cwd: Path,
        env: Mapping[str, str] | None = None,
        on_line: Callable[[str], None] | None = None,
        timeout_s: float = 1800.0,
    ) -> list[str]:
        """Run a program and give the lines it printed, errors included.

        ``env`` is added to this process's own; ``on_line`` sees each line as it comes. Raises Interrupted if the
        set-up is told to stop, else NoNetwork, NoSpace, NoCompiler or CommandFailed with the log's name and end.
        """
        command = [str(part) for part in argv]
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("a") as log:
            log.write(f"$ {' '.join(command)}\n")
            log.flush()
            try:
                child = self._children.start(command, cwd, {**os.environ, **(env or {})}, self._lock)
            except OSError as error:
                raise CommandFailed(f"{what} failed: {command[0]} cannot be started: {error}.") from error
            late = threading.Event()

            def cut_off() -> None:
                late.set()
                end_group(child, signal.SIGKILL)

            timer = threading.Timer(timeout_s, cut_off)
            timer.daemon = True
            timer.start()
            lines: list[str] = []
            try:
                assert child.stdout is not None
                for line in child.stdout:
                    log.write(line)
                    lines.append(line.rstrip())
                    if on_line:
                        on_line(lines[-1])
                code = child.wait()
            finally:
                timer.cancel()
                if child.poll() is None:
                    end_group(child, signal.SIGKILL)
                    child.wait()
                if child.stdout:
                    child.stdout.close()
                self._children.forget(child)
        if self._children.stop.is_set():
            raise Interrupted
        if late.is_set():
            raise CommandFailed(
                f"{what} was not done after {timeout_s / 60:.0f} minutes.", "", self._evidence(lines)
            )
        if code != 0:
            raise self._explain(what, code, lines)
        return lines

    def _explain(self, what: str, code: int, lines: list[str]) -> SetupError:
        for line in reversed(lines):
            for pattern, kind, meaning, todo in _PATTERNS:
                if pattern.search(line):
                    return kind(f"{what} failed. {meaning}.", todo, self._evidence(lines))
        return CommandFailed(f"{what} failed with exit code {code}.", "", self._evidence(lines))

    def _evidence(self, lines: list[str]) -> str:
        tail = "".join(f"\n  | {line[:300]}" for line in lines[-TAIL_LINES:])
        return f"Log: {self.log}{tail}"
