"""Engines that speak plain HTTP: Custom Vision, and whatever the settings describe."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from prometheus_client import CollectorRegistry

from services.classifier.adapters.engine import EngineContext
from services.classifier.adapters.engine_custom_vision import CustomVision, Options
from services.classifier.engines import build_engines
from services.classifier.errors import (
    AnalyzerBusy,
    AnalyzerRefused,
    AnalyzerUnavailable,
    ImageRejected,
    PictureUnreadable,
)
from services.classifier.metrics import ClassifierMetrics
from services.classifier.ports import ImageAnalyzer, ImageBytes, ImageUrl, Picture
from services.classifier.settings import EngineSettings, Settings
from services.contracts.records import Box, Tag
from tests.support.ports import free_port
from tests.unit.classifier.http_service import HttpService

BY_LINK = Picture(ImageUrl("https://blobs.test/x.jpg?sig=s"), 200, 100)
BY_BYTES = Picture(ImageBytes(b"\xff\xd8"), 200, 100)
PREDICTIONS = [
    {"probability": 0.1, "tagId": "1", "tagName": "flood", "tagType": "Regular"},
    {"probability": 0.9, "tagId": "2", "tagName": "dent", "tagType": "Regular"},
    {"probability": 0.8, "tagId": "3", "tagName": "none", "tagType": "Negative"},
    {"probability": 0.3, "tagId": "4", "tagName": "rust"},
]


@pytest.fixture
async def service() -> AsyncIterator[HttpService]:
    service = HttpService()
    app = web.Application()
    app.router.add_post("/{tail:.*}", service.handle)
    server = TestServer(app)
    await server.start_server()
    service.url = str(server.make_url("/")).rstrip("/")  # type: ignore[attr-defined]
    yield service
    await server.close()


class Builder:
    def __init__(self, service: HttpService) -> None:
        self.url: str = service.url  # type: ignore[attr-defined]
        self.context = EngineContext(Settings(engine_max_wait_s=0.1), ClassifierMetrics(CollectorRegistry()))

    def __call__(self, **entry: Any) -> ImageAnalyzer:
        [engine] = build_engines([EngineSettings(**entry)], self.context)
        return engine

    def custom_vision(self, **options: Any) -> ImageAnalyzer:
        return self(
            **{
                "kind": "custom-vision",
                "endpoint": self.url,
                "key": "secret",
                "project": "p-1",
                "published_name": "damage v2",
                **options,
            }
        )


@pytest.fixture
async def build(service: HttpService) -> AsyncIterator[Builder]:
    builder = Builder(service)
    yield builder
    for close in reversed(builder.context.closers):
        await close()


def predicted(*predictions: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "i",
        "project": "p-1",
        "iteration": "it-7",
        "created": "2026-11-22T17:05:12.123Z",
        "predictions": list(predictions or PREDICTIONS),
    }


async def test_classification_by_link(service: HttpService, build: Builder) -> None:
    service.body = predicted()
    analysis = await build.custom_vision().analyze(BY_LINK)
    assert (analysis.engine, analysis.model_version) == ("custom-vision", "damage v2/it-7")
    assert analysis.tags == [Tag(name="dent", confidence=0.9), Tag(name="rust", confidence=0.3)]
    assert analysis.objects == []
    [asked] = service.asked
    assert asked.path == "/customvision/v3.1/prediction/p-1/classify/iterations/damage v2/url/nostore"
    assert asked.headers["prediction-key"] == "secret"
    assert asked.json == {"url": "https://blobs.test/x.jpg?sig=s"}


async def test_detection_by_bytes(service: HttpService, build: Builder) -> None:
    box = {"left": 0.25, "top": 0.5, "width": 0.5, "height": 0.25}
    over = {"left": -0.1, "top": 0.9, "width": 0.2, "height": 0.2}
    service.body = predicted(
        {"probability": 0.9, "tagName": "dent", "boundingBox": box},
        {"probability": 0.4, "tagName": "dent", "boundingBox": over},
    )
    engine = build.custom_vision(name="dents", task="detect", store=True)
    analysis = await engine.analyze(BY_BYTES)
    assert analysis.engine == engine.engine == "dents"
    assert [found.box for found in analysis.objects] == [
        Box(x=50, y=50, w=100, h=25),
        Box(x=0, y=90, w=20, h=10),
    ]
    assert analysis.tags == [Tag(name="dent", confidence=0.9)]
    [asked] = service.asked
    assert asked.path.endswith("/detect/iterations/damage v2/image")
    assert asked.headers["content-type"] == "application/octet-stream"
    assert asked.body == b"\xff\xd8"


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (400, "BadRequestImageFormat", ImageRejected),
        (400, "BadRequestImageSizeBytes", ImageRejected),
        (400, "BadRequestImageUrl", PictureUnreadable),
        (400, "BadRequestExceededQuota", AnalyzerBusy),
        (429, "", AnalyzerBusy),
        (500, "ErrorUnknown", AnalyzerUnavailable),
        (401, "", AnalyzerRefused),
        (404, "NotFoundProject", AnalyzerRefused),
        (400, "BadRequestIterationNotPublished", AnalyzerRefused),
    ],
)
async def test_errors_of_custom_vision(
    service: HttpService, build: Builder, status: int, code: str, error: type[Exception]
) -> None:
    service.status, service.body = status, {"code": code, "message": "why"}
    service.headers = {"Retry-After": "30"}
    engine = build.custom_vision()
    with pytest.raises(error) as caught:
        await engine.analyze(BY_LINK)
    if error is ImageRejected:
        assert (caught.value.code, caught.value.detail) == (code, "why")  # type: ignore[attr-defined]
    if error is AnalyzerRefused:
        with pytest.raises(AnalyzerRefused):
            await engine.check()
    else:
        await engine.check()


async def test_a_refusal_is_over_when_a_call_succeeds(service: HttpService, build: Builder) -> None:
    options = Options(endpoint=build.url, project="p", published_name="n")
    engine = CustomVision(options, build.context.http())
    service.status = 401
    with pytest.raises(AnalyzerRefused):
        await engine.analyze(BY_LINK)
    service.status, service.body = 200, predicted()
    await engine.analyze(BY_LINK)
    await engine.check()


async def test_a_token_takes_the_place_of_a_key(service: HttpService, build: Builder) -> None:
    async def token() -> str:
        return "t-1"

    service.body = predicted()
    options = Options(endpoint=build.url, project="p", published_name="n")
    await CustomVision(options, build.context.http(), token).analyze(BY_LINK)
    assert service.asked[0].headers["authorization"] == "Bearer t-1"
    assert "prediction-key" not in service.asked[0].headers


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        [],
        {},
        {"iteration": "i"},
        {"iteration": "i", "predictions": [{}]},
        predicted({"probability": 7, "tagName": "x"}),
    ],
)
async def test_garbage_from_custom_vision_passes(service: HttpService, build: Builder, body: Any) -> None:
    service.body = body
    with pytest.raises(AnalyzerUnavailable):
        await build.custom_vision().analyze(BY_LINK)


async def test_slow_or_absent_passes(service: HttpService, build: Builder) -> None:
    service.delay_s = 5
    with pytest.raises(AnalyzerUnavailable, match=r"0\.1 s"):
        await build.custom_vision(timeout_s=0.1).analyze(BY_LINK)
    with pytest.raises(AnalyzerUnavailable, match="cannot be reached"):
        await build.custom_vision(endpoint=f"http://127.0.0.1:{free_port()}").analyze(BY_LINK)


@pytest.mark.parametrize(
    ("options", "body"),
    [
        ({}, {"labels": [{"label": "dent", "confidence": 0.9}, {"label": "rust", "confidence": 0.1}]}),
        ({"labels": ""}, [{"label": "dent", "confidence": 0.9}]),
        ({"labels": "result.0.scores"}, {"result": [{"scores": {"dent": 0.9, "rust": 0.05}}]}),
        (
            {"labels": "p", "label": "class.name", "confidence": "score", "confidence_scale": 100},
            {"p": [{"class": {"name": "dent"}, "score": "90"}]},
        ),
    ],
)
async def test_answers_of_any_shape(
    service: HttpService, build: Builder, options: dict[str, Any], body: Any
) -> None:
    service.body = body
    engine = build(kind="http", name="own", url=f"{build.url}/score", **options)
    analysis = await engine.analyze(BY_LINK)
    assert analysis.engine == "own"
    assert analysis.tags == [Tag(name="dent", confidence=0.9)]


async def test_what_any_endpoint_is_sent(service: HttpService, build: Builder) -> None:
    service.body = {"labels": [], "meta": {"model": "m-3"}}
    engine = build(
        kind="http",
        name="own",
        url=f"{build.url}/score?v=1",
        headers={"X-Key": "secret"},
        link_field="image",
        extra={"top": 5},
        model_version="meta.model",
    )
    assert (await engine.analyze(BY_LINK)).model_version == "m-3"
    await engine.analyze(BY_BYTES)
    link, content = service.asked
    assert link.json == {"image": "https://blobs.test/x.jpg?sig=s", "top": 5}
    assert link.headers["x-key"] == content.headers["x-key"] == "secret"
    assert content.body == b"\xff\xd8"


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (415, {}, ImageRejected),
        (413, b"no", ImageRejected),
        (429, {}, AnalyzerBusy),
        (503, {}, AnalyzerUnavailable),
        (422, {}, AnalyzerRefused),
        (403, {}, AnalyzerRefused),
        (200, {}, AnalyzerUnavailable),
        (200, b"<html>", AnalyzerUnavailable),
        (200, {"labels": 7}, AnalyzerUnavailable),
        (200, {"labels": [{"label": "dent"}]}, AnalyzerUnavailable),
        (200, {"labels": [{"label": "dent", "confidence": "high"}]}, AnalyzerUnavailable),
        (200, {"labels": [{"label": "dent", "confidence": 90}]}, AnalyzerUnavailable),
    ],
)
async def test_errors_of_any_endpoint(
    service: HttpService, build: Builder, status: int, body: Any, error: type[Exception]
) -> None:
    service.status, service.body = status, body
    service.headers = {"Retry-After": "30"}
    with pytest.raises(error):
        await build(kind="http", name="own", url=build.url).analyze(BY_LINK)
