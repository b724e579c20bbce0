"""Any HTTP endpoint as an engine: it takes a link or the bytes, and answers labels with confidences.

Where those are in its JSON is said in the settings, e.g.::

    {"kind": "http", "name": "damage-model", "url": "http://models:8080/score",
     "link_field": "image_url", "labels": "result.predictions", "label": "class", "confidence": "score"}
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from services.classifier.adapters.engine import EngineContext
from services.classifier.adapters.http_calls import HttpCalls
from services.classifier.adapters.pool import AnalyzerPool
from services.classifier.errors import (
    AnalyzerBusy,
    AnalyzerRefused,
    AnalyzerUnavailable,
    ImageRejected,
)
from services.classifier.ports import ImageUrl, Picture
from services.contracts.records import Analysis, Tag
from services.platform.errors import ServiceError


class Options(BaseModel):
    """Paths are names joined by dots; a number is an index. Empty: the value itself.

    A link is posted as ``{link_field: link}``, with ``extra`` beside it; bytes as ``application/octet-stream``.
    Which it is, the setting ``image_link`` says.
    """

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1)
    url: str
    headers: dict[str, SecretStr] = {}
    link_field: str = "url"
    extra: dict[str, Any] = {}
    labels: str = Field(
        default="labels", description="Path of the list, or of an object {label: confidence}."
    )
    label: str = Field(default="label", description="Path within an element of the list.")
    confidence: str = Field(default="confidence", description="Path within an element of the list.")
    confidence_scale: float = Field(default=1.0, gt=0, description="What a certain label has: 1, or 100.")
    model_version: str = Field(default="", description="Path; empty: the endpoint does not say.")
    min_confidence: float = Field(default=0.2, ge=0, le=1)
    image_fault_statuses: frozenset[int] = Field(
        default=frozenset({413, 415}),
        description="With these the endpoint says that it is this picture, and no setting, that it cannot take.",
    )
    calls_per_s: float = Field(default=10.0, ge=0)
    timeout_s: float = Field(default=20.0, gt=0)


class HttpEngine:
    def __init__(self, options: Options, http: httpx.AsyncClient) -> None:
        self.engine = options.name
        self._options = options
        headers = {key: value.get_secret_value() for key, value in options.headers.items()}
        self._calls = HttpCalls(options.name, http, headers=headers, timeout_s=options.timeout_s)

    async def check(self) -> None:
        await self._calls.check()

    async def analyze(self, picture: Picture) -> Analysis:
        options, content = self._options, picture.content
        body = await (
            self._calls.post_json(
                options.url, {**options.extra, options.link_field: content.url}, self._translate
            )
            if isinstance(content, ImageUrl)
            else self._calls.post_bytes(options.url, content.content, self._translate)
        )
        try:
            labels = _labels(body, options)
            version = str(at_path(body, options.model_version)) if options.model_version else "unknown"
        except (LookupError, TypeError, ValueError) as error:
            raise AnalyzerUnavailable(
                f"{self.engine}'s answer has no labels where the settings say: {error!r}"
            ) from error
        tags = [
            Tag(name=name, confidence=confidence)
            for name, confidence in sorted(labels, key=lambda label: -label[1])
            if confidence >= options.min_confidence
        ]
        return Analysis(engine=self.engine, model_version=version, tags=tags)

    def _translate(self, status: int, body: Any, retry_after_s: int | None) -> ServiceError:
        shown = f"{self.engine} answered {status}: {str(body)[:200]}"
        if status in self._options.image_fault_statuses:
            return ImageRejected(f"Http{status}", shown)
        if status == httpx.codes.TOO_MANY_REQUESTS:
            return AnalyzerBusy(shown, retry_after_s=retry_after_s)
        if status >= httpx.codes.INTERNAL_SERVER_ERROR or status == httpx.codes.REQUEST_TIMEOUT:
            return AnalyzerUnavailable(shown, retry_after_s=retry_after_s)
        return AnalyzerRefused(shown)


def at_path(value: Any, path: str) -> Any:
    """``result.0.name`` → ``value["result"][0]["name"]``. Raises LookupError, TypeError, ValueError."""
    for part in filter(None, path.split(".")):
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value


def _labels(body: Any, options: Options) -> list[tuple[str, float]]:
    found = at_path(body, options.labels)
    if isinstance(found, dict):
        pairs = list(found.items())
    else:
        pairs = [(at_path(each, options.label), at_path(each, options.confidence)) for each in found]
    labels = [(str(name), float(confidence) / options.confidence_scale) for name, confidence in pairs]
    if any(not 0 <= confidence <= 1 for _, confidence in labels):
        raise ValueError("a confidence is outside 0..1: is confidence_scale right?")
    return labels


def build(options: Mapping[str, Any], context: EngineContext) -> AnalyzerPool:
    chosen = Options.model_validate(options)
    analyzer = HttpEngine(chosen, context.http())
    return context.pool(context.account(urlsplit(chosen.url).netloc, analyzer, chosen.calls_per_s))
