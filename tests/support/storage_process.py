"""The storage emulator as a process of its own, for tests: ``python -m emulators.storage`` on free ports.

Azurite comes from the set-up, or from the command in the environment's ``CLAIMLENS_AZURITE``.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from emulators.storage.settings import DEVELOPMENT_ACCOUNT, DEVELOPMENT_KEY
from tests.support.ports import free_port, free_ports
from tests.support.waiting import until_sync

ROOT = Path(__file__).parents[2]
READY_S = 30.0
STOP_S = 8.0


class StorageProcess:
    """One emulator with its own Azurite; it can be killed and started again on the same ports and data."""

    account = DEVELOPMENT_ACCOUNT
    key = DEVELOPMENT_KEY

    def __init__(
        self, data: Path, event_grid: str, topic: str = "blob-created", options: Sequence[str] = ()
    ) -> None:
        self.data = data
        self.port, self.azurite_port = free_ports(2)
        self._options = (
            *("--port", str(self.port), "--data", str(data)),
            *("--event-grid", event_grid, "--topic", topic),
            *(() if "--azurite-url" in options else ("--azurite-port", str(self.azurite_port))),
            *options,
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def base_url(self) -> str:
        """Without the account: where ``/healthz`` and ``/_emulator`` are."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Blob endpoint, account included, as SDKs take it."""
        return f"{self.base_url}/{self.account}"

    @property
    def connection_string(self) -> str:
        """For the SDKs of Azure Storage."""
        return (
            f"DefaultEndpointsProtocol=http;AccountName={self.account};AccountKey={self.key};"
            f"BlobEndpoint={self.url};"
        )

    @property
    def pid(self) -> int:
        """The emulator's process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """What it has written so far."""
        return (self.data / "emulator.log").read_text(errors="replace")

    def start(self) -> None:
        """Start and wait until it is healthy and its container is there."""
        self.launch()
        until_sync(lambda: self._ended or self._healthy(), READY_S, "storage emulator is healthy")
        if self._ended:
            raise RuntimeError(f"the storage emulator ended at once:\n{self.log}")

    def launch(self) -> None:
        """Start, and do not wait. One that still runs is killed first."""
        self.kill()
        self.data.mkdir(parents=True, exist_ok=True)
        with (self.data / "emulator.log").open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "emulators.storage", *self._options],
                cwd=ROOT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def _ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _healthy(self) -> bool:
        return httpx.get(f"{self.base_url}/healthz", timeout=3).status_code == 200

    def kill(self) -> None:
        """SIGKILL to the emulator alone; its Azurite notices and stops."""
        self._signal(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM, as at the end of a session; gives the exit code."""
        return self._signal(signal.SIGTERM)

    def _signal(self, number: signal.Signals) -> int:
        process = self._process
        if process is None:
            return 0
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)
        try:
            return process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_S)
            raise


@contextmanager
def storage_process(
    data: Path, event_grid: str = "", topic: str = "blob-created", options: Sequence[str] = ()
) -> Iterator[StorageProcess]:
    """A running storage emulator with its files in ``data``; stopped at the end.

    Without ``event_grid`` nobody listens there: the events wait in the outbox. ``options``: more of the command line.
    """
    process = StorageProcess(data, event_grid or f"http://127.0.0.1:{free_port()}", topic, options)
    try:
        process.start()
        yield process
    finally:
        process.stop()
