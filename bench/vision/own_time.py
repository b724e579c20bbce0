"""What the classifier itself takes for a picture: everything real but Dapr, and Vision answers at once."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from bench.vision.answering import answering
from services.classifier.adapters.engine import EngineContext
from services.classifier.engines import build_engines
from services.classifier.main import Ports, create_app
from services.classifier.metrics import ClassifierMetrics
from services.classifier.ports import ClaimDocument
from services.classifier.settings import Settings
from services.contracts.names import record_key
from services.platform.logging import configure_logging
from tests.support.fakes.publisher import FakePublisher
from tests.support.fakes.records import FakeDocuments, FakeRecords
from tests.support.fakes.vision import FakeLink
from tests.support.records import received

DELIVERIES: Final = 300
WARM_UP: Final = 20


@dataclass(frozen=True)
class OwnTime:
    """Milliseconds of each delivery; ``calls``: of Vision, for each picture."""

    cpu: list[float]
    passed: list[float]
    calls: float


async def measure() -> OwnTime:
    """Deliveries one after the other. Raises RuntimeError."""
    with answering() as endpoint, _logs_to_nowhere():
        settings = Settings(
            lanes=1,
            vision_endpoint=endpoint,
            vision_key=SecretStr("bench"),
            vision_calls_per_s=0,
            log_format="json",
        )
        configure_logging("classifier", settings)
        context = EngineContext(settings, ClassifierMetrics(CollectorRegistry()), [])
        records = FakeRecords()
        engines = build_engines(settings.engines, context)
        claims = FakeDocuments(ClaimDocument)
        app = create_app(settings, Ports(records, claims, FakeLink(), engines, FakePublisher()))
        transport = httpx.ASGITransport(app)
        found = OwnTime([], [], 0.0)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://classifier") as daprd,
        ):
            for number in range(DELIVERIES + WARM_UP):
                record = received(number)
                records.seed(record_key(record.id), record)
                cpu, passed = await _deliver(daprd, record.image.blob)
                if number >= WARM_UP:
                    found.cpu.append(cpu)
                    found.passed.append(passed)
        async with httpx.AsyncClient() as http:
            calls = int((await http.get(f"{endpoint}/calls")).text)
        for close in context.closers:
            await close()
    return OwnTime(found.cpu, found.passed, calls / (DELIVERIES + WARM_UP))


async def _deliver(daprd: httpx.AsyncClient, blob: str) -> tuple[float, float]:
    event = _blob_created(blob)
    cpu, passed = time.process_time(), time.perf_counter()
    answer = await daprd.post("/events/blob-created", content=event)
    taken = (time.process_time() - cpu) * 1000, (time.perf_counter() - passed) * 1000
    if answer.json() != {"status": "SUCCESS"}:
        raise RuntimeError(f"a delivery was answered {answer.text}")
    return taken


@contextmanager
def _logs_to_nowhere() -> Iterator[None]:
    """They are written, as always, but nobody reads them here."""
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        yield


def _blob_created(blob: str) -> bytes:
    data = {
        "api": "PutBlob",
        "eTag": "0x1",
        "contentType": "image/jpeg",
        "contentLength": 1000,
        "sequencer": "1",
    }
    event = {
        "specversion": "1.0",
        "type": "Microsoft.Storage.BlobCreated",
        "source": "/storage",
        "subject": f"/blobServices/default/containers/images/blobs/{blob}",
        "id": blob,
        "data": data,
    }
    return json.dumps(event).encode()
