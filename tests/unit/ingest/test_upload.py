"""Pictures that are accepted."""

import hashlib
import json
from typing import Any

import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from services.contracts.identity import image_id
from services.contracts.records import Status
from tests.support.pictures import encoded, large_jpeg
from tests.unit.ingest.conftest import Open, Stand

JPEG = encoded("JPEG")


async def test_form(stand: Stand) -> None:
    response = await stand.upload(JPEG, claim_id="C-1042", metadata='{"uploaded_by": "Ada"}')

    digest = hashlib.sha256(JPEG).hexdigest()
    identifier = image_id("C-1042", digest)
    assert response.status_code == 202, response.text
    assert response.json() == {
        "id": identifier,
        "claim_id": "C-1042",
        "status": "received",
        "sha256": digest,
        "content_type": "image/jpeg",
        "size": len(JPEG),
        "width": 120,
        "height": 80,
        "already_known": False,
    }
    assert response.headers["Location"] == f"http://127.0.0.1:8003/v1/images/{identifier}"
    record = stand.record(identifier)
    assert record.metadata == {"uploaded_by": "Ada"}
    assert record.image.blob == f"C-1042/{identifier}.jpg"
    assert record.status is Status.RECEIVED
    assert [entry.status for entry in record.history] == [Status.RECEIVED]
    assert stand.blob_of(identifier).content == JPEG
    assert stand.blob_of(identifier).content_type == "image/jpeg"


async def test_raw_body(stand: Stand) -> None:
    response = await stand.upload_raw(JPEG, claim_id="C-1")
    assert response.status_code == 202, response.text
    assert response.json()["claim_id"] == "C-1"
    assert stand.blob_of(response.json()["id"]).content == JPEG


async def test_both_ways_are_the_same_picture(stand: Stand) -> None:
    first = (await stand.upload(JPEG, claim_id="C-1")).json()
    second = (await stand.upload_raw(JPEG, claim_id="C-1")).json()
    assert second == {**first, "already_known": True}


@pytest.mark.parametrize("claim_id", ["", None])
async def test_without_claim(stand: Stand, claim_id: str | None) -> None:
    response = await stand.upload(JPEG, **({} if claim_id is None else {"claim_id": claim_id}))
    assert response.json()["claim_id"] is None
    assert stand.record(response.json()["id"]).image.blob.startswith("unclaimed/")


async def test_claim_in_the_address_of_a_form(stand: Stand) -> None:
    response = await stand.client.post("/v1/images?claim_id=C-7", files={"file": JPEG})
    assert response.json()["claim_id"] == "C-7"


async def test_body_without_a_type(stand: Stand) -> None:
    response = await stand.client.post("/v1/images", content=JPEG)
    assert response.status_code == 202, response.text


@pytest.mark.parametrize(
    ("kind", "content_type", "extension"),
    [
        ("JPEG", "image/jpeg", "jpg"),
        ("PNG", "image/png", "png"),
        ("GIF", "image/gif", "gif"),
        ("BMP", "image/bmp", "bmp"),
        ("WEBP", "image/webp", "webp"),
        ("ICO", "image/x-icon", "ico"),
        ("TIFF", "image/tiff", "tiff"),
        ("MPO", "image/jpeg", "jpg"),
    ],
)
async def test_every_format(stand: Stand, kind: str, content_type: str, extension: str) -> None:
    body = (await stand.upload(encoded(kind, 96, 96))).json()
    assert body["content_type"] == content_type, body
    assert (body["width"], body["height"]) == (96, 96)
    assert stand.record(body["id"]).image.blob.endswith(f".{extension}")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize(
    ("orientation", "size"), [(1, [120, 80]), (3, [120, 80]), (6, [80, 120]), (8, [80, 120])]
)
async def test_size_is_that_of_the_upright_picture(
    stand: Stand, kind: str, orientation: int, size: list[int]
) -> None:
    body = (await stand.upload(encoded(kind, orientation=orientation))).json()
    assert [body["width"], body["height"]] == size


async def test_smallest(stand: Stand) -> None:
    content = encoded("PNG", 50, 50)
    assert (await stand.upload(content)).status_code == 202


async def test_19_megabytes(stand: Stand) -> None:
    content = large_jpeg()
    response = await stand.upload(content)
    assert response.status_code == 202, response.text
    assert stand.blob_of(response.json()["id"]).content == content


async def test_exactly_the_limit(opened: Open) -> None:
    content = encoded("BMP", 100, 100)
    stand = await opened(max_upload_bytes=len(content))
    assert (await stand.upload(content)).status_code == 202
    assert (await stand.upload_raw(content, claim_id="C-2")).status_code == 202


@pytest.mark.parametrize("options", [{"progressive": True}, {"quality": 100, "subsampling": 0}])
async def test_kinds_of_jpeg(stand: Stand, options: dict[str, Any]) -> None:
    body = (await stand.upload(encoded("JPEG", 801, 603, **options))).json()
    assert (body["width"], body["height"]) == (801, 603)


async def test_metadata_at_its_limits(stand: Stand) -> None:
    metadata = {f"{n:064}": "é" * 512 for n in range(16)}
    body = (await stand.upload(JPEG, metadata=json.dumps(metadata, ensure_ascii=False))).json()
    assert stand.record(body["id"]).metadata == metadata


async def test_cors_lets_querys_page_upload(stand: Stand) -> None:
    asked = {
        "Origin": "http://localhost:8003",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    preflight = await stand.client.options("/v1/images", headers=asked)
    assert preflight.headers["access-control-allow-origin"] == "http://localhost:8003"
    answer = await stand.client.post(
        "/v1/images", content=JPEG, headers={"Origin": "http://127.0.0.1:8003", "Content-Type": "image/jpeg"}
    )
    assert answer.headers["access-control-allow-origin"] == "http://127.0.0.1:8003"
    assert "Location" in answer.headers["access-control-expose-headers"]


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("PUT", "/review", "authorization,content-type"),
        ("POST", "/classification", "authorization"),
        ("DELETE", "", "authorization"),
    ],
)
async def test_cors_lets_querys_page_say_more_of_a_picture(
    stand: Stand, method: str, path: str, headers: str
) -> None:
    identifier = (await stand.upload(JPEG)).json()["id"]
    asked = {
        "Origin": "http://127.0.0.1:8003",
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": headers,
    }
    preflight = await stand.client.options(f"/v1/images/{identifier}{path}", headers=asked)
    assert preflight.status_code == 200, preflight.text
    assert method in preflight.headers["access-control-allow-methods"]


async def test_the_page_reads_why_it_was_refused(opened: Open) -> None:
    stand = await opened(api_keys="ann:reader:anns-key-of-16-chars")
    headers = {"Origin": "http://127.0.0.1:8003", "Authorization": "Bearer anns-key-of-16-chars"}
    answer = await stand.client.delete(f"/v1/images/{'0' * 32}", headers=headers)
    assert answer.status_code == 403
    assert answer.headers["access-control-allow-origin"] == "http://127.0.0.1:8003"


async def test_cors_lets_nobody_else(stand: Stand) -> None:
    answer = await stand.client.post("/v1/images", content=JPEG, headers={"Origin": "http://evil.test"})
    assert "access-control-allow-origin" not in answer.headers


async def test_public_address_of_query(opened: Open) -> None:
    stand = await opened(query_public_url="https://photos.example/api/")
    response = await stand.upload(JPEG)
    assert response.headers["Location"].startswith("https://photos.example/api/v1/images/")


async def test_counts(stand: Stand) -> None:
    await stand.upload(JPEG)
    await stand.upload(JPEG)
    await stand.upload(b"no picture")
    assert await stand.counted("claimlens_uploads") == {
        "accepted": 1,
        "already-known": 1,
        "not-an-image": 1,
    }
    assert await stand.counted("claimlens_upload_bytes") == {"": len(JPEG)}


async def test_openapi_documents_both_ways_and_the_problems(stand: Stand) -> None:
    document = (await stand.client.get("/openapi.json")).json()
    operation = document["paths"]["/v1/images"]["post"]
    assert set(operation["requestBody"]["content"]) == {"multipart/form-data", "image/*"}
    assert set(operation["responses"]) == {
        *("202", "400", "401", "403", "408", "413", "415", "422", "429", "503"),
    }
    assert set(operation["responses"]["413"]["content"]) == {"application/problem+json"}
    accepted = operation["responses"]["202"]["content"]["application/json"]["schema"]["$ref"]
    properties = document["components"]["schemas"][accepted.rpartition("/")[2]]["properties"]
    assert {"id", "already_known", "width"} <= set(properties)


async def test_ready_when_everything_answers(stand: Stand) -> None:
    async def fine() -> None: ...

    async def away() -> None:
        raise RuntimeError("not loaded")

    stand.checks["sidecar"] = fine
    assert (await stand.client.get("/readyz")).status_code == 200
    stand.checks["images"] = away
    answer = await stand.client.get("/readyz")
    assert (answer.status_code, answer.json()["missing"]) == (503, {"images": "not loaded"})
    assert (await stand.client.get("/healthz")).json() == {"status": "ok"}


async def test_log_lines_carry_the_ids(stand: Stand) -> None:
    with capture_logs(processors=[merge_contextvars]) as lines:
        body = (await stand.upload(JPEG, claim_id="C-9")).json()
    (line,) = [line for line in lines if line["event"] == "picture accepted"]
    assert (line["image_id"], line["claim_id"]) == (body["id"], "C-9")
    assert len(line["trace_id"]) == 32
