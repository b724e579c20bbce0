"""The Vision emulator as a real process, for everybody's tests."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.support.ports import free_port
from tests.support.waiting import until_sync

ROOT = Path(__file__).parents[2]
KEY = "claimlens-development-key"
_END_S = 6


class VisionProcess:
    """A running emulator: ``url`` (the endpoint for the vendor's clients), ``key``, and its test surface."""

    def __init__(self, url: str, process: "subprocess.Popen[bytes]", log: Path | None) -> None:
        self.url = url
        self.key = KEY
        self.process = process
        self.log = log
        self._http = httpx.Client(base_url=url, timeout=10, trust_env=False)

    def calls(self) -> list[dict[str, Any]]:
        """Every call since the start or ``forget_calls``: number, at, operation, features, sha256, url_path,
        status (None while in flight), fault, duration_ms."""
        return list(self._get("/_emulator/calls")["calls"])

    def call_count(self) -> int:
        return int(self._get("/_emulator/calls")["count"])

    def in_flight(self) -> int:
        return int(self._get("/_emulator/calls")["in_flight"])

    def forget_calls(self) -> None:
        self._http.delete("/_emulator/calls").raise_for_status()

    def faults(self, *ordered: dict[str, Any]) -> list[dict[str, Any]]:
        """Order faults, e.g. ``{"status": 429, "retry_after": 1, "count": 3}``; gives those still pending."""
        for fault in ordered:
            self._http.post("/_emulator/faults", json=fault).raise_for_status()
        return list(self._get("/_emulator/faults"))

    def clear_faults(self) -> None:
        self._http.delete("/_emulator/faults").raise_for_status()

    def is_ready(self) -> bool:
        return self._http.get("/readyz").status_code == httpx.codes.OK

    def close(self) -> None:
        self._http.close()

    def _get(self, path: str) -> Any:
        return self._http.get(path).raise_for_status().json()


@contextmanager
def vision_process(
    arguments: Sequence[str] = (), *, port: int | None = None, log: Path | None = None, ready_s: float = 60
) -> Iterator[VisionProcess]:
    """Start ``python -m emulators.vision`` with ``arguments``, wait until its models are loaded, end it after.

    Without ``port``, a free one is taken. ``log``: file for its output; thrown away otherwise.
    """
    port = port or free_port()
    output = log.open("ab") if log else None
    process = subprocess.Popen(
        [sys.executable, "-m", "emulators.vision", "--port", str(port), *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=output or subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    running = VisionProcess(f"http://127.0.0.1:{port}", process, log)

    def ready() -> bool:
        code = process.poll()
        if code is not None:
            raise SystemExit(f"the Vision emulator ended with {code}; its output is in {log}")
        return running.is_ready()

    try:
        until_sync(ready, ready_s, "the Vision emulator is ready")
        yield running
    finally:
        running.close()
        end(process)
        if output:
            output.close()


def end(process: "subprocess.Popen[bytes]") -> int:
    """Ask ``process`` to end, make it after six seconds; gives its exit code."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
    return process.wait(_END_S)
