"""Uploads that are refused: the status of each fault, and nothing left behind."""

import asyncio
import json
import struct
import zlib
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from starlette.types import Message

from tests.support.pictures import encoded, picture
from tests.support.waiting import until
from tests.unit.ingest.conftest import Open, Stand, assert_problem

JPEG = encoded("JPEG")
READER = {"Authorization": "Bearer reader-key-of-16-chars"}
WRITER = {"Authorization": "Bearer writer-key-of-16-chars"}
KEYS = "ann:reader:reader-key-of-16-chars,bob:writer:writer-key-of-16-chars"


def png_of(width: int, height: int) -> bytes:
    """A PNG that declares these sides and holds no such picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0"))
        + chunk(b"IEND", b"")
    )


# 400


async def test_form_without_file(stand: Stand) -> None:
    response = await stand.client.post("/v1/images", files={"claim_id": (None, "C-1")})
    assert_problem(response, 400, "no-file")
    assert stand.is_empty()


async def test_file_as_text_field(stand: Stand) -> None:
    response = await stand.client.post("/v1/images", files={"file": (None, "not a file")})
    assert_problem(response, 400, "no-file")
    assert stand.is_empty()


async def test_empty_file(stand: Stand) -> None:
    assert_problem(await stand.upload(b""), 400, "no-file")
    assert stand.is_empty()


async def test_empty_body(stand: Stand) -> None:
    assert_problem(await stand.upload_raw(b""), 400, "no-file")
    assert_problem(await stand.client.post("/v1/images"), 400, "no-file")
    assert stand.is_empty()


async def test_two_files(stand: Stand) -> None:
    two = [("file", ("a.jpg", JPEG)), ("file", ("b.jpg", JPEG))]
    assert_problem(await stand.client.post("/v1/images", files=two), 400, "bad-form")
    assert stand.is_empty()


async def test_file_in_another_field(stand: Stand) -> None:
    response = await stand.client.post("/v1/images", files={"photo": JPEG})
    assert "photo" in assert_problem(response, 400, "bad-form")["detail"]
    assert stand.is_empty()


async def test_field_that_is_not_known(stand: Stand) -> None:
    body = assert_problem(await stand.upload(JPEG, claim="C-1"), 400, "bad-form")
    assert "claim" in body["detail"]
    assert stand.is_empty()


async def test_field_twice(stand: Stand) -> None:
    parts = [("file", ("a.jpg", JPEG)), ("claim_id", (None, b"C-1")), ("claim_id", (None, b"C-2"))]
    assert_problem(await stand.client.post("/v1/images", files=parts), 400, "bad-form")
    assert stand.is_empty()


async def test_long_field(stand: Stand) -> None:
    assert_problem(await stand.upload(JPEG, metadata="x" * 70_000), 400, "bad-form")
    assert stand.is_empty()


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary=other"])
async def test_form_that_is_none(stand: Stand, content_type: str) -> None:
    headers = {"Content-Type": content_type}
    response = await stand.client.post("/v1/images", content=b"--b\r\nnothing", headers=headers)
    assert_problem(response, 400, "bad-form")
    assert stand.is_empty()


async def test_form_cut_off(stand: Stand) -> None:
    request = stand.client.build_request("POST", "/v1/images", files={"file": JPEG})
    cut = request.read()[: len(JPEG) // 2]
    headers = {"Content-Type": request.headers["Content-Type"]}
    response = await stand.client.post("/v1/images", content=cut, headers=headers)
    assert_problem(response, 400, "no-file")
    assert stand.is_empty()


@pytest.mark.parametrize(
    "claim_id", ["-leading", "a" * 65, "with space", "a/b", "../x", "é", "C-1\n", "x\0", " "]
)
async def test_bad_claim_id(stand: Stand, claim_id: str) -> None:
    assert_problem(await stand.upload(JPEG, claim_id=claim_id), 400, "bad-claim-id")
    assert_problem(await stand.upload_raw(JPEG, claim_id=claim_id), 400, "bad-claim-id")
    assert stand.is_empty()


async def test_two_claims(stand: Stand) -> None:
    response = await stand.client.post(
        "/v1/images?claim_id=C-1", files={"file": JPEG}, data={"claim_id": "C-2"}
    )
    assert_problem(response, 400, "bad-claim-id")
    assert stand.is_empty()


@pytest.mark.parametrize(
    "metadata",
    [
        "{",
        "[]",
        '"text"',
        "null",
        '{"n": 1}',
        '{"nested": {"a": "b"}}',
        json.dumps({str(n): "" for n in range(17)}),
        json.dumps({"k" * 65: "v"}),
        json.dumps({"": "v"}),
        json.dumps({"k": "v" * 513}),
        '{"k": "\\ud800"}',
        "[" * 60_000,
    ],
    ids=lambda text: text[:12],
)
async def test_bad_metadata(stand: Stand, metadata: str) -> None:
    assert_problem(await stand.upload(JPEG, metadata=metadata), 400, "bad-metadata")
    assert stand.is_empty()


# 401, 403


async def test_without_a_key(opened: Open) -> None:
    stand = await opened(api_keys=KEYS)
    response = await stand.upload(JPEG)
    assert_problem(response, 401, "unauthorized")
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert stand.is_empty()


async def test_with_a_wrong_key(opened: Open) -> None:
    stand = await opened(api_keys=KEYS)
    stand.client.headers["X-Api-Key"] = "no-such-key-of-16-chars"
    assert_problem(await stand.upload(JPEG), 401, "unauthorized")
    assert stand.is_empty()


async def test_reader_may_not_upload(opened: Open) -> None:
    stand = await opened(api_keys=KEYS)
    stand.client.headers.update(READER)
    assert_problem(await stand.upload(JPEG), 403, "forbidden")
    assert stand.is_empty()


async def test_writer_may_upload(opened: Open) -> None:
    stand = await opened(api_keys=KEYS)
    stand.client.headers.update(WRITER)
    assert (await stand.upload(JPEG)).status_code == 202


# 408


async def test_body_that_stalls(opened: Open) -> None:
    stand = await opened(body_idle_timeout_s=0.05)

    async def stalling() -> AsyncIterator[bytes]:
        yield JPEG[:100]
        await never()

    async def never() -> None:
        await asyncio.Event().wait()

    response = await stand.client.post(
        "/v1/images", content=stalling(), headers={"Content-Type": "image/jpeg"}
    )
    assert_problem(response, 408, "request-timeout")
    assert stand.is_empty()


# 413


class Counting:
    """A body that says how much of it was read."""

    def __init__(self, chunks: int, size: int = 64 * 1024) -> None:
        self.chunks = chunks
        self.size = size
        self.read = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(self.chunks):
            self.read += self.size
            yield b"\xff" * self.size


async def test_declared_length_over_the_limit_is_refused_unread(stand: Stand) -> None:
    body = Counting(chunks=400)
    headers = {"Content-Type": "image/jpeg", "Content-Length": str(20_971_521)}
    response = await stand.client.post("/v1/images", content=body, headers=headers)
    assert "20971520" in assert_problem(response, 413, "too-large")["detail"]
    assert body.read == 0
    assert stand.is_empty()


async def test_body_of_unknown_length_is_read_no_further_than_the_limit(stand: Stand) -> None:
    body = Counting(chunks=1000)
    response = await stand.client.post("/v1/images", content=body, headers={"Content-Type": "image/jpeg"})
    assert_problem(response, 413, "too-large")
    assert body.read <= 20_971_520 + 2 * body.size
    assert stand.is_empty()


async def test_false_content_length(opened: Open) -> None:
    stand = await opened(max_upload_bytes=100_000)
    body = Counting(chunks=10)
    headers = {"Content-Type": "image/jpeg", "Content-Length": "5"}
    assert_problem(await stand.client.post("/v1/images", content=body, headers=headers), 413, "too-large")
    assert stand.is_empty()


@pytest.mark.parametrize("over", [1, 200_000], ids=["by a byte", "by more than a form's allowance"])
async def test_file_of_a_form_over_the_limit(opened: Open, over: int) -> None:
    stand = await opened(max_upload_bytes=100_000)
    content = JPEG + b"\0" * (100_000 + over - len(JPEG))
    assert_problem(await stand.upload(content), 413, "too-large")
    assert stand.is_empty()


async def test_form_of_unknown_length_over_the_limit(opened: Open) -> None:
    stand = await opened(max_upload_bytes=100_000)
    request = stand.client.build_request("POST", "/v1/images", files={"file": b"\xff" * 300_000})
    whole = request.read()

    async def body() -> AsyncIterator[bytes]:
        for start in range(0, len(whole), 10_000):
            yield whole[start : start + 10_000]

    response = await stand.client.post(
        "/v1/images", content=body(), headers={"Content-Type": request.headers["Content-Type"]}
    )
    assert_problem(response, 413, "too-large")
    assert stand.is_empty()


# 415


@pytest.mark.parametrize(
    "content",
    [
        b"hello, world",
        b"%PDF-1.7\n" + b"x" * 100,
        b"BMW builds cars, and this is a text about them.",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\0\0\0\x20ftypavif" + b"\0" * 50,
        b"\0\0\2\0\1\0" + b"\0" * 50,
        b"\0\0\1\0" + b"\0" * 50,
        b"RIFF\x10\0\0\0WAVEfmt ",
        b"\xff",
        b"GIF88a",
        b"PK\x03\x04" + b"\0" * 50,
    ],
    ids=["text", "pdf", "BM", "svg", "avif", "cursor", "no icons", "wave", "one byte", "gif?", "zip"],
)
async def test_not_an_image(stand: Stand, content: bytes) -> None:
    assert_problem(await stand.upload(content), 415, "not-an-image")
    assert_problem(await stand.upload_raw(content), 415, "not-an-image")
    assert stand.is_empty()


@pytest.mark.parametrize("kind", ["PPM", "JPEG2000", "PCX", "TGA", "EPS"])
async def test_image_that_vision_does_not_read(stand: Stand, kind: str) -> None:
    assert_problem(await stand.upload(encoded(kind)), 415, "not-an-image")
    assert stand.is_empty()


@pytest.mark.parametrize(
    "content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded"]
)
async def test_body_of_another_kind(stand: Stand, content_type: str) -> None:
    response = await stand.client.post("/v1/images", content=JPEG, headers={"Content-Type": content_type})
    assert_problem(response, 415, "unsupported-request-type")
    assert stand.is_empty()


# 422


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "ICO", "TIFF"])
@pytest.mark.parametrize("kept", [0.999, 0.9, 0.5])
async def test_truncated(stand: Stand, kind: str, kept: float) -> None:
    whole = encoded(kind, 200, 200)
    cut = whole[: min(int(len(whole) * kept), len(whole) - 1)]
    response = await stand.upload(cut)
    assert response.json()["type"].rpartition(":")[2] in ("image-truncated", "image-undecodable")
    assert response.status_code == 422
    assert stand.is_empty()


async def test_truncated_is_named(stand: Stand) -> None:
    assert_problem(await stand.upload(JPEG[:-200]), 422, "image-truncated")


async def test_truncated_progressive(stand: Stand) -> None:
    whole = encoded("JPEG", 800, 600, progressive=True)
    assert_problem(await stand.upload(whole[: len(whole) // 2]), 422, "image-truncated")
    assert stand.is_empty()


async def test_animation_cut_in_a_later_picture(stand: Stand) -> None:
    whole = encoded("GIF", save_all=True, append_images=[picture(seed=n) for n in range(1, 4)])
    assert (await stand.upload(whole)).status_code == 202
    assert_problem(await stand.upload(whole[: len(whole) * 3 // 4], claim_id="C-2"), 422, "image-truncated")


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xd8\xff\xe0" + b"\0" * 200,
        b"\x89PNG\r\n\x1a\n" + b"\0" * 200,
        b"GIF89a" + b"\xff" * 200,
        b"RIFF\xc8\0\0\0WEBP" + b"VP8 " * 48,
        b"II*\0" + b"\x08\0\0\0" + b"\xff" * 200,
        b"\0\0\1\0\1\0" + b"\xff" * 200,
        b"BM" + b"\0" * 12 + b"\x28\0\0\0" + b"\xff" * 200,
        png_of(100, 100),
    ],
    ids=["jpeg", "png", "gif", "webp", "tiff", "ico", "bmp", "png without pixels"],
)
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
async def test_undecodable(stand: Stand, content: bytes) -> None:
    response = await stand.upload(content)
    assert response.status_code == 422, response.text
    assert stand.is_empty()


@pytest.mark.parametrize("size", [(49, 50), (50, 49), (1, 1), (16_001, 50), (50, 16_001)])
async def test_sides(stand: Stand, size: tuple[int, int]) -> None:
    body = assert_problem(await stand.upload(encoded("PNG", *size)), 422, "image-dimensions")
    assert f"{size[0]} x {size[1]}" in body["detail"]
    assert stand.is_empty()


@pytest.mark.parametrize("size", [(16_001, 16_001), (20_000, 20_000), (60_000, 60_000)])
async def test_bomb_is_refused_before_it_is_decoded(stand: Stand, size: tuple[int, int]) -> None:
    assert_problem(await stand.upload(png_of(*size)), 422, "image-dimensions")
    assert stand.is_empty()


@pytest.mark.parametrize("hidden", [png_of(16_001, 16_001), encoded("PNG", 20, 20)], ids=["bomb", "speck"])
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
async def test_icon_that_hides_another_size(stand: Stand, hidden: bytes) -> None:
    content = struct.pack("<HHH", 0, 1, 1) + struct.pack("<BBBBHHII", 64, 64, 0, 0, 1, 32, len(hidden), 22)
    assert_problem(await stand.upload(content + hidden), 422, "image-dimensions")
    assert stand.is_empty()


# 429


async def test_too_many_uploads(opened: Open) -> None:
    stand = await opened(upload_rate_per_s=0.1, upload_burst=2)
    assert (await stand.upload(JPEG, claim_id="1")).status_code == 202
    assert (await stand.upload(JPEG, claim_id="2")).status_code == 202
    response = await stand.upload(JPEG, claim_id="3")
    assert_problem(response, 429, "rate-limited")
    assert 1 <= int(response.headers["Retry-After"]) <= 10
    assert len(stand.blobs.stored) == len(stand.records.keys()) == 2


async def test_rate_is_for_each_key(opened: Open) -> None:
    stand = await opened(
        upload_rate_per_s=0.1, upload_burst=1, api_keys=f"{KEYS},eve:writer:another-key-of-16-chars"
    )
    stand.client.headers.update(WRITER)
    assert (await stand.upload(JPEG)).status_code == 202
    assert (await stand.upload(JPEG)).status_code == 429
    stand.client.headers["Authorization"] = "Bearer another-key-of-16-chars"
    assert (await stand.upload(JPEG)).status_code == 202


async def test_no_place_in_memory(opened: Open) -> None:
    stand = await opened(max_concurrent_uploads=1, upload_queue_timeout_s=0.1)
    gate = stand.blobs.faults.hold("put")
    first = asyncio.create_task(stand.upload(JPEG, claim_id="1"))
    await until(lambda: stand.blobs.faults.count("put"))
    response = await stand.upload(JPEG, claim_id="2")
    assert_problem(response, 429, "busy")
    assert int(response.headers["Retry-After"]) > 0
    gate.set()
    assert (await first).status_code == 202
    assert len(stand.records.keys()) == 1
    assert (await stand.upload(JPEG, claim_id="2")).status_code == 202


# Others


async def test_other_methods(stand: Stand) -> None:
    assert_problem(await stand.client.get("/v1/images"), 405, "method-not-allowed")
    assert_problem(await stand.client.post("/v1/pictures"), 404, "not-found")


async def test_connection_closed_in_the_body(stand: Stand) -> None:
    sent: list[Message] = []
    messages: Iterator[Message] = iter(
        [{"type": "http.request", "body": JPEG[:50], "more_body": True}, {"type": "http.disconnect"}]
    )
    app = stand.client._transport.app  # type: ignore[attr-defined]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/images",
        "raw_path": b"/v1/images",
        "query_string": b"",
        "headers": [(b"content-type", b"image/jpeg")],
        "client": ("1.2.3.4", 5),
        "server": ("ingest", 80),
        "scheme": "http",
        "http_version": "1.1",
        "root_path": "",
    }

    async def receive() -> Message:
        return next(messages)

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    assert sent[0]["status"] == 400
    assert stand.is_empty()


async def test_trace_of_the_caller_is_in_the_problem(stand: Stand) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01", "Content-Type": "image/png"}
    response: httpx.Response = await stand.client.post("/v1/images", content=b"?", headers=headers)
    assert assert_problem(response, 415, "not-an-image")["trace_id"] == trace
