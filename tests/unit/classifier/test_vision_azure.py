"""The Azure AI Vision adapter: the vendor's client against answers that no emulator gives on request."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from azure.core.credentials import AccessToken, AzureKeyCredential

from services.classifier.adapters.vision_azure import AzureVision
from services.classifier.errors import (
    AnalyzerBusy,
    AnalyzerRefused,
    AnalyzerUnavailable,
    ImageRejected,
    PictureUnreadable,
)
from services.classifier.ports import ImageBytes, ImageUrl, Picture
from services.contracts.records import Box, Person, TextLine
from services.platform.errors import Unavailable
from tests.support.ports import free_port

SAMPLE = json.loads((Path(__file__).parent / "vision-response.json").read_text())
LINK = ImageUrl("https://account.blob.core.windows.net/images/C-1/x.jpg?sig=secret")
PICTURE = Picture(LINK, 1024, 768)


class Service:
    """Answers with whatever is in ``answer``; ``requests`` has what came."""

    def __init__(self) -> None:
        self.status = 200
        self.body: bytes | dict[str, Any] = SAMPLE
        self.headers: dict[str, str] = {}
        self.content_type = "application/json"
        self.delay_s = 0.0
        self.no_captions = False
        self.requests: list[tuple[dict[str, str], dict[str, str], bytes]] = []

    def error(self, status: int, code: str, message: str, inner: tuple[str, str] | None = None) -> None:
        error: dict[str, Any] = {"code": code, "message": message}
        if inner:
            error["innererror"] = {"code": inner[0], "message": inner[1]}
        self.status, self.body = status, {"error": error}

    async def handle(self, request: web.Request) -> web.Response:
        assert request.path == "/computervision/imageanalysis:analyze"
        headers = {key.lower(): value for key, value in request.headers.items()}
        self.requests.append((dict(request.query), headers, await request.read()))
        await asyncio.sleep(self.delay_s)
        if self.no_captions and "aption" in request.query["features"]:
            message = "The feature 'Caption' is not supported in this region."
            return web.json_response({"error": {"code": "InvalidRequest", "message": message}}, status=400)
        body = json.dumps(self.body).encode() if isinstance(self.body, dict) else self.body
        return web.Response(
            status=self.status, body=body, headers=self.headers, content_type=self.content_type
        )


@pytest.fixture
async def service() -> AsyncIterator[tuple[Service, str]]:
    service = Service()
    app = web.Application()
    app.router.add_post("/{tail:.*}", service.handle)
    server = TestServer(app)
    await server.start_server()
    yield service, str(server.make_url("/")).rstrip("/")
    await server.close()


@pytest.fixture
async def vision(service: tuple[Service, str]) -> AsyncIterator[AzureVision]:
    vision = AzureVision(
        service[1], AzureKeyCredential("key"), features=["tags", "caption"], timeout_s=2.0, language="de"
    )
    yield vision
    await vision.close()


async def test_a_whole_answer_becomes_the_records_analysis(
    vision: AzureVision, service: tuple[Service, str]
) -> None:
    analysis = await vision.analyze(PICTURE)
    assert (analysis.engine, analysis.model_version) == ("azure-ai-vision", "2023-10-01")
    assert analysis.caption is not None
    assert analysis.caption.text == "a tabby cat asleep on a red sofa"
    assert [tag.name for tag in analysis.tags] == ["cat", "indoor", "furniture", "couch"]
    assert analysis.objects[0].name == "cat"
    assert analysis.objects[0].box == Box(x=212, y=180, w=520, h=410)
    assert analysis.text == [
        TextLine(content="HOME 42", polygon=[(720, 60), (880, 60), (880, 100), (720, 100)])
    ]
    assert [crop.aspect_ratio for crop in analysis.smart_crops] == [0.9, 1.33]
    assert analysis.people == [], "the sample's person has a confidence of 0.0123"
    [(query, headers, body)] = service[0].requests
    assert query["features"] == "tags,caption"
    assert query["language"] == "de"
    assert query["model-version"] == "latest"
    assert headers["ocp-apim-subscription-key"] == "key"
    assert json.loads(body) == {"url": LINK.url}


async def test_people_above_the_threshold_stay(service: tuple[Service, str]) -> None:
    vision = AzureVision(
        service[1], AzureKeyCredential("key"), features=["people"], timeout_s=2, people_min_confidence=0.01
    )
    analysis = await vision.analyze(PICTURE)
    assert analysis.people == [Person(confidence=0.0123, box=Box(x=850, y=200, w=120, h=420))]
    await vision.close()


async def test_bytes_are_sent_as_they_are(vision: AzureVision, service: tuple[Service, str]) -> None:
    await vision.analyze(Picture(ImageBytes(b"\xff\xd8picture"), 1024, 768))
    [(_, headers, body)] = service[0].requests
    assert headers["content-type"] == "application/octet-stream"
    assert body == b"\xff\xd8picture"


async def test_dense_captions(vision: AzureVision, service: tuple[Service, str]) -> None:
    dense = (await vision.analyze(PICTURE)).dense_captions
    assert [caption.text for caption in dense] == [
        "a tabby cat asleep on a red sofa",
        "a close up of a cat's paw",
    ]
    assert dense[1].box == Box(x=402, y=388, w=120, h=96)


async def test_a_region_without_captions_is_asked_for_them_once(service: tuple[Service, str]) -> None:
    vision = AzureVision(
        service[1], AzureKeyCredential("key"), features=["tags", "caption", "denseCaptions"], timeout_s=2
    )
    service[0].no_captions = True
    for _ in range(3):
        assert (await vision.analyze(PICTURE)).tags
    assert [query["features"] for query, _, _ in service[0].requests] == [
        "tags,caption,denseCaptions",
        "tags",
        "tags",
        "tags",
    ]
    await vision.check()
    await vision.close()


async def test_a_region_that_lacks_everything_refuses(service: tuple[Service, str]) -> None:
    vision = AzureVision(service[1], AzureKeyCredential("key"), features=["caption"], timeout_s=2)
    service[0].no_captions = True
    with pytest.raises(AnalyzerRefused, match="not supported in this region"):
        await vision.analyze(PICTURE)
    await vision.close()


async def test_parts_that_were_not_asked_for_are_empty(
    vision: AzureVision, service: tuple[Service, str]
) -> None:
    service[0].body = {"modelVersion": "2024-01-01", "metadata": {"width": 60, "height": 60}}
    analysis = await vision.analyze(PICTURE)
    assert analysis.caption is None
    assert not any([analysis.tags, analysis.objects, analysis.people, analysis.text, analysis.smart_crops])


@pytest.mark.parametrize(
    ("inner", "code", "message"),
    [
        (
            ("InvalidImageSize", "The image dimension is not allowed"),
            "InvalidImageSize",
            "The image dimension is",
        ),
        (
            ("InvalidImageFormat", "Image format is not valid"),
            "InvalidImageFormat",
            "Image format is not valid",
        ),
        (None, "InvalidRequest", "The image size is not allowed to be zero"),
    ],
)
async def test_faults_of_the_picture_are_permanent(
    vision: AzureVision,
    service: tuple[Service, str],
    inner: tuple[str, str] | None,
    code: str,
    message: str,
) -> None:
    outer = "The image size is not allowed to be zero or larger than 20971520 bytes."
    service[0].error(400, "InvalidRequest", outer, inner)
    with pytest.raises(ImageRejected) as caught:
        await vision.analyze(PICTURE)
    assert caught.value.code == code
    assert caught.value.detail.startswith(message)


async def test_a_link_that_cannot_be_read_passes(vision: AzureVision, service: tuple[Service, str]) -> None:
    service[0].error(400, "InvalidRequest", "Image URL is badly formed or not reachable.")
    with pytest.raises(PictureUnreadable, match="not reachable") as caught:
        await vision.analyze(PICTURE)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
async def test_passing_errors(vision: AzureVision, service: tuple[Service, str], status: int) -> None:
    service[0].error(status, str(status), "later")
    service[0].headers = {"Retry-After": "7"}
    with pytest.raises(AnalyzerUnavailable) as caught:
        await vision.analyze(PICTURE)
    assert not isinstance(caught.value, AnalyzerRefused)
    assert isinstance(caught.value, AnalyzerBusy) == (status == 429)
    assert caught.value.retry_after_s == 7
    assert len(service[0].requests) == 1, "the message is retried, not the call"


@pytest.mark.parametrize(
    ("status", "code", "inner"),
    [
        (401, "401", None),
        (403, "PermissionDenied", None),
        (404, "404", None),
        (400, "InvalidRequest", ("NotSupportedLanguage", "language")),
        (400, "InvalidRequest", ("NotSupportedVisualFeature", "feature")),
    ],
)
async def test_refusals_show_in_the_check_until_they_end(
    vision: AzureVision,
    service: tuple[Service, str],
    status: int,
    code: str,
    inner: tuple[str, str] | None,
) -> None:
    await vision.check()
    service[0].error(status, code, "no", inner)
    with pytest.raises(AnalyzerRefused):
        await vision.analyze(PICTURE)
    with pytest.raises(AnalyzerRefused, match=str(status)):
        await vision.check()
    service[0].status, service[0].body = 200, SAMPLE
    await vision.analyze(PICTURE)
    await vision.check()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>gateway</html>",
        b"null",
        b"[]",
        b'"text"',
        b"7",
        b"{}",
        b'{"modelVersion": "x", "tagsResult": 7}',
        b'{"modelVersion": "x", "tagsResult": {"values": [{"name": "car"}]}}',
        b'{"modelVersion": "x", "captionResult": {"text": "a", "confidence": 7}}',
        b'{"modelVersion": "x", "tagsResult"',
        b"\xff\xfe\x00",
    ],
)
@pytest.mark.parametrize("content_type", ["application/json", "text/html"])
async def test_garbage_passes(
    vision: AzureVision, service: tuple[Service, str], body: bytes, content_type: str
) -> None:
    service[0].body, service[0].content_type = body, content_type
    with pytest.raises(AnalyzerUnavailable):
        await vision.analyze(PICTURE)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"error": "text"}', b'{"error": {"innererror": 7}}', b"\xff"])
@pytest.mark.parametrize("status", [400, 401, 429, 500])
async def test_garbage_in_errors_passes(
    vision: AzureVision, service: tuple[Service, str], status: int, body: bytes
) -> None:
    service[0].status, service[0].body = status, body
    with pytest.raises(Unavailable):
        await vision.analyze(PICTURE)


async def test_a_slow_answer_passes(service: tuple[Service, str]) -> None:
    vision = AzureVision(service[1], AzureKeyCredential("key"), features=["tags"], timeout_s=0.1)
    service[0].delay_s = 5.0
    with pytest.raises(AnalyzerUnavailable, match=r"0\.1 s"):
        await vision.analyze(PICTURE)
    await vision.close()


async def test_nobody_listening_passes() -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    vision = AzureVision(endpoint, AzureKeyCredential("key"), features=["tags"], timeout_s=2)
    with pytest.raises(AnalyzerUnavailable, match="cannot be reached"):
        await vision.analyze(PICTURE)
    await vision.close()


async def test_a_token_is_sent_to_this_machine_without_tls(service: tuple[Service, str]) -> None:
    class Credential:
        async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
            assert scopes == ("https://cognitiveservices.azure.com/.default",)
            return AccessToken("token", 2**31)

        async def close(self) -> None: ...
        async def __aenter__(self) -> "Credential":
            return self

        async def __aexit__(self, *_: object) -> None: ...

    vision = AzureVision(service[1], Credential(), features=["tags"], timeout_s=2)
    await vision.analyze(PICTURE)
    assert service[0].requests[0][1]["authorization"] == "Bearer token"
    await vision.close()


def test_links_are_not_shown() -> None:
    assert "secret" not in repr(PICTURE)
