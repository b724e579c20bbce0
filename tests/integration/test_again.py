"""Classifying again from ingest's API to Vision: both processes and a real daprd between them, on the emulators."""

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import httpx
import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient

from services.contracts.names import CONTAINER, Component
from services.contracts.records import ImageRecord
from tests.integration.test_classifier import Classifier
from tests.integration.test_ingest import Ingest, resources
from tests.support import daprd
from tests.support.pictures import encoded
from tests.support.ports import free_port
from tests.support.storage_process import storage_process
from tests.support.vision_process import VisionProcess, vision_process
from tests.support.waiting import until_sync

pytestmark = pytest.mark.integration


@dataclass
class World:
    """Both services on one sidecar: what ingest publishes, that sidecar delivers to the classifier."""

    ingest: Ingest
    classifier: Classifier
    sidecar: daprd.Daprd
    vision: VisionProcess
    container: ContainerClient

    def record(self, identifier: str) -> ImageRecord:
        url = f"{self.sidecar.url}/v1.0/state/{Component.IMAGE_RECORDS}/image-{identifier}"
        return ImageRecord.model_validate_json(httpx.get(url, timeout=10).content)

    def classified(self, seed: int) -> str:
        """The id of a new picture, once it has its result."""
        identifier = str(self.ingest.upload(encoded("PNG", seed=seed), "again").json()["id"])
        blob = self.record(identifier).image.blob
        etag = str(self.container.get_blob_client(blob).get_blob_properties().etag)
        event = {
            "specversion": "1.0",
            "type": "Microsoft.Storage.BlobCreated",
            "source": "/storage",
            "subject": f"/blobServices/default/containers/{CONTAINER}/blobs/{blob}",
            "id": f"created-{identifier}",
            "data": {"api": "PutBlob", "eTag": etag, "sequencer": "01"},
        }
        answer = httpx.post(f"{self.classifier.url}/events/blob-created", json=event, timeout=40)
        assert answer.json() == {"status": "SUCCESS"}
        self.vision.forget_calls()
        return identifier

    def ask(self, identifier: str) -> httpx.Response:
        return self.ingest.client.post(f"/v1/images/{identifier}/classification")

    def answered(self, identifier: str, request: str) -> ImageRecord:
        """The record, once this request has its answer."""

        def found() -> ImageRecord | None:
            record = self.record(identifier)
            asked = record.requested_classification
            return record if asked and asked.id == request and asked.done_at else None

        record = until_sync(found, 20, f"request {request} is answered")
        assert record
        return record


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("again")
    with ExitStack() as stack:
        vision = stack.enter_context(vision_process(log=folder / "vision.log"))
        storage = stack.enter_context(storage_process(folder / "storage"))
        app_port = free_port()
        sidecar = stack.enter_context(
            daprd.start(
                "classifier", resources(folder / "records.db", storage), app_port=app_port, wait=False
            )
        )
        classifier = Classifier(app_port, sidecar, vision, folder / "classifier.log")
        classifier.start()
        stack.callback(classifier.end, signal.SIGKILL)
        sidecar.wait_ready()
        ingest = Ingest(free_port(), (sidecar.http_port, sidecar.grpc_port), folder / "ingest.log")
        stack.callback(ingest.client.close)
        ingest.start()
        stack.callback(ingest.stop)
        account = BlobServiceClient.from_connection_string(storage.connection_string)
        stack.callback(account.close)
        yield World(ingest, classifier, sidecar, vision, account.get_container_client(CONTAINER))


def test_a_request_is_one_call(world: World) -> None:
    identifier = world.classified(1)
    answer = world.ask(identifier)
    assert answer.status_code == 202, answer.text
    assert answer.json()["status"] == "classified"
    record = world.answered(identifier, answer.json()["request"])
    assert [entry.request for entry in record.history] == [None, None, answer.json()["request"]]
    assert world.vision.call_count() == 1

    second = world.ask(identifier).json()["request"]
    assert second != answer.json()["request"]
    world.answered(identifier, second)
    assert world.vision.call_count() == 2


def test_many_ask_at_once(world: World) -> None:
    identifier = world.classified(2)
    world.vision.faults({"delay_s": 1.5})
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: world.ask(identifier), range(8)))
    assert {answer.status_code for answer in answers} <= {202, 503}
    (request,) = {answer.json()["request"] for answer in answers if answer.status_code == 202}
    world.answered(identifier, request)
    assert world.vision.call_count() == 1


def test_asking_again_while_vision_is_in_trouble(world: World) -> None:
    """The in-memory pub/sub does not deliver again what was answered RETRY: as if the event were lost."""
    identifier = world.classified(3)
    before = world.record(identifier)
    world.vision.faults({"status": 500})
    request = world.ask(identifier).json()["request"]
    until_sync(lambda: world.vision.call_count() == 1, 20, "Vision was asked")
    waiting = world.record(identifier)
    assert (waiting.status, waiting.analysis) == (before.status, before.analysis)
    # The claim is given back after the call: until then a second delivery would be answered RETRY too.
    claim = f"claim-{identifier}-{before.image.etag}-{request}"
    state = f"{world.sidecar.url}/v1.0/state/{Component.IMAGE_RECORDS}/{claim}"
    until_sync(lambda: not httpx.get(state, timeout=10).content, 20, "the claim is given back")
    assert world.ask(identifier).json()["request"] == request
    assert world.answered(identifier, request).status == "classified"
    assert world.vision.call_count() == 2


def test_blob_gone(world: World) -> None:
    identifier = world.classified(5)
    world.container.delete_blob(world.record(identifier).image.blob)
    answer = world.ask(identifier)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:claimlens:problem:blob-gone")


def test_review(world: World) -> None:
    identifier = world.classified(6)
    answer = world.ingest.client.put(
        f"/v1/images/{identifier}/review", json={"labels": ["hail"], "note": "roof"}
    )
    assert answer.status_code == 200, answer.text
    record = world.record(identifier)
    assert record.review
    assert (record.review.labels, record.review.note) == (["hail"], "roof")
    assert record.analysis
    world.answered(identifier, world.ask(identifier).json()["request"])
    assert world.record(identifier).review == record.review
