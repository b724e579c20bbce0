"""The pluggable component as a process of its own, for any test."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.support.ports import free_port
from tests.support.waiting import until_sync

ROOT = Path(__file__).resolve().parents[2]
SOCKET_NAME = "azure.eventgrid.sock"
START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 10.0


class ComponentProcess:
    """One component on sockets folders and a port that stay the same over restarts."""

    def __init__(self, folders: Sequence[Path], log: Path, arguments: Sequence[str] = ()) -> None:
        self.folders = list(folders)
        self.log = log
        self.port = free_port()
        self._arguments = list(arguments)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def env(self) -> dict[str, str]:
        """The environment in which daprd finds the component: the first folder."""
        return {"DAPR_COMPONENTS_SOCKETS_FOLDER": str(self.folders[0])}

    @property
    def pid(self) -> int:
        assert self._process is not None, "the component is not running"
        return self._process.pid

    def start(self) -> None:
        """Start and wait for its sockets and its port; fails with its log when it ends instead."""
        command = [sys.executable, "-m", "components.eventgrid_pubsub", "--http-port", str(self.port)]
        for folder in self.folders:
            command += ["--sockets-folder", str(folder)]
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [*command, *self._arguments],
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._process = process
        until_sync(
            lambda: (
                process.poll() is not None or httpx.get(f"http://127.0.0.1:{self.port}/healthz").is_success
            ),
            START_TIMEOUT_S,
            "the component answers",
        )
        if process.poll() is not None:
            raise AssertionError(f"the component ended with {process.returncode}:\n{self.log.read_text()}")

    def health(self) -> dict[str, Any]:
        """``GET /healthz``."""
        answer: dict[str, Any] = httpx.get(f"http://127.0.0.1:{self.port}/healthz").raise_for_status().json()
        return answer

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that carry these labels."""
        text = httpx.get(f"http://127.0.0.1:{self.port}/metrics").raise_for_status().text
        total = 0.0
        for line in text.splitlines():
            if line.split("{")[0].split(" ")[0] == name and all(
                f'{k}="{v}"' in line for k, v in labels.items()
            ):
                total += float(line.rsplit(" ", 1)[1])
        return total

    def stop(self) -> int:
        """SIGTERM, and its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        if process.poll() is None:
            os.killpg(process.pid, number)
        return process.wait(STOP_TIMEOUT_S)


@contextmanager
def eventgrid_component(
    log: Path, *, sockets: int = 1, arguments: Sequence[str] = ()
) -> Iterator[ComponentProcess]:
    """A running component with as many sockets folders; its output goes to ``log``."""
    with tempfile.TemporaryDirectory(prefix="eg-") as name:
        folders = [Path(name) / str(number) for number in range(sockets)]
        process = ComponentProcess(folders, log, arguments)
        process.start()
        try:
            yield process
        finally:
            process.kill()
