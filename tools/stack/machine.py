"""What this machine is running already: ports that are taken, and what an earlier stack left behind."""

import contextlib
import json
import os
import signal
import socket
import time
from pathlib import Path

import psutil

from tools.stack.errors import AlreadyRunning, PortInUse
from tools.stack.settings import Ports

GRACE_S = 5.0
POLL_S = 0.05


def require_free(ports: Ports) -> None:
    """Raises PortInUse for the ports that something listens on."""
    taken = [
        f"  {name} {number}: {holder(number)}"
        for name in Ports.names()
        if not _is_free(number := getattr(ports, name))
    ]
    if taken:
        lines = "\n".join(taken)
        raise PortInUse(
            f"These ports are in use:\n{lines}\n"
            "Stop what holds them, or choose others: make run ARGS='--ports NAME=NUMBER,…'"
        )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: a connection of yesterday in TIME_WAIT does not hold the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def holder(port: int) -> str:
    """The process that listens on the port, in words."""
    try:
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN
            # laddr is (address, port), or empty for a socket without one.
            if listens and tuple(connection.laddr)[1:2] == (port,) and connection.pid:
                process = psutil.Process(connection.pid)
                return f"process {process.pid} ({' '.join(process.cmdline())[:100] or process.name()})"
    except psutil.Error:
        pass
    return "a process of another user, or one that cannot be seen from here"


class ProcessFile:
    """The ids of a running stack and of what it started, so that the next one can end what is left.

    A process is the same one only if its id and its start time are.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ids: dict[str, tuple[int, float]] = {}

    def claim(self) -> None:
        """Make the data folder ours. Raises AlreadyRunning; ends what a dead stack left."""
        for name, (pid, created) in self._read().items():
            process = _same_process(pid, created)
            if process is None:
                continue
            if name == "stack" and pid != os.getpid():
                raise AlreadyRunning(
                    f"claimlens is running already, as process {pid}, on the data in {self.path.parent.parent}. "
                    "Use that one, or end it with Ctrl-C in its terminal."
                )
        for name, (pid, created) in self._read().items():
            if name != "stack" and _same_process(pid, created):
                end_group(pid)
        self._ids = {}
        self.note("stack", os.getpid())

    def note(self, name: str, pid: int) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            self._ids[name] = (pid, psutil.Process(pid).create_time())
        self._write()

    def release(self) -> None:
        self.path.unlink(missing_ok=True)

    def _read(self) -> dict[str, tuple[int, float]]:
        try:
            return {
                name: (pid, created) for name, (pid, created) in json.loads(self.path.read_text()).items()
            }
        except (OSError, ValueError):
            return {}

    def _write(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps(self._ids))
        fresh.replace(self.path)


def _same_process(pid: int, created: float) -> psutil.Process | None:
    try:
        process = psutil.Process(pid)
        if abs(process.create_time() - created) < 1.0 and process.status() != psutil.STATUS_ZOMBIE:
            return process
    except psutil.Error:
        pass
    return None


def members(group: int) -> list[psutil.Process]:
    """The live processes of a process group."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def end_group(group: int) -> None:
    """SIGTERM to a process group that we started, SIGKILL to what is left of it after a grace time.

    Nothing is reaped: that is for whoever waits for the group's leader.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)
        if _ended(group, GRACE_S):
            return


def _ended(group: int, timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while members(group):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True
