"""A real daprd for tests: on free ports, in its own process group, with its components in a folder of its own."""

import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx
import psutil
import yaml

from tests.support.ports import free_ports
from tests.support.waiting import until, until_sync

START_TIMEOUT_S: Final = 30.0
STOP_TIMEOUT_S: Final = 10.0
LOG_TAIL_LINES: Final = 30

Resource = Mapping[str, Any]


def binary() -> Path:
    """The daprd to test with: ``CLAIMLENS_DAPRD``, else the one that `make setup` has put there.

    Raises FileNotFoundError, saying what to do: a test that needs daprd fails without it, it is not skipped.
    """
    if given := os.environ.get("CLAIMLENS_DAPRD"):
        return Path(given)
    from tools.setup import locations

    found = Path(locations.daprd())
    if not found.exists():
        raise FileNotFoundError(f"no daprd at {found}: run `make setup`, or name one in CLAIMLENS_DAPRD")
    return found


def component(
    name: str,
    kind: str,
    metadata: Mapping[str, str] | None = None,
    *,
    version: str = "v1",
    scopes: Sequence[str] = (),
) -> dict[str, Any]:
    """A Component resource, as daprd reads it."""
    entries = [{"name": key, "value": str(value)} for key, value in (metadata or {}).items()]
    resource: dict[str, Any] = {
        "apiVersion": "dapr.io/v1alpha1",
        "kind": "Component",
        "metadata": {"name": str(name)},
        "spec": {"type": kind, "version": version, "metadata": entries},
    }
    return {**resource, "scopes": list(scopes)} if scopes else resource


def sqlite_state(name: str, database: Path, **metadata: str) -> dict[str, Any]:
    """``state.sqlite`` with keys that are not prefixed, as the services use it."""
    return component(
        name, "state.sqlite", {"connectionString": str(database), "keyPrefix": "name", **metadata}
    )


def blob_binding(
    name: str, *, endpoint: str, account: str, key: str, container: str = "images"
) -> dict[str, Any]:
    """``bindings.azure.blobstorage`` on an emulator's endpoint, account not included."""
    metadata = {
        "endpoint": endpoint,
        "accountName": account,
        "accountKey": key,
        "containerName": container,
        "disableEntityManagement": "true",
    }
    return component(name, "bindings.azure.blobstorage", metadata)


class Daprd:
    """A daprd process. ``resources`` is the folder that it reads, and watches for changes."""

    process: subprocess.Popen[bytes]

    def __init__(
        self,
        app_id: str,
        folder: Path,
        ports: Mapping[str, int],
        options: Sequence[str],
        env: Mapping[str, str],
    ) -> None:
        self.app_id = app_id
        self.http_port = ports["http"]
        self.grpc_port = ports["grpc"]
        self.resources = folder / "resources"
        self.log_file = folder / "daprd.log"
        self._env = {**os.environ, **env}
        self._command = [
            str(binary()),
            *("--app-id", app_id),
            *("--dapr-http-port", str(ports["http"])),
            *("--dapr-grpc-port", str(ports["grpc"])),
            *("--dapr-internal-grpc-port", str(ports["internal"])),
            *("--dapr-listen-addresses", "127.0.0.1"),
            *("--resources-path", str(self.resources)),
            *("--max-body-size", "32Mi"),
            *("--dapr-graceful-shutdown-seconds", "1"),
            *("--placement-host-address", "", "--scheduler-host-address", ""),
            "--enable-metrics=false",
            *options,
        ]

    def launch(self) -> None:
        """Start it, or start it again where it was, and do not wait."""
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.log_file.parent,
                env=self._env,
                start_new_session=True,
            )

    def restart(self) -> None:
        """Start it again where it was, after ``kill`` or ``stop``, and wait until it is ready."""
        self.launch()
        self.wait_ready()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def is_ready(self) -> bool:
        """Ready for the app's calls. Raises RuntimeError with the log's end if daprd has ended."""
        self._alive()
        return httpx.get(f"{self.url}/v1.0/healthz/outbound", timeout=2).is_success

    def wait_ready(self, timeout_s: float = START_TIMEOUT_S) -> None:
        until_sync(
            lambda: self.process.poll() is not None or self.is_ready(), timeout_s, f"daprd of {self.app_id}"
        )
        self._alive()

    async def ready(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """The same without blocking the event loop, for tests whose app runs in it."""
        async with httpx.AsyncClient(base_url=self.url, timeout=2) as client:

            async def answered() -> bool:
                return (
                    self.process.poll() is not None or (await client.get("/v1.0/healthz/outbound")).is_success
                )

            await until(answered, timeout_s, f"daprd of {self.app_id}")
        self._alive()

    def kill(self) -> None:
        """SIGKILL to daprd's group: what a crash looks like."""
        self._signal(signal.SIGKILL)
        self.process.wait(STOP_TIMEOUT_S)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Hold the process still (SIGSTOP): connected, and not answering."""
        self._signal(signal.SIGSTOP)
        watched = psutil.Process(self.process.pid)
        until_sync(lambda: watched.status() == psutil.STATUS_STOPPED, STOP_TIMEOUT_S, "daprd stands still")
        try:
            yield
        finally:
            self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """SIGTERM, then SIGKILL if it does not end. Nothing happens if it has ended."""
        self._signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def _signal(self, number: signal.Signals) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)

    def _alive(self) -> None:
        if (code := self.process.poll()) is not None:
            tail = "\n".join(self.log().splitlines()[-LOG_TAIL_LINES:])
            raise RuntimeError(f"daprd of {self.app_id} ended with {code}:\n{tail}")


@contextmanager
def start(
    app_id: str,
    resources: Sequence[Resource],
    *,
    app_port: int | None = None,
    app_protocol: str = "http",
    env: Mapping[str, str] | None = None,
    args: Sequence[str] = (),
    ports: Mapping[str, int] | None = None,
    wait: bool = True,
) -> Iterator[Daprd]:
    """daprd with these resources (YAML documents as dicts), ended on the way out.

    ``ports``: ``{"http": …, "grpc": …}`` to bring one back where it was; free ones otherwise. ``wait=False``: do not
    wait, for an app in this event loop (then ``await daprd.ready()``). Raises RuntimeError with the log's end if it
    ends early, DeadlineExceeded if it does not get ready.
    """
    with TemporaryDirectory(prefix="daprd-") as name:
        folder = Path(name)
        (folder / "resources").mkdir()
        for number, resource in enumerate(resources):
            text = yaml.safe_dump(dict(resource), sort_keys=False)
            (folder / "resources" / f"{number:02}.yaml").write_text(text)
        chosen = dict(zip(("http", "grpc", "internal"), free_ports(3), strict=True)) | dict(ports or {})
        app = ("--app-port", str(app_port), "--app-protocol", app_protocol) if app_port else ()
        daprd = Daprd(app_id, folder, chosen, [*app, *args], env or {})
        daprd.launch()
        try:
            if wait:
                daprd.wait_ready()
            yield daprd
        finally:
            daprd.stop()


@asynccontextmanager
async def start_async(app_id: str, resources: Sequence[Resource], **options: Any) -> AsyncIterator[Daprd]:
    """``start`` for tests whose app runs in this event loop: waits without blocking it."""
    with start(app_id, resources, **{**options, "wait": False}) as daprd:
        await daprd.ready()
        yield daprd
