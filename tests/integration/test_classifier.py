"""The classifier as a process of its own, with a real daprd, state store, Azurite and Vision emulator."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.storage.blob import BlobServiceClient
from PIL import Image

from services.contracts.identity import image_id
from services.contracts.names import record_key
from services.contracts.records import Image as ImageFacts
from services.contracts.records import ImageRecord, Status, now
from tests.support import daprd
from tests.support.ports import free_port
from tests.support.storage_process import StorageProcess, storage_process
from tests.support.vision_process import VisionProcess, vision_process
from tests.support.waiting import until_sync

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.integration


@dataclass
class Picture:
    id: str
    blob: str
    etag: str

    def event(self) -> dict[str, Any]:
        return {
            "specversion": "1.0",
            "type": "Microsoft.Storage.BlobCreated",
            "source": "/subscriptions/0/storageAccounts/devstoreaccount1",
            "subject": f"/blobServices/default/containers/images/blobs/{self.blob}",
            "id": f"event-of-{self.id}",
            "time": "2026-11-22T17:05:12.4810337Z",
            "data": {"api": "PutBlob", "eTag": self.etag, "contentType": "image/png", "sequencer": "01"},
        }


class Classifier:
    """The process; it can be killed and started again on the same port."""

    def __init__(self, port: int, sidecar: daprd.Daprd, vision: VisionProcess, log: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.log = log
        self._environment = {
            **os.environ,
            "CLAIMLENS_PORT": str(port),
            "CLAIMLENS_LANES": "1",
            "CLAIMLENS_VISION_ENDPOINT": vision.url,
            "CLAIMLENS_VISION_KEY": vision.key,
            "DAPR_HTTP_PORT": str(sidecar.http_port),
            "DAPR_GRPC_PORT": str(sidecar.grpc_port),
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.launch()
        until_sync(lambda: self.probe().is_success, 30, "the classifier is ready")

    def launch(self) -> None:
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "services.classifier"],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def probe(self) -> httpx.Response:
        """Its readiness."""
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        return httpx.get(f"{self.url}/readyz", timeout=5)

    def end(self, number: signal.Signals) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            os.kill(self.process.pid, number)
        return self.process.wait(25)

    def deliver(self, picture: Picture) -> str:
        """The outcome of a delivery, as daprd would get it."""
        answer = httpx.post(f"{self.url}/events/blob-created", json=picture.event(), timeout=40)
        answer.raise_for_status()
        return str(answer.json()["status"])


class World:
    """Everything around the classifier."""

    def __init__(
        self, sidecar: daprd.Daprd, storage: StorageProcess, vision: VisionProcess, classifier: Classifier
    ) -> None:
        self.sidecar = sidecar
        self.vision = vision
        self.classifier = classifier
        service = BlobServiceClient.from_connection_string(storage.connection_string)
        self._container = service.get_container_client("images")
        self._made = 0

    def picture(self) -> Picture:
        """A new one: its record is written, then its blob."""
        self._made += 1
        identifier = image_id("C-1", f"{self._made:064x}")
        out = BytesIO()
        Image.new("RGB", (60, 60), (self._made * 7 % 256, 90, 90)).save(out, "PNG")
        content = out.getvalue()
        facts = ImageFacts(
            blob=f"C-1/{identifier}.png",
            content_type="image/png",
            size=len(content),
            sha256=f"{self._made:064x}",
            width=60,
            height=60,
        )
        record = ImageRecord(
            id=identifier, claim_id="C-1", status=Status.RECEIVED, image=facts, received_at=now()
        )
        document = {"key": record_key(identifier), "value": record.model_dump(mode="json")}
        state = f"{self.sidecar.url}/v1.0/state/image-records"
        httpx.post(state, json=[document], timeout=10).raise_for_status()
        written = self._container.upload_blob(facts.blob, content)
        etag = str(written.get_blob_properties().etag)
        self.vision.forget_calls()
        return Picture(identifier, facts.blob, etag)

    def record(self, picture: Picture) -> ImageRecord:
        key = record_key(picture.id)
        answer = httpx.get(f"{self.sidecar.url}/v1.0/state/image-records/{key}", timeout=10)
        return ImageRecord.model_validate_json(answer.content)

    def publish(self, picture: Picture) -> None:
        """Through daprd's own pub/sub: the subscriptions are what is tried."""
        httpx.post(
            f"{self.sidecar.url}/v1.0/publish/image-events/blob-created",
            json=picture.event(),
            headers={"content-type": "application/cloudevents+json"},
            timeout=10,
        ).raise_for_status()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("classifier")
    with ExitStack() as stack:
        vision = stack.enter_context(vision_process(log=folder / "vision.log"))
        storage = stack.enter_context(storage_process(folder / "storage"))
        app_port = free_port()
        images = daprd.blob_binding(
            "images", endpoint=storage.base_url, account=storage.account, key=storage.key
        )
        resources = [
            daprd.sqlite_state("image-records", folder / "records.db"),
            daprd.component("image-events", "pubsub.in-memory"),
            images,
        ]
        sidecar = stack.enter_context(daprd.start("classifier", resources, app_port=app_port, wait=False))
        classifier = Classifier(app_port, sidecar, vision, folder / "classifier.log")
        classifier.start()
        stack.callback(classifier.end, signal.SIGKILL)
        sidecar.wait_ready()
        yield World(sidecar, storage, vision, classifier)


@pytest.fixture(autouse=True)
def clean(world: World) -> Iterator[None]:
    yield
    world.vision.clear_faults()


def test_an_event_through_daprd_is_classified_once(world: World) -> None:
    picture = world.picture()
    world.publish(picture)
    until_sync(lambda: world.record(picture).status == "classified", 20, "classified")
    saved = world.record(picture)
    assert saved.image.etag == picture.etag.strip('"')
    assert saved.analysis is not None
    assert saved.analysis.tags
    assert world.classifier.deliver(picture) == "SUCCESS"
    assert world.vision.call_count() == 1


def test_many_deliveries_at_once_make_one_call(world: World) -> None:
    picture = world.picture()
    world.vision.faults({"delay_s": 0.5})
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda _: world.classifier.deliver(picture), range(8)))
    assert sorted(outcomes) == ["RETRY"] * 7 + ["SUCCESS"]
    assert world.classifier.deliver(picture) == "SUCCESS"
    assert world.vision.call_count() == 1


def test_after_sigkill_the_next_life_goes_on_at_once(world: World) -> None:
    picture = world.picture()
    world.vision.faults({"hang": True})
    with ThreadPoolExecutor(1) as pool:
        delivery = pool.submit(world.classifier.deliver, picture)
        until_sync(lambda: world.vision.in_flight() == 1, 20, "Vision is called")
        world.classifier.end(signal.SIGKILL)
        with pytest.raises(httpx.TransportError):
            delivery.result(10)
    world.vision.clear_faults()
    world.classifier.start()
    assert world.classifier.deliver(picture) == "SUCCESS"
    assert world.record(picture).status == "classified"
    assert world.vision.call_count() == 2
    assert world.classifier.deliver(picture) == "SUCCESS"
    assert world.vision.call_count() == 2


def test_sigterm_lets_a_delivery_in_flight_finish(world: World) -> None:
    picture = world.picture()
    world.vision.faults({"delay_s": 1})
    with ThreadPoolExecutor(1) as pool:
        delivery = pool.submit(world.classifier.deliver, picture)
        until_sync(lambda: world.vision.in_flight() == 1, 20, "Vision is called")
        world.classifier.end(signal.SIGTERM)
        assert delivery.result(10) == "SUCCESS"
    assert world.record(picture).status == "classified"
    assert world.vision.call_count() == 1
    world.classifier.start()


def test_bad_pictures_and_trouble_have_their_outcomes(world: World) -> None:
    picture = world.picture()
    world.vision.faults({"status": 500})
    assert world.classifier.deliver(picture) == "RETRY"
    assert world.classifier.deliver(picture) == "SUCCESS"
    foreign = Picture(picture.id, "somebody/else.png", picture.etag)
    assert world.classifier.deliver(foreign) == "DROP"
    metrics = httpx.get(f"{world.classifier.url}/metrics", timeout=5).text
    assert 'kind="analyzer-unavailable",outcome="RETRY"' in metrics


def test_without_its_sidecar_it_says_so(world: World, tmp_path: Path) -> None:
    nowhere = free_port()
    alone = Classifier(free_port(), world.sidecar, world.vision, tmp_path / "alone.log")
    alone._environment |= {"DAPR_HTTP_PORT": str(nowhere), "CLAIMLENS_DAPR_TIMEOUT_S": "1"}
    alone.launch()
    try:
        answer = until_sync(lambda: [alone.probe()], 20, "the classifier answers")[0]
        assert answer.status_code == 503
        assert set(answer.json()["missing"]) >= {"sidecar", "image-events", "image-records", "images"}
        assert alone.deliver(world.picture()) == "RETRY"
    finally:
        alone.end(signal.SIGTERM)
