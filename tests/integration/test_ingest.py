"""Ingest as a process of its own, with a real daprd, state store and storage emulator."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient

from services.contracts.names import CONTAINER, Component, record_key
from tests.support import daprd
from tests.support.pictures import encoded, large_jpeg
from tests.support.ports import free_port, free_ports
from tests.support.storage_process import StorageProcess, storage_process
from tests.support.waiting import until_sync

ROOT = Path(__file__).parents[2]
DAPR_TIMEOUT_S = 4
pytestmark = pytest.mark.integration


class Ingest:
    """The process; it can be killed and started again on the same port."""

    def __init__(self, port: int, dapr_ports: tuple[int, int], log: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.log = log
        self.client = httpx.Client(base_url=self.url, timeout=60)
        self._environment = {
            **os.environ,
            "CLAIMLENS_PORT": str(port),
            "CLAIMLENS_DAPR_TIMEOUT_S": str(DAPR_TIMEOUT_S),
            "CLAIMLENS_FIRST_UPLOADER_WAIT_S": "0.3",
            "DAPR_HTTP_PORT": str(dapr_ports[0]),
            "DAPR_GRPC_PORT": str(dapr_ports[1]),
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, path: str = "/readyz") -> None:
        """Start, and wait until this path answers 200."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "services.ingest"],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        until_sync(lambda: self.ended or self.client.get(path).is_success, 30, f"ingest answers {path}")
        assert not self.ended, self.log.read_text()

    @property
    def ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)
        return self.process.wait(15)

    def upload(self, content: bytes, claim_id: str) -> httpx.Response:
        return self.client.post("/v1/images", files={"file": content}, data={"claim_id": claim_id})


@dataclass
class Stack:
    """Whatever a test ends, it starts again: starting takes most of the time."""

    ingest: Ingest
    sidecar: daprd.Daprd
    storage: StorageProcess
    container: ContainerClient
    database: Path

    def records(self) -> set[str]:
        """Ids of the records."""
        return ids_in(self.database)

    def record(self, identifier: str) -> dict[str, Any] | None:
        url = f"{self.sidecar.url}/v1.0/state/{Component.IMAGE_RECORDS}/{record_key(identifier)}"
        answer = httpx.get(url, timeout=10)
        return answer.json() if answer.status_code == 200 else None

    def blob(self, identifier: str) -> bytes:
        record = self.record(identifier)
        assert record is not None
        return self.container.download_blob(record["image"]["blob"]).readall()

    def blobs(self, claim_id: str) -> list[str]:
        return [blob.name for blob in self.container.list_blobs(name_starts_with=f"{claim_id}/")]


def resources(database: Path, storage: StorageProcess) -> list[daprd.Resource]:
    """The components that ingest needs."""
    binding = daprd.blob_binding(
        Component.IMAGES, endpoint=storage.base_url, account=storage.account, key=storage.key
    )
    # What is published goes nowhere.
    events = daprd.component(Component.IMAGE_EVENTS, "pubsub.in-memory")
    return [daprd.sqlite_state(Component.IMAGE_RECORDS, database), binding, events]


def ids_in(database: Path) -> set[str]:
    """Ids of the records in a file of state.sqlite."""
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT key FROM state").fetchall()
    return {str(key).rpartition("image-")[2] for (key,) in rows}


@contextmanager
def standing_still(pid: int) -> Iterator[None]:
    process = psutil.Process(pid)
    process.suspend()
    try:
        yield
    finally:
        process.resume()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("ingest")
    with ExitStack() as stack:
        storage = stack.enter_context(storage_process(folder / "storage"))
        database = folder / "records.db"
        sidecar = stack.enter_context(daprd.start("ingest", resources(database, storage)))
        account = BlobServiceClient.from_connection_string(storage.connection_string, retry_total=0)
        stack.callback(account.close)
        ingest = Ingest(free_port(), (sidecar.http_port, sidecar.grpc_port), folder / "ingest.log")
        stack.callback(ingest.client.close)
        ingest.start()
        stack.callback(ingest.stop)
        yield Stack(ingest, sidecar, storage, account.get_container_client(CONTAINER), database)


@pytest.fixture
def stack(running: Stack) -> Iterator[Stack]:
    yield running
    assert not running.ingest.ended, running.ingest.log.read_text()[-3000:]


def test_from_the_smallest_to_the_largest(stack: Stack) -> None:
    for content in (encoded("PNG", 50, 50), large_jpeg()):
        response = stack.ingest.upload(content, "sizes")
        assert response.status_code == 202, response.text
        body = response.json()
        assert stack.blob(body["id"]) == content
        record = stack.record(body["id"])
        assert record is not None
        assert (record["status"], record["claim_id"]) == ("received", "sizes")
        properties = stack.container.get_blob_client(record["image"]["blob"]).get_blob_properties()
        assert properties.content_settings.content_type == body["content_type"]
        again = stack.ingest.upload(content, "sizes").json()
        assert again == {**body, "already_known": True}
    assert len(stack.blobs("sizes")) == 2


def test_too_large_is_answered_over_a_real_connection(stack: Stack) -> None:
    """The client may still be sending when it is refused; it gets the answer all the same."""
    large = b"\xff" * 25_000_000
    assert stack.ingest.upload(large, "large").status_code == 413

    def chunks() -> Iterator[bytes]:
        for start in range(0, len(large), 1_000_000):
            yield large[start : start + 1_000_000]

    response = stack.ingest.client.post(
        "/v1/images?claim_id=large", content=chunks(), headers={"Content-Type": "image/jpeg"}
    )
    assert response.status_code == 413
    assert response.headers["content-type"] == "application/problem+json"
    assert stack.ingest.upload(encoded(), "large").status_code == 202, "the connection is still good"
    assert len(stack.blobs("large")) == 1


def test_fifty_at_once(stack: Stack) -> None:
    pictures = [encoded("JPEG", seed=seed) for seed in range(25)] * 2
    with ThreadPoolExecutor(16) as pool:
        responses = list(pool.map(stack.ingest.upload, pictures, ["fifty"] * 50))
    assert {response.status_code for response in responses} == {202}
    assert sum(not response.json()["already_known"] for response in responses) == 25
    assert len(stack.blobs("fifty")) == 25


def test_heic(stack: Stack) -> None:
    content = encoded("HEIF", 640, 480)
    body = stack.ingest.upload(content, "heic").json()
    picture, original = f"heic/{body['id']}.jpg", f"_originals/heic/{body['id']}.heic"
    assert stack.blobs("heic") == [picture]
    assert stack.container.download_blob(original).readall() == content
    kept = stack.container.get_blob_client(original).get_blob_properties()
    made = stack.container.get_blob_client(picture).get_blob_properties()
    assert (kept.content_settings.content_type, made.content_settings.content_type) == (
        "image/heic",
        "image/jpeg",
    )
    assert kept.last_modified <= made.last_modified
    record = stack.record(body["id"])
    assert record is not None
    assert record["image"]["original"]["blob"] == original
    assert stack.ingest.upload(content, "heic").json() == {**body, "already_known": True}
    assert stack.ingest.client.delete(f"/v1/images/{body['id']}").status_code == 204
    assert stack.blobs("heic") == stack.blobs("_originals") == []


def test_delete(stack: Stack) -> None:
    identifier = stack.ingest.upload(encoded(), "delete").json()["id"]
    for _ in range(2):
        assert stack.ingest.client.delete(f"/v1/images/{identifier}").status_code == 204
    assert stack.blobs("delete") == []
    assert stack.record(identifier) is None
    assert stack.ingest.upload(encoded(), "delete").json()["already_known"] is False


def test_storage_away(stack: Stack) -> None:
    before = stack.records()
    stack.storage.stop()
    started = time.monotonic()
    response = stack.ingest.upload(encoded(), "away")
    took_s = time.monotonic() - started
    stack.storage.start()
    assert response.status_code == 503
    assert response.json()["type"] == "urn:claimlens:problem:sidecar-unavailable"
    assert int(response.headers["Retry-After"]) > 0
    assert took_s < DAPR_TIMEOUT_S + 10
    assert stack.records() == before
    assert stack.blobs("away") == []
    accepted = stack.ingest.upload(encoded(), "away")
    assert (accepted.status_code, accepted.json()["already_known"]) == (202, False)
    assert stack.blob(accepted.json()["id"]) == encoded()


def test_sidecar_away(stack: Stack) -> None:
    stack.sidecar.kill()
    response = stack.ingest.upload(encoded(), "sidecar")
    missing = stack.ingest.client.get("/readyz")
    alive = stack.ingest.client.get("/healthz")
    stack.sidecar.restart()
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert missing.status_code == 503
    assert set(missing.json()["missing"]) == {"sidecar", "images", "image-records"}
    assert alive.status_code == 200
    assert stack.blobs("sidecar") == []
    assert stack.ingest.client.get("/readyz").status_code == 200
    assert stack.ingest.upload(encoded(), "sidecar").status_code == 202


def test_killed_between_record_and_blob(stack: Stack) -> None:
    """SIGKILL while storage does not answer: the record is there, the blob is not; the client tries again."""
    before = stack.records()
    with ThreadPoolExecutor(1) as pool, standing_still(stack.storage.pid):
        upload = pool.submit(stack.ingest.upload, encoded(), "killed")
        until_sync(lambda: stack.records() - before, 10, "the record is written")
        stack.ingest.stop(signal.SIGKILL)
        assert isinstance(upload.exception(20), httpx.TransportError)
    (identifier,) = stack.records() - before
    stack.ingest.start()
    assert stack.record(identifier) is not None

    response = stack.ingest.upload(encoded(), "killed")
    assert response.status_code == 202, response.text
    assert response.json()["id"] == identifier
    assert stack.blob(identifier) == encoded()


def test_clean_end(stack: Stack) -> None:
    """SIGTERM lets the upload in flight finish."""
    with ThreadPoolExecutor(1) as pool:
        before = stack.records()
        with standing_still(stack.storage.pid):
            upload = pool.submit(stack.ingest.upload, encoded(), "end")
            until_sync(lambda: stack.records() - before, 10, "the record is written")
            assert stack.ingest.process is not None
            stack.ingest.process.terminate()
        assert upload.result(20).status_code == 202
    assert stack.ingest.stop() == 0
    stack.ingest.start()
    assert len(stack.blobs("end")) == 1


def test_starts_without_a_sidecar(tmp_path: Path) -> None:
    http, grpc = free_ports(2)
    ingest = Ingest(free_port(), (http, grpc), tmp_path / "ingest.log")
    try:
        ingest.start("/healthz")
        assert ingest.client.get("/readyz").status_code == 503
        assert ingest.upload(encoded(), "none").status_code == 503
        state = daprd.sqlite_state(Component.IMAGE_RECORDS, tmp_path / "records.db")
        with daprd.start("ingest", [state], ports={"http": http, "grpc": grpc}):
            assert set(ingest.client.get("/readyz").json()["missing"]) == {"images"}
            assert ingest.upload(encoded(), "none").status_code == 503
            assert ids_in(tmp_path / "records.db") == set()
    finally:
        ingest.stop()
        ingest.client.close()
