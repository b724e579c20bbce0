"""The commands against the three services themselves, on fakes: classifying again, and a person's review."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner, Result

from cli import main
from cli.client import Client
from services.contracts.names import Topic
from services.contracts.records import ImageRecord, Status
from services.ingest.main import Ports as IngestPorts
from services.ingest.main import create_app as create_ingest
from services.ingest.settings import Settings as IngestSettings
from services.query.settings import Settings as QuerySettings
from tests.support.fakes.publisher import FakePublisher, Published
from tests.support.pictures import encoded
from tests.unit.classifier.conftest import World as Classifying
from tests.unit.query.conftest import World as Querying

WAIT_S = 20


class Services:
    """Ingest, classifier and query on the same stores; what each publishes is delivered by ``deliver``."""

    def __init__(self, folder: Path) -> None:
        self.query = Querying(QuerySettings(data_dir=folder, content_mode="bytes"))
        self.classifying = Classifying(records=self.query.records)
        self.classifier = self.classifying.start()
        self.ingest_events = FakePublisher()
        self.apps = {
            8001: create_ingest(
                IngestSettings(), IngestPorts(self.query.records, self.query.blobs, self.ingest_events)
            ),
            8003: self.query.app(),
        }
        self.clients = {
            port: httpx.AsyncClient(
                transport=httpx.ASGITransport(app), base_url=f"http://127.0.0.1:{port}", timeout=WAIT_S
            )
            for port, app in self.apps.items()
        }
        self._loop = asyncio.get_running_loop()

    def answer(self, request: httpx.Request) -> httpx.Response:
        """For the command line, which runs in a thread."""
        forwarded = self._forward(request.method, request.url, dict(request.headers), request.read())
        return asyncio.run_coroutine_threadsafe(forwarded, self._loop).result(WAIT_S)

    async def _forward(
        self, method: str, url: httpx.URL, headers: dict[str, str], content: bytes
    ) -> httpx.Response:
        answer = await self.clients[url.port or 0].request(method, url, headers=headers, content=content)
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    async def upload(self, seed: int) -> ImageRecord:
        """A picture, classified and indexed."""
        body = (await self.clients[8001].post("/v1/images", content=encoded(seed=seed))).json()
        record = self.query.records.peek(f"image-{body['id']}")
        etag = await self.query.blobs.etag(record.image.blob)
        created = {
            "specversion": "1.0",
            "type": "Microsoft.Storage.BlobCreated",
            "source": "/storage",
            "subject": f"/blobServices/default/containers/images/blobs/{record.image.blob}",
            "id": f"created-{etag}",
            "data": {"api": "PutBlob", "eTag": etag, "sequencer": "01"},
        }
        assert await self.classifier.deliver(created) == "SUCCESS"
        await self.deliver()
        return self.record(record.id)

    def record(self, identifier: str) -> ImageRecord:
        return self.query.records.peek(f"image-{identifier}")

    async def deliver(self) -> None:
        """Everything that was published, to all who read it, twice."""
        while events := [*_taken(self.ingest_events), *_taken(self.classifying.publisher)]:
            for event in events * 2:
                body = {
                    "specversion": "1.0",
                    "type": event.type,
                    "source": "/claimlens",
                    "subject": event.subject,
                    "id": "an-event",
                    "data": event.data.model_dump(mode="json"),
                }
                if event.topic == Topic.BLOB_CREATED:
                    assert await self.classifier.deliver(body) == "SUCCESS"
                answer = await self.clients[8003].post(f"/events/{event.topic}", json=body)
                assert answer.json() == {"status": "SUCCESS"}


def _taken(publisher: FakePublisher) -> list[Published]:
    taken, publisher.events = publisher.events, []
    return taken


Run = Callable[..., asyncio.Future[Result]]


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    services = Services(tmp_path / "query")
    async with AsyncExitStack() as stack:
        for app in services.apps.values():
            await stack.enter_async_context(app.router.lifespan_context(app))
        for client in (*services.clients.values(), services.classifier.http):
            await stack.enter_async_context(client)
        yield services


@pytest.fixture
def run(services: Services, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        main, "Client", lambda settings: Client(settings, httpx.MockTransport(services.answer))
    )

    def invoke(*arguments: str) -> asyncio.Future[Result]:
        command = CliRunner().invoke
        running = asyncio.to_thread(command, main.app, list(arguments), env={"COLUMNS": "200"})
        return asyncio.ensure_future(running)

    return invoke


async def test_replay_of_an_old_model(services: Services, run: Run) -> None:
    old = [await services.upload(seed) for seed in range(3)]
    services.classifying.analyzer.version = "fake-2"
    new = await services.upload(3)

    result = await run("replay", "--model-version", "fake-1", "--rate", "1000")
    assert result.exit_code == 0, result.output
    assert "3 asked for again, 0 done before, 0 refused." in result.output
    shown = (await services.clients[8003].get("/v1/images", params={"status": "classified"})).json()
    assert shown["total"] == 4, "while they wait they stay what they were"
    await services.deliver()

    assert services.classifying.analyzer.calls == 4 + 3
    for record in old:
        again = services.record(record.id)
        assert again.analysis
        assert (again.status, again.analysis.model_version) == ("classified", "fake-2")
        assert [each.model_version for each in again.superseded] == ["fake-1"]
        assert [entry.model_version for entry in again.history] == [None, "fake-1", "fake-2"]
    assert services.record(new.id) == new

    left = await run("replay", "--model-version", "fake-1", "--dry-run")
    assert "0 pictures would be classified again." in left.output


async def test_replay_of_what_failed(services: Services, run: Run) -> None:
    record = await services.upload(1)
    failed = record.model_copy(update={"status": Status.FAILED, "analysis": None})
    services.query.records.seed(f"image-{record.id}", failed)
    await services.query.index_all(services.record(record.id))

    result = await run("replay", "--status", "failed", "--rate", "1000")
    assert "1 asked for again" in result.output, result.output
    await services.deliver()
    assert services.record(record.id).status == "classified"
    found = (await services.clients[8003].get("/v1/images", params={"status": "failed"})).json()
    assert found["total"] == 0


async def test_replay_names_pictures_whose_bytes_are_gone(services: Services, run: Run) -> None:
    record = await services.upload(1)
    services.query.blobs.stored.clear()
    result = await run("replay", "--rate", "1000")
    assert result.exit_code == 1
    assert f"{record.id}: The bytes of this picture are not there" in result.output


async def test_a_review_is_found_and_exported(services: Services, run: Run, tmp_path: Path) -> None:
    record = await services.upload(1)
    await services.upload(2)
    url = f"/v1/images/{record.id}/review"
    given = {"labels": ["Hail damage"], "note": "roof"}
    assert (await services.clients[8001].put(url, json=given)).status_code == 200
    await services.deliver()

    found = await services.clients[8003].get("/v1/images", params={"label": "hail damage"})
    assert [item["id"] for item in found.json()["items"]] == [record.id]
    result = await run("export", "set", "--label", "hail damage")
    assert result.exit_code == 0, result.output
    (line,) = (tmp_path / "set" / "manifest.jsonl").read_text().splitlines()
    assert (json.loads(line)["labels"], json.loads(line)["note"]) == (["Hail damage"], "roof")
    kept = json.loads(line)["file"]
    content = await asyncio.to_thread((tmp_path / "set" / kept).read_bytes)
    assert content == encoded(seed=1)

    # Classified again, the person's word stays.
    await services.clients[8001].post(f"/v1/images/{record.id}/classification")
    await services.deliver()
    assert services.record(record.id).review
    again = await services.clients[8003].get("/v1/images", params={"label": "hail damage"})
    assert again.json()["total"] == 1
