"""The Vision emulator, driven by the vendor's own unmodified clients."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from azure.ai.vision.imageanalysis import ImageAnalysisClient
from azure.ai.vision.imageanalysis.aio import ImageAnalysisClient as AsyncImageAnalysisClient
from azure.ai.vision.imageanalysis.models import ImageAnalysisResult, VisualFeatures
from azure.core.credentials import AccessToken, AzureKeyCredential
from azure.core.exceptions import (
    ClientAuthenticationError,
    DecodeError,
    HttpResponseError,
    ResourceNotFoundError,
    ServiceResponseTimeoutError,
)

from tests.support.ports import free_port
from tests.support.vision_process import VisionProcess, vision_process
from tests.support.waiting import until_sync
from tests.unit.emulator_vision.pictures import encoded, noise, plain, spot, with_text

EVERYTHING = list(VisualFeatures)
READABLE = encoded(with_text("INVOICE 4711", "claimlens"))
SPOT = encoded(spot((650, 200)))
URL = "/computervision/imageanalysis:analyze"
QUERY = {"api-version": "2023-10-01", "features": "tags"}


@pytest.fixture(scope="module")
def vision() -> Iterator[VisionProcess]:
    with vision_process() as running:
        yield running


@pytest.fixture(autouse=True)
def _clean(vision: VisionProcess) -> None:
    vision.clear_faults()
    vision.forget_calls()


@pytest.fixture
def client(vision: VisionProcess) -> Iterator[ImageAnalysisClient]:
    with ImageAnalysisClient(vision.url, AzureKeyCredential(vision.key), retry_total=0) as found:
        yield found


@pytest.fixture(scope="module")
def pictures() -> Iterator[str]:
    """A web server with pictures; gives its address."""
    files = {
        "/readable.jpg": READABLE,
        "/empty.jpg": b"",
        "/big.jpg": b"x" * (20 * 1024 * 1024 + 1),
        "/text.html": b"<html>",
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = files.get(self.path.partition("?")[0])
            if self.path == "/moved.jpg":
                self.send_response(302)
                self.send_header("Location", "/readable.jpg")
                self.end_headers()
                return
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class Token:
    """A credential that always has a token."""

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        assert scopes == ("https://cognitiveservices.azure.com/.default",)
        return AccessToken("a.b.c", int(time.time()) + 3600)


def check_everything(found: ImageAnalysisResult) -> None:
    assert found.model_version
    assert (found.metadata.width, found.metadata.height) == (640, 360)
    assert found.caption is not None
    assert found.caption.text
    assert 0 < found.caption.confidence <= 1
    assert found.dense_captions is not None
    assert found.dense_captions.list[0].bounding_box.width == 640
    assert found.tags is not None
    assert "text" in [tag.name for tag in found.tags.list]
    assert found.objects is not None
    assert found.people is not None
    assert found.smart_crops is not None
    assert [crop.aspect_ratio for crop in found.smart_crops.list] == [0.9, 1.33]
    assert found.read is not None
    lines = found.read.blocks[0].lines
    assert lines[0].text == "INVOICE 4711"
    assert len(lines[0].bounding_polygon) == 4
    assert [word.text for word in lines[0].words] == ["INVOICE", "4711"]
    assert all(0 <= point.x <= 640 and 0 <= point.y <= 360 for point in lines[0].bounding_polygon)


def test_every_feature_of_bytes(client: ImageAnalysisClient) -> None:
    check_everything(
        client.analyze(
            READABLE,
            EVERYTHING,
            smart_crops_aspect_ratios=[0.9, 1.33],
            language="en",
            gender_neutral_caption=True,
            model_version="latest",
        )
    )


def test_every_feature_of_a_link(client: ImageAnalysisClient, pictures: str) -> None:
    check_everything(
        client.analyze_from_url(
            f"{pictures}/readable.jpg?sig=secret", EVERYTHING, smart_crops_aspect_ratios=[0.9, 1.33]
        )
    )


def test_a_link_may_move(client: ImageAnalysisClient, pictures: str) -> None:
    assert client.analyze_from_url(f"{pictures}/moved.jpg", [VisualFeatures.TAGS]).metadata.width == 640


async def test_the_async_client(vision: VisionProcess, pictures: str) -> None:
    async with AsyncImageAnalysisClient(vision.url, AzureKeyCredential(vision.key), retry_total=0) as client:
        check_everything(await client.analyze(READABLE, EVERYTHING, smart_crops_aspect_ratios=[0.9, 1.33]))
        check_everything(
            await client.analyze_from_url(
                f"{pictures}/readable.jpg", EVERYTHING, smart_crops_aspect_ratios=[0.9, 1.33]
            )
        )


def test_only_what_was_asked_for(client: ImageAnalysisClient) -> None:
    found = client.analyze(SPOT, [VisualFeatures.TAGS])
    assert set(found.as_dict()) == {"modelVersion", "metadata", "tagsResult"}


def test_a_crop_is_where_something_is(client: ImageAnalysisClient) -> None:
    found = client.analyze(SPOT, [VisualFeatures.SMART_CROPS], smart_crops_aspect_ratios=[0.75])
    assert found.smart_crops is not None
    box = found.smart_crops.list[0].bounding_box
    assert (box.width, box.height) == (300, 400)
    assert box.x <= 610
    assert box.x + box.width >= 690


def test_without_ratios_one_crop_between_half_and_two(client: ImageAnalysisClient) -> None:
    found = client.analyze(SPOT, [VisualFeatures.SMART_CROPS])
    assert found.smart_crops is not None
    assert len(found.smart_crops.list) == 1
    assert 0.5 <= found.smart_crops.list[0].aspect_ratio <= 2.0


def test_a_token_over_http(vision: VisionProcess) -> None:
    with ImageAnalysisClient(vision.url, Token(), retry_total=0) as client:
        found = client.analyze(SPOT, [VisualFeatures.TAGS], enforce_https=False)
    assert found.tags is not None


def test_both_api_versions(vision: VisionProcess) -> None:
    credential = AzureKeyCredential(vision.key)
    with ImageAnalysisClient(vision.url, credential, api_version="2024-02-01", retry_total=0) as client:
        assert client.analyze(SPOT, [VisualFeatures.TAGS]).tags is not None
    with (
        ImageAnalysisClient(vision.url, credential, api_version="2019-01-01", retry_total=0) as client,
        pytest.raises(ResourceNotFoundError),
    ):
        client.analyze(SPOT, [VisualFeatures.TAGS])


BAD_PICTURES = {
    "zero bytes": (b"", "InvalidRequest", None),
    "too many bytes": (b"x" * (20 * 1024 * 1024 + 1), "InvalidRequest", None),
    "too small": (encoded(plain(size=(49, 80)), "PNG"), "InvalidRequest", "InvalidImageSize"),
    "too large": (encoded(plain(size=(16001, 50)), "PNG"), "InvalidRequest", "InvalidImageSize"),
    "not a picture": (b"%PDF-1.7 and so on", "InvalidRequest", "InvalidImageFormat"),
    "truncated": (encoded(noise())[:4000], "InvalidRequest", "InvalidImageFormat"),
    "a format the service does not read": (encoded(plain(), "PPM"), "InvalidRequest", "InvalidImageFormat"),
}


@pytest.mark.parametrize("name", BAD_PICTURES)
def test_bad_pictures(client: ImageAnalysisClient, name: str) -> None:
    data, code, inner = BAD_PICTURES[name]
    check_refusal(lambda: client.analyze(data, [VisualFeatures.TAGS]), 400, code, inner)


def test_the_service_own_words(client: ImageAnalysisClient) -> None:
    with pytest.raises(HttpResponseError, match="not allowed to be zero or larger than 20971520 bytes"):
        client.analyze(b"", [VisualFeatures.TAGS])
    with pytest.raises(HttpResponseError) as small:
        client.analyze(BAD_PICTURES["too small"][0], [VisualFeatures.TAGS])
    assert "smaller than 50 and larger than 16000" in small.value.error.innererror["message"]  # type: ignore[union-attr]


@pytest.mark.parametrize("path", ["/gone.jpg", "/empty.jpg", "/big.jpg"])
def test_bad_links(client: ImageAnalysisClient, pictures: str, path: str) -> None:
    check_refusal(
        lambda: client.analyze_from_url(pictures + path, [VisualFeatures.TAGS]), 400, "InvalidRequest", None
    )


def test_a_link_to_something_else(client: ImageAnalysisClient, pictures: str) -> None:
    check_refusal(
        lambda: client.analyze_from_url(f"{pictures}/text.html", [VisualFeatures.TAGS]),
        400,
        "InvalidRequest",
        "InvalidImageFormat",
    )


@pytest.mark.parametrize(
    "url",
    [
        "",
        "no link",
        "ftp://host/x.jpg",
        "file:///etc/hostname",
        "http://",
        "http://[::x",
        "http://127.0.0.1:FREE/x.jpg",
    ],
)
def test_links_that_cannot_be_read(client: ImageAnalysisClient, url: str) -> None:
    url = url.replace("FREE", str(free_port()))
    check_refusal(lambda: client.analyze_from_url(url, [VisualFeatures.TAGS]), 400, "InvalidRequest", None)


BAD_QUERIES: dict[str, tuple[dict[str, Any], str]] = {
    "unknown feature": ({"visual_features": ["tags", "smells"]}, "NotSupportedVisualFeature"),
    "language": ({"language": "xx"}, "NotSupportedLanguage"),
    "caption in German": ({"visual_features": ["caption"], "language": "de"}, "NotSupportedLanguage"),
    "ratio too small": ({"smart_crops_aspect_ratios": [0.74]}, "BadArgument"),
    "ratio too large": ({"smart_crops_aspect_ratios": [1.0, 1.81]}, "BadArgument"),
    "model version": ({"model_version": "tomorrow"}, "BadArgument"),
}


@pytest.mark.parametrize("name", BAD_QUERIES)
def test_bad_queries(client: ImageAnalysisClient, name: str) -> None:
    arguments, inner = BAD_QUERIES[name]
    with pytest.raises(HttpResponseError, match="Analyze query is invalid"):
        client.analyze(SPOT, **{"visual_features": ["tags"], **arguments})
    check_refusal(
        lambda: client.analyze(SPOT, **{"visual_features": ["tags"], **arguments}),
        400,
        "InvalidRequest",
        inner,
    )


def test_neither_features_nor_model(vision: VisionProcess) -> None:
    response = post(vision, SPOT, {"api-version": "2023-10-01"})
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "InvalidRequest"
    custom = post(vision, SPOT, {"api-version": "2023-10-01", "model-name": "mine"})
    assert custom.status_code == 404
    assert custom.json()["error"]["code"] == "404"


def test_content_types(vision: VisionProcess) -> None:
    response = post(vision, SPOT, QUERY, "image/jpeg")
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "InvalidRequest"
    assert "innererror" not in response.json()["error"]
    for body in (b"[]", b"{", b'{"url": 3}', b'{"link": "http://x/"}'):
        assert post(vision, body, QUERY, "application/json").status_code == 400


@pytest.mark.parametrize("part", [("picture.jpg", SPOT, "image/jpeg"), (None, SPOT)])
def test_a_form(vision: VisionProcess, part: Any) -> None:
    response = httpx.post(
        vision.url + URL,
        params=QUERY,
        files={"file": part},
        timeout=20,
        trust_env=False,
        headers={"Ocp-Apim-Subscription-Key": vision.key},
    )
    assert response.status_code == 200, response.text
    assert response.json()["metadata"] == {"width": 800, "height": 400}
    assert vision.calls()[-1]["sha256"]


def test_a_broken_form(vision: VisionProcess) -> None:
    for content_type in ("multipart/form-data", "multipart/form-data; boundary=xyz"):
        assert post(vision, b"--abc\r\nnonsense", QUERY, content_type).status_code == 400


def test_a_wrong_key(vision: VisionProcess) -> None:
    with (
        ImageAnalysisClient(vision.url, AzureKeyCredential("wrong"), retry_total=0) as client,
        pytest.raises(ClientAuthenticationError),
    ):
        client.analyze(SPOT, [VisualFeatures.TAGS])
    assert httpx.post(vision.url + URL, params=QUERY, trust_env=False).status_code == 401
    assert vision.calls()[-1]["status"] == 401


def test_a_region_without_captions_and_a_rate_limit(pictures: str) -> None:
    with vision_process(["--no-caption", "--rate-limit", "0.5"]) as poor:
        with ImageAnalysisClient(poor.url, AzureKeyCredential(poor.key), retry_total=0) as client:
            with pytest.raises(HttpResponseError, match="'Caption' is not supported in this region"):
                client.analyze(SPOT, [VisualFeatures.CAPTION])
            with pytest.raises(HttpResponseError) as limited:
                client.analyze(SPOT, [VisualFeatures.TAGS])
        assert limited.value.status_code == 429
        assert int(limited.value.response.headers["Retry-After"]) in (1, 2)  # type: ignore[union-attr]
        # With one retry the client waits as told and gets through.
        with ImageAnalysisClient(poor.url, AzureKeyCredential(poor.key), retry_total=1) as patient:
            assert patient.analyze(SPOT, [VisualFeatures.TAGS]).tags is not None
            assert patient.analyze(SPOT, [VisualFeatures.TAGS]).tags is not None
        assert [call["status"] for call in poor.calls()].count(429) >= 2


def test_calls_are_all_counted(vision: VisionProcess, client: ImageAnalysisClient, pictures: str) -> None:
    for _ in range(2):
        client.analyze(SPOT, [VisualFeatures.TAGS])
    client.analyze_from_url(f"{pictures}/readable.jpg?sig=secret", [VisualFeatures.TAGS])
    calls = vision.calls()
    assert vision.call_count() == 3
    assert calls[0]["sha256"] == calls[1]["sha256"]
    assert calls[2]["url_path"] == "/readable.jpg"
    assert "secret" not in str(calls)
    assert [call["status"] for call in calls] == [200, 200, 200]
    assert calls[0]["features"] == ["tags"]


def test_ordered_statuses(vision: VisionProcess, client: ImageAnalysisClient) -> None:
    vision.faults({"status": 429, "count": 1, "retry_after": 7}, {"status": 500, "count": 2})
    for status in (429, 500, 500):
        with pytest.raises(HttpResponseError) as failed:
            client.analyze(SPOT, [VisualFeatures.TAGS])
        assert failed.value.status_code == status
        assert failed.value.response.headers.get("Retry-After") == ("7" if status == 429 else None)  # type: ignore[union-attr]
    assert client.analyze(SPOT, [VisualFeatures.TAGS]).tags is not None
    assert [call["fault"] for call in vision.calls()] == ["429", "500", "500", None]


def test_ordered_garbage(vision: VisionProcess, client: ImageAnalysisClient) -> None:
    vision.faults({"garbage": True})
    with pytest.raises(DecodeError):
        client.analyze(SPOT, [VisualFeatures.TAGS])


def test_until_cleared(vision: VisionProcess, client: ImageAnalysisClient) -> None:
    vision.faults({"status": 503, "count": -1})
    for _ in range(3):
        with pytest.raises(HttpResponseError):
            client.analyze(SPOT, [VisualFeatures.TAGS])
    assert vision.faults() == [{"status": 503, "count": -1}]
    vision.clear_faults()
    assert client.analyze(SPOT, [VisualFeatures.TAGS]).tags is not None


def test_a_slow_answer(vision: VisionProcess, client: ImageAnalysisClient) -> None:
    vision.faults({"delay_s": 0.4})
    start = time.monotonic()
    assert client.analyze(SPOT, [VisualFeatures.TAGS]).tags is not None
    assert time.monotonic() - start >= 0.4


def test_no_answer_and_the_client_leaves(vision: VisionProcess, client: ImageAnalysisClient) -> None:
    vision.faults({"hang": True})
    with pytest.raises(ServiceResponseTimeoutError):
        client.analyze(SPOT, [VisualFeatures.TAGS], read_timeout=0.3)
    until_sync(
        lambda: [call["status"] for call in vision.calls()] == [499], 5, "the call is known to be gone"
    )
    assert vision.in_flight() == 0


def test_no_answer_until_cleared(vision: VisionProcess, client: ImageAnalysisClient) -> None:
    vision.faults({"hang": True, "count": -1})
    answers: list[Any] = []
    sent = threading.Thread(
        target=lambda: answers.append(client.analyze(SPOT, [VisualFeatures.TAGS])), daemon=True
    )
    sent.start()
    until_sync(lambda: vision.in_flight() == 1, 5, "the call hangs")
    vision.clear_faults()
    sent.join(10)
    assert answers
    assert answers[0].tags is not None


def test_bad_orders(vision: VisionProcess) -> None:
    for order in (
        {},
        {"count": 2},
        {"status": 200},
        {"status": 500, "count": 0},
        {"hang": True, "colour": "red"},
    ):
        response = httpx.post(vision.url + "/_emulator/faults", json=order, trust_env=False)
        assert response.status_code == 422


def test_health_answers_while_pictures_are_looked_at(vision: VisionProcess) -> None:
    busy = [
        threading.Thread(target=post, args=(vision, READABLE, {**QUERY, "features": "read"}), daemon=True)
        for _ in range(6)
    ]
    for thread in busy:
        thread.start()
    until_sync(lambda: vision.in_flight() >= 4, 10, "pictures are being looked at")
    start = time.monotonic()
    response = httpx.get(vision.url + "/healthz", timeout=5, trust_env=False)
    assert response.json()["ready"] is True
    assert time.monotonic() - start < 2
    for thread in busy:
        thread.join(60)
    assert (
        b'vision_emulator_calls_total{operation="analyze",status="200"}'
        in httpx.get(vision.url + "/metrics", trust_env=False).content
    )


def check_refusal(call: Any, status: int, code: str, inner: str | None) -> None:
    with pytest.raises(HttpResponseError) as refused:
        call()
    assert refused.value.status_code == status
    error: Any = refused.value.error
    assert error.code == code
    assert (error.innererror or {}).get("code") == inner
    response: Any = refused.value.response
    assert response.headers["x-ms-error-code"] == code


def post(
    vision: VisionProcess, body: bytes, query: dict[str, str], content_type: str = "application/octet-stream"
) -> httpx.Response:
    return httpx.post(
        vision.url + URL,
        params=query,
        content=body,
        timeout=60,
        trust_env=False,
        headers={"Ocp-Apim-Subscription-Key": vision.key, "Content-Type": content_type},
    )
