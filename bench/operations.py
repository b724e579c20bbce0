"""What one picture costs in operations: counted, by running the services' own code over counting stand-ins.

An upload goes into ingest over HTTP, its event is delivered to the classifier and to query, the classifier's event to
query. Nothing is assumed about the services here but their ports.
"""

import asyncio
import io
import json
import tempfile
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import cache
from math import ceil
from pathlib import Path
from random import Random
from typing import Any, Final

import httpx
import structlog
from fastapi import FastAPI
from PIL import Image

from services.classifier import main as classifier
from services.classifier.adapters import vision_wire
from services.classifier.ports import ClaimDocument, Picture
from services.classifier.settings import Settings as ClassifierSettings
from services.contracts.names import record_key
from services.contracts.records import Analysis
from services.ingest import main as ingest
from services.ingest.settings import Settings as IngestSettings
from services.query import main as query
from services.query.adapters import azure_documents
from services.query.domain import entry_of
from services.query.settings import Settings as QuerySettings
from tests.support.fakes.blobs import FakeBlobs
from tests.support.fakes.index import FakeCatalogue, FakeIndex
from tests.support.fakes.publisher import FakePublisher
from tests.support.fakes.records import FakeDocuments, FakeRecords
from tests.support.fakes.vision import FakeLink

# A made-up answer of Vision's with every feature, as the contract has it.
ANSWER: Final = Path(__file__).resolve().parents[1] / "tests/unit/classifier/vision-response.json"
SUBSCRIPTIONS: Final = {"blob-created": ("classifier", "query"), "image-classified": ("query",)}


@dataclass(frozen=True)
class Operations:
    """Of one picture that is uploaded and classified without trouble. Sizes in kB (1,000 bytes), rounded up.

    ``state``: what the state store is asked, as ``service: operation: document``, with its number. ``first_kb``: the
    record as ingest writes it; ``final_kb``: with the analysis; ``index_kb``: as Azure AI Search is given it.
    ``log_lines``: printed by all three at level info.
    """

    state: tuple[tuple[str, str, str, int], ...]
    first_kb: int
    final_kb: int
    claim_kb: int
    log_lines: int
    log_bytes: int
    vision_features: tuple[str, ...]
    blob_writes: int
    published: int
    deliveries: int
    index_writes: int
    index_kb: int

    def state_count(self, operation: str) -> int:
        return sum(number for _, asked, _, number in self.state if asked == operation)

    @property
    def sidecar_calls(self) -> int:
        """Through Dapr: state, bindings, publishing and deliveries."""
        return sum(number for *_, number in self.state) + self.blob_writes + self.published + self.deliveries


class _Vision:
    """Answers what the contract's sample says."""

    engine = vision_wire.ENGINE

    async def analyze(self, _: Picture) -> Analysis:
        body = json.loads(ANSWER.read_text(encoding="utf-8"))
        return vision_wire.analysis(body, people_min_confidence=0.5)

    async def check(self) -> None:
        """Always there."""


@cache
def of_one_picture() -> Operations:
    """Counted once a process."""
    lines: list[str] = []
    before = structlog.get_config()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(20),
        logger_factory=lambda *_: _Sink(lines),
        cache_logger_on_first_use=False,
    )
    try:
        return asyncio.run(_run(lines))
    finally:
        structlog.configure(**before)


class _Sink:
    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def msg(self, line: str) -> None:
        self._lines.append(line)

    debug = info = warning = error = critical = exception = log = msg


async def _run(lines: list[str]) -> Operations:
    records, claims, blobs, index = FakeRecords(), FakeDocuments(ClaimDocument), FakeBlobs(), FakeIndex()
    events, announced = FakePublisher(), FakePublisher()
    seen: list[tuple[str, str, str, int]] = []

    def note(service: str) -> None:
        for document, store in (("record", records), ("claim", claims)):
            counted = Counter(store.faults.calls)
            seen.extend((service, name, document, number) for name, number in sorted(counted.items()))
            store.faults.calls.clear()

    settings = ClassifierSettings(lanes=1)
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        apps: dict[str, FastAPI] = {
            "ingest": ingest.create_app(IngestSettings(), ingest.Ports(records, blobs, events)),
            "classifier": classifier.create_app(
                settings, classifier.Ports(records, claims, FakeLink(), (_Vision(),), announced)
            ),
            "query": query.create_app(
                QuerySettings(data_dir=Path(folder), lanes=1),
                query.Ports(records, blobs, FakeCatalogue(), index),
            ),
        }
        clients: dict[str, httpx.AsyncClient] = {}
        for name, app in apps.items():
            await stack.enter_async_context(app.router.lifespan_context(app))
            transport = httpx.ASGITransport(app)
            clients[name] = await stack.enter_async_context(
                httpx.AsyncClient(transport=transport, base_url=f"http://{name}")
            )
        lines.clear()
        answer = await clients["ingest"].post("/v1/images", content=_photo(), params={"claim_id": "C-1042"})
        answer.raise_for_status()
        identifier = answer.json()["id"]
        first = records.peek(record_key(identifier))
        note("ingest")
        deliveries = 0
        created = _blob_created(first.image.blob)
        for service in SUBSCRIPTIONS["blob-created"]:
            deliveries += await _deliver(clients[service], "blob-created", created)
            note(service)
        for event in announced.events:
            body = {
                "specversion": "1.0",
                "type": event.type,
                "source": "/claimlens/classifier",
                "id": "1",
                "data": event.data.model_dump(mode="json"),
            }
            for service in SUBSCRIPTIONS["image-classified"]:
                deliveries += await _deliver(clients[service], "image-classified", body)
                note(service)
        final = records.peek(record_key(identifier))
        claim = claims.peek(claims.keys()[0])
    total: dict[tuple[str, str, str], int] = {}
    for service, operation, document, number in seen:
        total[(service, operation, document)] = total.get((service, operation, document), 0) + number
    return Operations(
        state=tuple((*key, number) for key, number in total.items()),
        first_kb=_kb(first.model_dump_json()),
        final_kb=_kb(final.model_dump_json()),
        claim_kb=_kb(claim.model_dump_json()),
        log_lines=len(lines),
        log_bytes=sum(len(line.encode()) for line in lines),
        vision_features=tuple(str(feature) for feature in settings.vision_features),
        blob_writes=blobs.faults.count("put"),
        published=len(events.events) + len(announced.events),
        deliveries=deliveries,
        index_writes=index.faults.count("put"),
        index_kb=_kb(json.dumps(azure_documents.document(entry_of(final)))),
    )


async def _deliver(client: httpx.AsyncClient, topic: str, event: dict[str, Any]) -> int:
    answer = await client.post(f"/events/{topic}", json=event)
    if answer.json() != {"status": "SUCCESS"}:
        raise RuntimeError(f"{topic} was answered {answer.text}")
    return 1


def _blob_created(blob: str) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "type": "Microsoft.Storage.BlobCreated",
        "source": "/subscriptions/0/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/acc",
        "subject": f"/blobServices/default/containers/images/blobs/{blob}",
        "id": "1",
        "data": {
            "api": "PutBlob",
            "eTag": "0x8D1",
            "contentType": "image/jpeg",
            "contentLength": 100_000,
            "sequencer": "01",
        },
    }


def _photo() -> bytes:
    file = io.BytesIO()
    noise = Image.frombytes("RGB", (32, 24), Random(1).randbytes(32 * 24 * 3))
    noise.resize((1200, 900)).save(file, "JPEG", quality=90)
    return file.getvalue()


def _kb(text: str) -> int:
    return ceil(len(text.encode()) / 1000)
