"""The Event Grid emulator as a process of its own, for any test.

```python
with eventgrid(tmp_path, {"orders": {"worker": {"lock_duration": "60s"}}}) as grid:
    client = EventGridPublisherClient(grid.url, AzureKeyCredential(grid.key), namespace_topic="orders")
    grid.advance(61)   # locks end now: nobody waits a minute
    grid.kill()        # SIGKILL
    grid.start()
```
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.support.ports import free_port
from tests.support.waiting import until_sync

ROOT = Path(__file__).resolve().parents[2]
KEY = "claimlens-development-key"
LOCAL_CONFIG = ROOT / "emulators" / "local.eventgrid.yaml"
START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 8.0

Topics = Mapping[str, Mapping[str, Mapping[str, Any]]]


class EventGridProcess:
    """One emulator on a port and a data directory that stay the same over restarts."""

    def __init__(self, directory: Path, config: Path, port: int, arguments: tuple[str, ...] = ()) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.key = KEY
        self.config = config
        self.data = directory / "eventgrid-data"
        self.log = directory / "eventgrid.log"
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, "the emulator is not running"
        return self._process.pid

    def start(self) -> None:
        """Start and wait until it answers; fails at once, with its log, when it ends instead."""
        assert self._process is None, "the emulator is running"
        command = [sys.executable, "-m", "emulators.eventgrid", "--port", str(self.port)]
        command += ["--data", str(self.data), "--config", str(self.config), *self._arguments]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        process = self._process

        def answers() -> bool:
            return process.poll() is not None or httpx.get(f"{self.url}/healthz").is_success

        until_sync(answers, START_TIMEOUT_S, "the Event Grid emulator answers")
        if process.poll() is not None:
            self._process = None
            raise AssertionError(f"the emulator ended with {process.returncode}:\n{self.log.read_text()}")

    def stop(self) -> int:
        """SIGTERM, and its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL: no chance to write anything down."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop cleanly and start again on the same data."""
        self.stop()
        self.start()

    def stats(self) -> dict[str, Any]:
        """``GET /_emulator/stats``."""
        answer: dict[str, Any] = httpx.get(f"{self.url}/_emulator/stats").raise_for_status().json()
        return answer

    def queue(self, topic: str, subscription: str) -> dict[str, Any]:
        """One subscription's part of the stats."""
        queue: dict[str, Any] = self.stats()["topics"][topic]["subscriptions"][subscription]
        return queue

    def inject(self, operation: str, **fault: Any) -> None:
        """``POST /_emulator/faults``: ``status``, ``count``, ``after``, ``retry_after``, ``delay_s``, …"""
        body = {"operation": operation, **fault}
        httpx.post(f"{self.url}/_emulator/faults", json=body).raise_for_status()

    def advance(self, seconds: float) -> None:
        """Let the emulator's clock jump ahead."""
        body = {"advance_s": seconds}
        httpx.post(f"{self.url}/_emulator/clock", json=body).raise_for_status()

    def _end(self, number: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        if process.poll() is None:
            os.killpg(process.pid, number)
        try:
            return process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(STOP_TIMEOUT_S)
            raise AssertionError(f"the emulator did not end in {STOP_TIMEOUT_S} s") from None


@contextmanager
def eventgrid(
    directory: Path, topics: Topics | None = None, *, arguments: tuple[str, ...] = ()
) -> Iterator[EventGridProcess]:
    """A running emulator: ``topics`` as topic → subscription → settings, or those of `make run`.

    ``directory`` takes its configuration, data and log.
    """
    config = LOCAL_CONFIG
    if topics is not None:
        config = directory / "eventgrid.yaml"
        write_config(config, topics)
    process = EventGridProcess(directory, config, free_port(), arguments)
    process.start()
    try:
        yield process
    finally:
        process.kill()


def write_config(path: Path, topics: Topics) -> None:
    """Write a configuration file with these topics."""
    document = {
        "access_key": KEY,
        "topics": {
            topic: {"subscriptions": {name: dict(settings) for name, settings in subscriptions.items()}}
            for topic, subscriptions in topics.items()
        },
    }
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
