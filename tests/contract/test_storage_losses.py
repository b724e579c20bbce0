"""No blob that a client was told of loses its event, whichever process dies: the emulator, Azurite, Event Grid."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil
import pytest
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import AzureError
from azure.eventgrid import EventGridConsumerClient
from azure.storage.blob import BlobServiceClient, ContainerClient, LinearRetry

from tests.support.event_receiver import EventReceiver, event_receiver
from tests.support.eventgrid_process import eventgrid
from tests.support.ports import free_port
from tests.support.storage_process import ROOT, StorageProcess, storage_process
from tests.support.waiting import until_sync

pytestmark = pytest.mark.integration


@pytest.fixture
def receiver() -> Iterator[EventReceiver]:
    with event_receiver() as started:
        yield started


@contextmanager
def _images(storage: StorageProcess, retries: int = 0) -> Iterator[ContainerClient]:
    policy = LinearRetry(
        backoff=1,
        random_jitter_range=0,
        retry_total=retries,
        retry_status=retries,
        retry_connect=retries,
        retry_read=retries,
    )
    with BlobServiceClient.from_connection_string(
        storage.connection_string, retry_policy=policy, connection_timeout=5, read_timeout=10
    ) as client:
        yield client.get_container_client("images")


def _outbox_depth(storage: StorageProcess) -> int:
    return int(httpx.get(f"{storage.base_url}/healthz").json()["outbox"]["depth"])


def _azurite(storage: StorageProcess) -> psutil.Process:
    (child,) = psutil.Process(storage.pid).children()
    return child


def test_event_grid_is_away_for_a_while(tmp_path: Path, receiver: EventReceiver) -> None:
    receiver.stop()
    with storage_process(tmp_path, receiver.url) as storage, _images(storage) as images:
        for number in range(5):
            images.upload_blob(f"waiting-{number}", b"x")
        until_sync(lambda: _outbox_depth(storage) == 5)
        listed = httpx.get(f"{storage.base_url}/_emulator/outbox").json()["events"]
        assert [event["subject"].rpartition("/")[2] for event in listed] == [f"waiting-{n}" for n in range(5)]
        storage.kill()  # the outbox outlives the emulator
        storage.start()
        assert _outbox_depth(storage) == 5
        receiver.start()
        for number in range(5):
            assert len(receiver.wait_for(f"waiting-{number}")) == 1
        until_sync(lambda: _outbox_depth(storage) == 0)


def test_event_grid_turns_events_away_for_a_while(tmp_path: Path, receiver: EventReceiver) -> None:
    with storage_process(tmp_path, receiver.url) as storage, _images(storage) as images:
        for status in (400, 401, 404, 429, 503):
            receiver.status = status
            tries = len(receiver.requests)
            images.upload_blob(f"turned-away-{status}", b"x")
            until_sync(lambda before=tries: len(receiver.requests) >= before + 1, what="it is tried")  # type: ignore[misc]
            receiver.status = 200
            if status == 400:  # a refusal of this one event: the others pass it
                images.upload_blob("passes", b"x")
                receiver.wait_for("passes")
                assert _outbox_depth(storage) == 1
            else:
                assert len(receiver.wait_for(f"turned-away-{status}")) == 1


def test_the_event_grid_emulator_delivers_every_upload(tmp_path: Path) -> None:
    """Both emulators, the vendor's clients on both ends, and both killed on the way."""
    with (
        eventgrid(tmp_path) as grid,
        storage_process(tmp_path / "storage", grid.url) as storage,
        _images(storage) as images,
    ):
        for number in range(30):
            images.upload_blob(f"C-1/{number}.jpg", b"x")
            if number == 10:
                grid.kill()
            if number == 20:
                grid.start()
                storage.kill()
                storage.start()
        until_sync(lambda: _outbox_depth(storage) == 0)
        with EventGridConsumerClient(
            grid.url, AzureKeyCredential(grid.key), namespace_topic="blob-created", subscription="classifier"
        ) as consumer:
            seen: set[str] = set()
            while details := consumer.receive(max_events=100, max_wait_time=10) if len(seen) < 30 else []:
                for detail in details:
                    assert detail.event.type == "Microsoft.Storage.BlobCreated"
                    seen.add(str(detail.event.subject).rpartition("/blobs/")[2])
                consumer.acknowledge(lock_tokens=[detail.broker_properties.lock_token for detail in details])
        assert seen == {f"C-1/{number}.jpg" for number in range(30)}


class KillingRelay:
    """Between the emulator and Azurite: kills the emulator when Azurite's ``201`` to a Put Blob is on its way back."""

    def __init__(self, azurite_port: int) -> None:
        self._azurite_port = azurite_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.victim = 0
        self.before_the_answer = False
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                azurite = socket.create_connection(("127.0.0.1", self._azurite_port))
                threading.Thread(target=self._pump, args=(client, azurite, bytes), daemon=True).start()
                threading.Thread(target=self._pump, args=(azurite, client, self._watch), daemon=True).start()

    def _watch(self, data: bytes) -> bytes:
        if self.victim and data.startswith(b"HTTP/1.1 201 "):
            os.kill(self.victim, signal.SIGKILL)
            self.victim = 0
            return b""
        return data

    @staticmethod
    def _pump(source: socket.socket, sink: socket.socket, change: Callable[[bytes], bytes]) -> None:
        with source, sink, suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(change(data))


def test_the_emulator_dies_between_azurites_answer_and_the_outbox(
    tmp_path: Path, receiver: EventReceiver
) -> None:
    """The narrowest window: the blob is there, nobody has heard of it but Azurite."""
    with storage_process(tmp_path / "azurite", receiver.url) as real:
        relay = KillingRelay(real.azurite_port)
        options = ("--azurite-url", f"http://127.0.0.1:{relay.port}")
        with storage_process(tmp_path / "proxy", receiver.url, options=options) as storage:
            with _images(storage) as images:
                images.upload_blob("before", b"x")
                relay.victim = storage.pid
                with pytest.raises(AzureError):
                    images.upload_blob("window", b"picture")
            assert not receiver.of("window")
            storage.start()
            event = receiver.wait_for("window")[0]
            with _images(storage) as images:
                properties = images.get_blob_client("window").get_blob_properties()
            assert event["data"]["eTag"] == properties.etag.strip('"')
            assert (event["data"]["contentLength"], event["data"]["api"]) == (7, "PutBlob")
            assert event["data"]["sequencer"] > receiver.of("before")[0]["data"]["sequencer"]
            assert event["data"]["clientRequestId"]
        relay.close()


def test_the_emulator_dies_with_uploads_in_flight(tmp_path: Path, receiver: EventReceiver) -> None:
    with storage_process(tmp_path, receiver.url) as storage, _images(storage) as images:
        told: list[str] = []
        enough = threading.Event()

        def upload(number: int) -> None:
            with suppress(AzureError):
                images.upload_blob(f"flight-{number}", os.urandom(100_000))
                told.append(f"flight-{number}")
                if len(told) >= 10:
                    enough.set()

        with ThreadPoolExecutor(8) as pool:
            uploads = [pool.submit(upload, number) for number in range(60)]
            assert enough.wait(30)
            storage.kill()
            for future in uploads:
                future.result(60)
        assert len(told) < 60
        storage.start()
        there = {blob.name for blob in images.list_blobs()}
        assert there.issuperset(told)
        for name in there:
            receiver.wait_for(name)
        until_sync(lambda: httpx.get(f"{storage.base_url}/healthz").json()["intents"] == 0)
        assert {event["subject"].rpartition("/")[2] for event in receiver.events} == there


def test_azurite_dies_with_uploads_in_flight(tmp_path: Path, receiver: EventReceiver) -> None:
    """What it has confirmed is there when it is back, and it is back without a hand; meanwhile clients hear 503."""
    with storage_process(tmp_path, receiver.url) as storage, _images(storage, retries=20) as images:
        images.upload_blob("deleted", b"x").delete_blob()
        images.upload_blob("changed", b"x").set_blob_metadata({"claim": "C-1"})
        azurite = _azurite(storage)
        killed = threading.Event()

        def upload(number: int) -> str:
            if number == 20:
                azurite.kill()
                killed.set()
            images.upload_blob(f"killed-{number}", os.urandom(100_000), overwrite=True)
            return f"killed-{number}"

        with ThreadPoolExecutor(6) as pool:
            told = set(pool.map(upload, range(40)))
        assert killed.is_set()
        assert _azurite(storage).pid != azurite.pid
        there = {blob.name: blob.metadata for blob in images.list_blobs(include=["metadata"])}
        assert there.pop("changed") == {"claim": "C-1"}
        assert told == set(there)
        for name in told:
            events = receiver.wait_for(name)
            size = len(images.download_blob(name).readall())
            assert (size, events[-1]["data"]["contentLength"]) == (100_000, 100_000)


def test_azurite_is_away(tmp_path: Path) -> None:
    """The blob endpoint says so, in the vendor's words, and health does too."""
    options = ("--azurite-url", f"http://127.0.0.1:{free_port()}")
    storage = StorageProcess(tmp_path, f"http://127.0.0.1:{free_port()}", options=options)
    try:
        storage.launch()
        until_sync(lambda: httpx.get(f"{storage.base_url}/healthz").status_code == 503)
        with _images(storage) as images, pytest.raises(AzureError) as refused:
            images.upload_blob("nowhere", b"x")
        assert refused.value.error_code == "ServerBusy"  # type: ignore[attr-defined]
        health = httpx.get(f"{storage.base_url}/healthz").json()
        assert (health["azurite"], health["intents"]) == ("down", 0)
    finally:
        assert storage.stop() == 0


def test_it_leaves_no_process_behind(tmp_path: Path) -> None:
    with storage_process(tmp_path) as storage:
        stopped = _azurite(storage)
        assert storage.stop() == 0
        assert not stopped.is_running()
        storage.start()
        orphan = _azurite(storage)
        storage.kill()
        psutil.wait_procs([orphan], timeout=5)
        assert not orphan.is_running()


@pytest.mark.parametrize("taken", ["--port", "--azurite-port"])
def test_a_port_in_use_is_an_error(tmp_path: Path, taken: str) -> None:
    ports = {"--port": str(free_port()), "--azurite-port": str(free_port())}
    with socket.create_server(("127.0.0.1", int(ports[taken]))):
        ended = _run(tmp_path, *(part for pair in ports.items() for part in pair))
    assert ended.returncode == 2
    assert f"port {ports[taken]} " in ended.stderr
    assert taken in ended.stderr


def test_a_data_folder_in_use_is_an_error(tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    storage = StorageProcess(tmp_path, nobody, options=("--azurite-url", nobody))
    try:
        storage.launch()
        until_sync(lambda: httpx.get(f"{storage.base_url}/healthz").status_code)
        ended = _run(tmp_path, "--port", str(free_port()), "--azurite-port", str(free_port()))
    finally:
        storage.stop()
    assert ended.returncode == 2
    assert "is in use by another storage emulator" in ended.stderr


def _run(data: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = (
        sys.executable,
        "-m",
        "emulators.storage",
        "--data",
        str(data),
        "--event-grid",
        "http://127.0.0.1:1",
    )
    return subprocess.run(
        [*command, *options], cwd=ROOT, capture_output=True, text=True, timeout=20, check=False
    )
