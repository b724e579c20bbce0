"""Custom Vision prediction as an engine: a model of the user's own, for what generic tags do not know.

Plain REST (v3.1): the vendor's Python package is archived. Microsoft retires the service on 2028-09-25.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal
from urllib.parse import quote, urlsplit

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from services.classifier.adapters.engine import EngineContext
from services.classifier.adapters.http_calls import HttpCalls, Token
from services.classifier.adapters.pool import AnalyzerPool
from services.classifier.errors import (
    AnalyzerBusy,
    AnalyzerRefused,
    AnalyzerUnavailable,
    ImageRejected,
    PictureUnreadable,
)
from services.classifier.ports import ImageUrl, Picture
from services.contracts.records import Analysis, Box, DetectedObject, Tag
from services.platform.errors import ServiceError

SCOPE: Final = "https://cognitiveservices.azure.com/.default"

IMAGE_FAULTS: Final = frozenset(
    {
        "BadRequestImageFormat",
        "BadRequestImageSizeBytes",
        "BadRequestImageDimensions",
        "BadRequestImageStream",
    }
)


class Options(BaseModel):
    """``published_name`` is that of the iteration. Without a key, Microsoft Entra."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(default="custom-vision", min_length=1)
    endpoint: str
    key: SecretStr = SecretStr("")
    project: str = Field(min_length=1)
    published_name: str = Field(min_length=1)
    task: Literal["classify", "detect"] = "classify"
    min_probability: float = Field(default=0.2, ge=0, le=1)
    store: bool = Field(default=False, description="Let the service keep the picture for training.")
    calls_per_s: float = Field(default=10.0, ge=0)
    timeout_s: float = Field(default=20.0, gt=0)


class WireBox(BaseModel):
    """Fractions of the picture's width and height."""

    left: float
    top: float
    width: float
    height: float


class WirePrediction(BaseModel):
    probability: float = Field(ge=0, le=1)
    name: str = Field(alias="tagName")
    kind: str = Field("Regular", alias="tagType")
    box: WireBox | None = Field(None, alias="boundingBox")


class WireResult(BaseModel):
    iteration: str
    predictions: list[WirePrediction]


class CustomVision:
    """``token`` gives a bearer token where there is no key."""

    def __init__(self, options: Options, http: httpx.AsyncClient, token: Token | None = None) -> None:
        self.engine = options.name
        self._options = options
        path = "/".join(quote(part, safe="") for part in (options.project, options.task))
        name = quote(options.published_name, safe="")
        root = options.endpoint.rstrip("/")
        self._url = f"{root}/customvision/v3.1/prediction/{path}/iterations/{name}"
        key = options.key.get_secret_value()
        headers = {"Prediction-Key": key} if key else {}
        self._calls = HttpCalls(options.name, http, headers=headers, token=token, timeout_s=options.timeout_s)

    async def check(self) -> None:
        await self._calls.check()

    async def analyze(self, picture: Picture) -> Analysis:
        content = picture.content
        by_link = isinstance(content, ImageUrl)
        url = f"{self._url}/{'url' if by_link else 'image'}{'' if self._options.store else '/nostore'}"
        body = await (
            self._calls.post_json(url, {"url": content.url}, translate)
            if isinstance(content, ImageUrl)
            else self._calls.post_bytes(url, content.content, translate)
        )
        result = self._calls.read(WireResult, body)
        return self._analysis(result, picture)

    def _analysis(self, result: WireResult, picture: Picture) -> Analysis:
        likely = [
            each
            for each in sorted(result.predictions, key=lambda each: -each.probability)
            if each.probability >= self._options.min_probability and each.kind != "Negative"
        ]
        return Analysis(
            engine=self.engine,
            model_version=f"{self._options.published_name}/{result.iteration}",
            tags=_tags(likely),
            objects=[
                DetectedObject(name=each.name, confidence=each.probability, box=_pixels(each.box, picture))
                for each in likely
                if each.box is not None
            ],
        )


def translate(status: int, body: Any, retry_after_s: int | None) -> ServiceError:
    """What to raise for an error; its body is flat: ``{code, message}``."""
    body = body if isinstance(body, dict) else {}
    code, message = str(body.get("code", "")), str(body.get("message", ""))
    shown = f"Custom Vision answered {status} {code}: {message}".rstrip(": ")
    if code in IMAGE_FAULTS:
        return ImageRejected(code, message or shown)
    if code == "BadRequestImageUrl":
        return PictureUnreadable(shown)
    if status == httpx.codes.TOO_MANY_REQUESTS or code == "BadRequestExceededQuota":
        return AnalyzerBusy(shown, retry_after_s=retry_after_s)
    if status >= httpx.codes.INTERNAL_SERVER_ERROR or status == httpx.codes.REQUEST_TIMEOUT:
        return AnalyzerUnavailable(shown, retry_after_s=retry_after_s)
    return AnalyzerRefused(shown)


def _tags(predictions: Sequence[WirePrediction]) -> list[Tag]:
    """One for each name, the likeliest first: a detector names a thing as often as it sees one."""
    best: dict[str, float] = {}
    for each in predictions:
        best.setdefault(each.name, each.probability)
    return [Tag(name=name, confidence=probability) for name, probability in best.items()]


def _pixels(box: WireBox, picture: Picture) -> Box:
    left, top = round(box.left * picture.width), round(box.top * picture.height)
    right = round((box.left + box.width) * picture.width)
    bottom = round((box.top + box.height) * picture.height)
    left, right = max(0, left), min(picture.width, right)
    top, bottom = max(0, top), min(picture.height, bottom)
    return Box(x=left, y=top, w=max(0, right - left), h=max(0, bottom - top))


def build(options: Mapping[str, Any], context: EngineContext) -> AnalyzerPool:
    chosen = Options.model_validate(options)
    token = None if chosen.key.get_secret_value() else context.token(SCOPE)
    analyzer = CustomVision(chosen, context.http(), token)
    return context.pool(context.account(urlsplit(chosen.endpoint).netloc, analyzer, chosen.calls_per_s))
