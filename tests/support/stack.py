"""The whole stack as `make run` starts it, on free ports and data of its own."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.support.ports import free_ports
from tests.support.waiting import until_sync
from tools.stack.settings import ROOT, Ports

READY_S = 120.0
STOP_S = 40.0


def free_stack_ports() -> Ports:
    """Every port of a stack, free now."""
    names = [port.name for port in fields(Ports)]
    return Ports(**dict(zip(names, free_ports(len(names)), strict=True)))


@dataclass
class RunningStack:
    """A running `make run`. ``output`` is what it has printed so far."""

    process: subprocess.Popen[bytes]
    ports: Ports
    data: Path
    log: Path

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{getattr(self.ports, name)}"

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def processes(self) -> list[psutil.Process]:
        """Everything that the stack started."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def sockets(self) -> str:
        """The folder with the pub/sub component's socket."""
        component = psutil.Process(self.pid("components.eventgrid_pubsub"))
        return component.environ()["DAPR_COMPONENTS_SOCKETS_FOLDER"]

    def pid(self, *words: str) -> int:
        """The process whose command line holds all the words. Raises LookupError."""
        for process in reversed(self.processes()):
            try:
                line = process.cmdline()
            except psutil.Error:
                continue
            if all(any(word in part for part in line) for word in words) and "run" not in line[1:2]:
                return process.pid
        raise LookupError(f"no process with {words}")

    def kill(self, *words: str) -> int:
        """SIGKILL to one process; give its id."""
        pid = self.pid(*words)
        os.kill(pid, signal.SIGKILL)
        return pid

    def upload(self, content: bytes, claim_id: str = "C-1") -> httpx.Response:
        return httpx.post(
            f"{self.url('ingest')}/v1/images",
            files={"file": ("photo", content)},
            data={"claim_id": claim_id},
            timeout=60,
        )

    def record(self, identifier: str) -> dict[str, Any]:
        answer = httpx.get(f"{self.url('query')}/v1/images/{identifier}", timeout=10)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def listed(self, **asked: str) -> list[str]:
        """Ids of the pictures that query finds."""
        return listed(self.url("query"), **asked)

    def wait_for(
        self, identifier: str, status: str = "classified", timeout_s: float = 60.0
    ) -> dict[str, Any]:
        """The record, once it has the status."""

        def record_with_status() -> dict[str, Any] | None:
            record = self.record(identifier)
            return record if record["status"] == status else None

        found = until_sync(record_with_status, timeout_s, f"{identifier} {status}")
        assert found is not None
        return found

    def interrupt(self) -> int:
        """Ctrl-C; give the exit code once it has ended."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(STOP_S)


def listed(query_url: str, **asked: str) -> list[str]:
    """Ids of the first 100 pictures that this query service finds."""
    answer = httpx.get(f"{query_url}/v1/images", params={"limit": "100", **asked}, timeout=20)
    return [item["id"] for item in answer.raise_for_status().json()["items"]]


@contextmanager
def running_stack(data: Path, ports: Ports | None = None) -> Iterator[RunningStack]:
    """Start, wait until it says that it is up, and stop at the end. Raises AssertionError with its output."""
    ports = ports or free_stack_ports()
    data.mkdir(parents=True, exist_ok=True)
    log = data / "stack.log"
    chosen = ",".join(f"{port.name}={getattr(ports, port.name)}" for port in fields(Ports))
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "tools.stack", "run", "--data", str(data), "--ports", chosen],
            cwd=ROOT,
            stdout=out,
            stderr=out,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
    stack = RunningStack(process, ports, data, log)
    try:
        until_sync(
            lambda: "claimlens is up" in stack.output or process.poll() is not None, READY_S, "stack up"
        )
        assert process.poll() is None, stack.output
        yield stack
    finally:
        if process.poll() is None:
            stack.interrupt()


def seconds_to_ready(output: str) -> float:
    """How long `make run` says that it took."""
    found = re.search(r"claimlens is up after ([0-9.]+) s", output)
    assert found, output
    return float(found[1])
