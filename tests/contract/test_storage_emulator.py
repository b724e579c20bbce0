"""The storage emulator, driven by the unmodified azure-storage-blob client and by raw HTTP."""

import hashlib
import os
import re
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.storage.blob import (
    BlobSasPermissions,
    BlobServiceClient,
    ContainerClient,
    ContentSettings,
    generate_blob_sas,
)

from tests.support.event_receiver import EventReceiver, event_receiver
from tests.support.storage_process import StorageProcess, storage_process
from tests.support.waiting import until_sync

pytestmark = pytest.mark.integration

MB = 1_000_000
PICTURE = os.urandom(20 * MB)


@pytest.fixture(scope="module")
def receiver() -> Iterator[EventReceiver]:
    with event_receiver() as started:
        yield started


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory, receiver: EventReceiver) -> Iterator[StorageProcess]:
    with storage_process(tmp_path_factory.mktemp("storage"), receiver.url) as process:
        yield process


@pytest.fixture(scope="module")
def images(storage: StorageProcess) -> Iterator[ContainerClient]:
    with BlobServiceClient.from_connection_string(storage.connection_string) as client:
        yield client.get_container_client("images")


@pytest.fixture
def nothing_else(images: ContainerClient, receiver: EventReceiver) -> Any:
    """Events leave in order: once a later blob's event is there, an earlier one that is not there never comes."""

    def check(blob: str, expected: int = 0) -> None:
        images.upload_blob(f"{blob}.marker", b"x", overwrite=True)
        receiver.wait_for(f"{blob}.marker")
        assert len(receiver.of(blob)) == expected

    return check


def _sas(storage: StorageProcess, name: str, **permissions: bool) -> str:
    query = generate_blob_sas(
        storage.account,
        "images",
        name,
        account_key=storage.key,
        permission=BlobSasPermissions(**permissions),
        expiry=datetime.now(UTC) + timedelta(minutes=10),
    )
    return f"{storage.url}/images/{name}?{query}"


def test_event_has_the_documented_shape(
    storage: StorageProcess, images: ContainerClient, receiver: EventReceiver
) -> None:
    blob = images.upload_blob(
        "C-1/shape.jpg",
        b"\xff\xd8" * 500,
        content_settings=ContentSettings(content_type="image/jpeg"),
    )
    (event,) = receiver.wait_for("C-1/shape.jpg")
    data = event.pop("data")
    properties = blob.get_blob_properties()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z", event.pop("time"))
    assert event.pop("id")[:-6] == data["requestId"][:-6]
    assert re.fullmatch(r"[0-9a-f-]{36}", data.pop("requestId"))
    assert re.fullmatch(r"[0-9a-f-]{36}", data.pop("clientRequestId"))
    assert re.fullmatch(r"[0-9a-f]{48}", data.pop("sequencer"))
    assert list(data.pop("storageDiagnostics")) == ["batchId"]
    assert event == {
        "specversion": "1.0",
        "type": "Microsoft.Storage.BlobCreated",
        "source": "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-claimlens"
        "/providers/Microsoft.Storage/storageAccounts/devstoreaccount1",
        "subject": "/blobServices/default/containers/images/blobs/C-1/shape.jpg",
    }
    assert data == {
        "api": "PutBlob",
        "eTag": properties.etag.strip('"'),
        "contentType": "image/jpeg",
        "contentLength": 1000,
        "blobType": "BlockBlob",
        "url": f"{storage.url}/images/C-1/shape.jpg",
    }


def test_events_are_published_with_the_namespaces_key(
    images: ContainerClient, receiver: EventReceiver
) -> None:
    images.upload_blob("published", b"x")
    receiver.wait_for("published")
    path, headers, body = receiver.requests[-1]
    assert path == "/topics/blob-created:publish?api-version=2024-06-01"
    assert headers["Authorization"] == "SharedAccessKey claimlens-development-key"
    assert headers["Content-Type"] == "application/cloudevents-batch+json; charset=utf-8"
    assert isinstance(body, list)


def test_a_picture_in_one_put(
    storage: StorageProcess, images: ContainerClient, receiver: EventReceiver
) -> None:
    """20 MB at constant memory, both ways."""
    emulator = psutil.Process(storage.pid)
    images.upload_blob("warm-up", b"x" * MB, overwrite=True)
    before = most = emulator.memory_info().rss
    with BlobServiceClient.from_connection_string(
        storage.connection_string, max_single_put_size=64 * MB
    ) as client:
        blob = client.get_blob_client("images", "one-put")

        def chunks() -> Iterator[bytes]:
            nonlocal most
            for start in range(0, len(PICTURE), MB):
                most = max(most, emulator.memory_info().rss)
                yield PICTURE[start : start + MB]

        httpx.put(
            _sas(storage, "one-put", create=True, write=True),
            content=chunks(),
            headers={"x-ms-blob-type": "BlockBlob", "Content-Length": str(len(PICTURE))},
            timeout=30,
        ).raise_for_status()
        (event,) = receiver.wait_for("one-put")
        whole = hashlib.sha256()
        for chunk in blob.download_blob().chunks():
            most = max(most, emulator.memory_info().rss)
            whole.update(chunk)
    assert whole.digest() == hashlib.sha256(PICTURE).digest()
    assert event["data"]["contentLength"] == len(PICTURE)
    assert most - before < 8 * MB


def test_a_picture_in_blocks_gives_one_event(
    storage: StorageProcess, images: ContainerClient, receiver: EventReceiver, nothing_else: Any
) -> None:
    with BlobServiceClient.from_connection_string(
        storage.connection_string, max_single_put_size=MB, max_block_size=4 * MB
    ) as client:
        client.get_blob_client("images", "blocks").upload_blob(
            PICTURE, max_concurrency=3, content_settings=ContentSettings(content_type="image/tiff")
        )
    (event,) = receiver.wait_for("blocks")
    properties = images.get_blob_client("blocks").get_blob_properties()
    data = event["data"]
    assert (data["api"], data["contentLength"], data["contentType"]) == (
        "PutBlockList",
        len(PICTURE),
        "image/tiff",
    )
    assert data["eTag"] == properties.etag.strip('"')
    nothing_else("blocks", 1)


def test_overwriting_raises_a_second_event(images: ContainerClient, receiver: EventReceiver) -> None:
    images.upload_blob("twice", b"first")
    images.upload_blob("twice", b"second one", overwrite=True)
    first, second = (event["data"] for event in receiver.wait_for("twice", 2))
    assert first["eTag"] != second["eTag"]
    assert first["sequencer"] < second["sequencer"]
    assert (first["contentLength"], second["contentLength"]) == (5, 10)


@pytest.mark.parametrize("synchronous", [False, True])
def test_a_copy_raises_an_event(images: ContainerClient, receiver: EventReceiver, synchronous: bool) -> None:
    name = f"copy-{synchronous}"
    source = images.upload_blob(
        "original", b"picture", overwrite=True, content_settings=ContentSettings(content_type="image/png")
    )
    images.get_blob_client(name).start_copy_from_url(source.url, requires_sync=synchronous)
    (event,) = receiver.wait_for(name)
    data = event["data"]
    assert (data["api"], data["contentType"], data["contentLength"]) == ("CopyBlob", "image/png", 7)


def test_an_append_blob_raises_one_event_when_it_is_created(
    images: ContainerClient, receiver: EventReceiver, nothing_else: Any
) -> None:
    blob = images.get_blob_client("appended")
    blob.create_append_blob()
    blob.append_block(b"more")
    (event,) = receiver.wait_for("appended")
    assert (event["data"]["blobType"], event["data"]["contentLength"]) == ("AppendBlob", 0)
    nothing_else("appended", 1)


def test_a_conflict_raises_nothing(images: ContainerClient, nothing_else: Any) -> None:
    images.upload_blob("there", b"x")
    with pytest.raises(ResourceExistsError):
        images.upload_blob("there", b"y", overwrite=False)
    with pytest.raises(HttpResponseError):
        images.upload_blob(
            "there", b"y", overwrite=True, etag='"0x0"', match_condition=MatchConditions.IfNotModified
        )
    nothing_else("there", 1)


@pytest.mark.parametrize("size", [10, len(PICTURE)])
def test_a_wrong_key_raises_nothing(storage: StorageProcess, nothing_else: Any, size: int) -> None:
    credential = {"account_name": storage.account, "account_key": "QUFBQQ=="}
    with (
        BlobServiceClient(storage.url, credential=credential, retry_total=0) as client,
        pytest.raises(HttpResponseError) as refused,
    ):
        client.get_blob_client("images", f"forged-{size}").upload_blob(PICTURE[:size])
    assert refused.value.status_code == 403
    nothing_else(f"forged-{size}")


def test_other_writes_and_reads_raise_nothing(images: ContainerClient, nothing_else: Any) -> None:
    blob = images.upload_blob("handled", b"x", metadata={"claim": "C-1"})
    blob.set_blob_metadata({"claim": "C-2"})
    blob.set_http_headers(ContentSettings(content_type="image/gif"))
    blob.set_blob_tags({"a": "b"})
    blob.create_snapshot()
    blob.acquire_lease(lease_duration=15).release()
    assert blob.get_blob_properties().metadata == {"claim": "C-2"}
    assert "handled" in [item.name for item in images.list_blobs(name_starts_with="hand")]
    images.delete_blob("handled", delete_snapshots="include")
    assert not blob.exists()
    nothing_else("handled", 1)


@pytest.mark.parametrize("name", ["a b/ü+x%.jpg", "2026/11/ü&=?#'\".png", "~weird;(1)/[x]@$,.gif"])
def test_names_arrive_as_they_are(images: ContainerClient, receiver: EventReceiver, name: str) -> None:
    blob = images.upload_blob(name, b"named")
    (event,) = receiver.wait_for(name)
    assert name in [item.name for item in images.list_blobs()]
    assert blob.download_blob().readall() == b"named"
    with ContainerClient.from_container_url(
        event["data"]["url"].split("/images/")[0] + "/images"
    ) as anonymous:
        assert urlsplit(anonymous.url).path == "/devstoreaccount1/images"
    assert urlsplit(event["data"]["url"]).path == urlsplit(blob.url).path


def test_signed_links_work(storage: StorageProcess, images: ContainerClient, receiver: EventReceiver) -> None:
    images.upload_blob("linked", b"0123456789", content_settings=ContentSettings(content_type="image/bmp"))
    link = _sas(storage, "linked", read=True)
    whole = httpx.get(link)
    assert (whole.content, whole.headers["content-type"]) == (b"0123456789", "image/bmp")
    part = httpx.get(link, headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.content) == (206, b"234")
    assert part.headers["content-range"] == "bytes 2-4/10"
    head = httpx.head(link)
    assert (head.content, head.headers["content-length"]) == (b"", "10")
    unchanged = httpx.get(link, headers={"If-None-Match": whole.headers["etag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert httpx.get(link.replace("sig=", "sig=x")).status_code == 403
    assert httpx.put(link, content=b"x", headers={"x-ms-blob-type": "BlockBlob"}).status_code == 403
    assert len(receiver.wait_for("linked")) == 1


def test_the_proxy_adds_nothing_to_azurites_answer(storage: StorageProcess, images: ContainerClient) -> None:
    images.upload_blob("plain", b"x" * 1000, metadata={"Camera": "A"})
    link = _sas(storage, "plain", read=True)
    through = httpx.get(link)
    straight = httpx.get(link.replace(str(storage.port), str(storage.azurite_port)))
    changing = {"date", "x-ms-request-id", "keep-alive", "connection"}
    assert through.content == straight.content
    assert {key: value for key, value in through.headers.items() if key not in changing} == {
        key: value for key, value in straight.headers.items() if key not in changing
    }


def test_a_body_without_length_goes_through(
    storage: StorageProcess, receiver: EventReceiver, nothing_else: Any
) -> None:
    """Azurite takes a block list so, and refuses a blob: both answers are its own."""
    link = _sas(storage, "chunked", create=True, write=True)
    httpx.put(f"{link}&comp=block&blockid=QQ==", content=PICTURE[:MB]).raise_for_status()
    blocks = (b"<BlockList>", b"<Latest>QQ==</Latest>", b"</BlockList>")
    httpx.put(f"{link}&comp=blocklist", content=iter(blocks)).raise_for_status()
    (event,) = receiver.wait_for("chunked")
    assert event["data"]["contentLength"] == MB
    refused = httpx.put(link, content=iter([b"x"]), headers={"x-ms-blob-type": "BlockBlob"})
    assert (refused.status_code, refused.headers["server"].split("/")[0]) == (400, "Azurite-Blob")
    nothing_else("chunked", 1)


def _put_head(storage: StorageProcess, name: str, length: int, *more: str) -> bytes:
    target = _sas(storage, name, create=True, write=True).removeprefix(storage.base_url)
    lines = (
        f"PUT {target} HTTP/1.1",
        f"Host: 127.0.0.1:{storage.port}",
        "x-ms-blob-type: BlockBlob",
        f"Content-Length: {length}",
        *more,
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def test_expect_continue(storage: StorageProcess, receiver: EventReceiver) -> None:
    with socket.create_connection(("127.0.0.1", storage.port), timeout=10) as connection:
        connection.sendall(_put_head(storage, "expected", 5, "Expect: 100-continue", "Connection: close"))
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"bytes")
        assert connection.makefile("rb").read().startswith(b"HTTP/1.1 201 ")
    receiver.wait_for("expected")


@pytest.mark.parametrize("sent", [0, 1000, 5 * MB])
def test_a_client_that_breaks_off_leaves_nothing(
    storage: StorageProcess, images: ContainerClient, nothing_else: Any, sent: int
) -> None:
    name = f"broken-off-{sent}"
    with socket.create_connection(("127.0.0.1", storage.port), timeout=10) as connection:
        connection.sendall(_put_head(storage, name, 10 * MB) + PICTURE[:sent])
        until_sync(lambda: _intents(storage) == 1, what="the upload is under way")
    until_sync(lambda: _intents(storage) == 0, what="the upload is given up")
    assert not images.get_blob_client(name).exists()
    nothing_else(name)


def test_a_client_that_breaks_off_leaves_the_older_blob(
    storage: StorageProcess, images: ContainerClient, nothing_else: Any
) -> None:
    blob = images.upload_blob("kept", b"old")
    with socket.create_connection(("127.0.0.1", storage.port), timeout=10) as connection:
        connection.sendall(_put_head(storage, "kept", MB) + PICTURE[:1000])
        until_sync(lambda: _intents(storage) == 1, what="the upload is under way")
    until_sync(lambda: _intents(storage) == 0, what="the upload is given up")
    assert blob.download_blob().readall() == b"old"
    nothing_else("kept", 1)


def _intents(storage: StorageProcess) -> int:
    return int(httpx.get(f"{storage.base_url}/healthz").json()["intents"])


def test_many_at_once_each_raise_theirs(images: ContainerClient, receiver: EventReceiver) -> None:
    def upload(worker: int) -> None:
        for number in range(10):
            images.upload_blob(f"many/{worker}-{number}", os.urandom(10_000))

    threads = [threading.Thread(target=upload, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    names = {f"many/{worker}-{number}" for worker in range(8) for number in range(10)}
    for name in names:
        receiver.wait_for(name)
    about = [event for event in receiver.events if "/blobs/many/" in event["subject"]]
    assert len({event["data"]["sequencer"] for event in about}) == len({event["id"] for event in about}) == 80


def test_health_tells_of_azurite_and_the_outbox(storage: StorageProcess) -> None:
    answer = httpx.get(f"{storage.base_url}/healthz")
    assert answer.status_code == 200
    assert answer.json()["azurite"] == "up"
    assert answer.json()["outbox"] == {"depth": 0, "oldest_s": 0.0, "trouble": ""}


def test_own_addresses_are_two_only(storage: StorageProcess) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{storage.base_url}/metrics/x", timeout=5)
    with refused.value as answer:
        assert answer.headers["Server"].startswith("Azurite")
    assert httpx.get(f"{storage.base_url}/_emulator/outbox").json() == {"events": []}
