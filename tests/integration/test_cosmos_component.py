"""The component file that Azure gets for the records, with a real daprd, against a Cosmos DB server in JavaScript.

The file is the one of components/azure; the emulator's address and public key stand where Azure's and the identity
stood. The server keeps everything in memory, and knows no transactions: that they fail is stated here too.
"""

import asyncio
import json
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import yaml
from pydantic import BaseModel

from services.contracts.names import AppId, Component
from services.platform.dapr.sidecar import Sidecar
from services.platform.dapr.state import Documents
from tests.support import daprd
from tests.support.ports import free_port
from tests.support.setup_for_checks import make_sure_of
from tests.support.waiting import until_sync
from tools.compose.components import cosmos_records
from tools.compose.cosmos import COLLECTION, DATABASE, make_container
from tools.setup import cosmos

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]
KEY = "image-1"
STORED = f"{Component.IMAGE_RECORDS}||{KEY}"
"""``keyPrefix: name`` puts the component's name before it, and not the app's id."""


class Note(BaseModel):
    text: str


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    make_sure_of("cosmos")
    port = free_port()
    log = tmp_path_factory.mktemp("cosmos") / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*cosmos.command(), str(port)],
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        until_sync(lambda: b"ready" in log.read_bytes(), 30, "the Cosmos DB server")
        make_container(url)
        make_container(url)  # repeating it is no error
        yield url
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(10)


@pytest.fixture(scope="module")
def sidecar_process(server: str) -> Iterator[daprd.Daprd]:
    with daprd.start(AppId.INGEST, [yaml.safe_load(cosmos_records(server))]) as process:
        yield process


@pytest.fixture
async def notes(sidecar_process: daprd.Daprd) -> AsyncIterator[Documents[Note]]:
    sidecar = Sidecar(http_port=sidecar_process.http_port, grpc_port=sidecar_process.grpc_port, timeout_s=10)
    documents = Documents(sidecar, Component.IMAGE_RECORDS, Note)
    await documents.delete(KEY)
    yield documents
    await sidecar.close()


async def test_saves_gets_and_deletes(notes: Documents[Note]) -> None:
    assert await notes.get(KEY) is None
    assert await notes.create(KEY, Note(text="Ünïcode ⚡"))
    found = await notes.get(KEY)
    assert found is not None
    assert found[0].text == "Ünïcode ⚡"
    assert await notes.delete(KEY)
    assert await notes.get(KEY) is None


async def test_create_is_for_the_first_alone(notes: Documents[Note]) -> None:
    outcomes = await asyncio.gather(*(notes.create(KEY, Note(text=str(number))) for number in range(5)))
    assert sorted(outcomes) == [False] * 4 + [True]
    assert not await notes.create(KEY, Note(text="late"))


async def test_an_old_etag_changes_nothing(notes: Documents[Note]) -> None:
    await notes.create(KEY, Note(text="first"))
    found = await notes.get(KEY)
    assert found is not None
    assert await notes.replace(KEY, Note(text="second"), found[1])
    assert not await notes.replace(KEY, Note(text="third"), found[1])
    assert not await notes.delete(KEY, found[1])
    now = await notes.get(KEY)
    assert now is not None
    assert now[0].text == "second"
    assert await notes.delete(KEY, now[1])


async def test_lies_where_bicep_puts_it(notes: Documents[Note], server: str) -> None:
    """Without the app's id, partitioned by the key: what every service must find again."""
    await notes.create(KEY, Note(text="here"))
    headers = {"x-ms-documentdb-partitionkey": json.dumps([STORED])}
    async with httpx.AsyncClient(base_url=server, headers=headers, timeout=10) as client:
        document = (await client.get(f"/dbs/{DATABASE}/colls/{COLLECTION}/docs/{STORED}")).json()
    assert document["partitionKey"] == STORED
    assert document["value"] == {"text": "here"}


async def test_transactions_are_not_the_emulators(sidecar_process: daprd.Daprd) -> None:
    """Nothing of ours uses them; this says what would have to be tried on Azure if something did."""
    body = {
        "operations": [
            {"operation": "upsert", "request": {"key": key, "value": 1}} for key in ("image-2", "image-3")
        ],
        "metadata": {"partitionKey": "one"},
    }
    async with httpx.AsyncClient(base_url=sidecar_process.url, timeout=15) as client:
        answer = await client.post(f"/v1.0/state/{Component.IMAGE_RECORDS}/transaction", json=body)
    assert answer.status_code == 500
    assert "ERR_STATE_TRANSACTION" in answer.text


async def test_a_wrong_container_is_an_error(server: str) -> None:
    """The planted fault: the check would see a key of the file that is not right."""
    document = yaml.safe_load(cosmos_records(server))
    for entry in document["spec"]["metadata"]:
        if entry["name"] == "collection":
            entry["value"] = "absent"
    with pytest.raises(RuntimeError, match="ended with"), daprd.start(AppId.INGEST, [document]):
        pass
