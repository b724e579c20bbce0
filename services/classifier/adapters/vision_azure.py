"""Azure AI Vision Image Analysis 4.0 through the vendor's client; the emulator speaks the same protocol.

Microsoft retires the service on 2028-09-25.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from azure.ai.vision.imageanalysis.aio import ImageAnalysisClient
from azure.core.credentials import AzureKeyCredential
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError
from azure.core.pipeline.transport import AioHttpTransport
from pydantic import ValidationError

from services.classifier.adapters import vision_wire
from services.classifier.adapters.vision_errors import FeatureUnsupported, translate
from services.classifier.errors import AnalyzerRefused, AnalyzerUnavailable
from services.classifier.ports import ImageUrl, Picture
from services.contracts.records import Analysis

log = structlog.get_logger()

CONNECT_TIMEOUT_S: Final = 5.0
# A region has both or neither.
CAPTIONS: Final = frozenset({"caption", "densecaptions"})


class AzureVision:
    """One account. ``timeout_s`` bounds a call; there are no retries here: the message is retried.

    A feature that the account's region lacks is left out from then on.
    """

    engine = vision_wire.ENGINE

    def __init__(
        self,
        endpoint: str,
        credential: AzureKeyCredential | AsyncTokenCredential,
        *,
        features: Sequence[str],
        timeout_s: float,
        people_min_confidence: float = 0.5,
        language: str = "en",
        gender_neutral_caption: bool = False,
        model_version: str = "latest",
        smart_crops_aspect_ratios: Sequence[float] = (),
    ) -> None:
        loopback = urlsplit(endpoint).hostname in ("127.0.0.1", "localhost", "::1")
        transport = AioHttpTransport(
            connection_timeout=CONNECT_TIMEOUT_S, read_timeout=timeout_s, use_env_settings=not loopback
        )
        self._client = ImageAnalysisClient(endpoint, credential, transport=transport, retry_total=0)
        self._features = tuple(str(feature) for feature in features)
        self._timeout_s = timeout_s
        self._people_min_confidence = people_min_confidence
        self._options: dict[str, Any] = {
            "language": language,
            "gender_neutral_caption": gender_neutral_caption,
            "model_version": model_version,
        }
        if smart_crops_aspect_ratios:
            self._options["smart_crops_aspect_ratios"] = list(smart_crops_aspect_ratios)
        if loopback and not isinstance(credential, AzureKeyCredential):
            # Tokens are sent over TLS only, save to this machine itself. With a key the SDK does not know the option.
            self._options["enforce_https"] = False
        self._refusal: AnalyzerRefused | None = None

    async def close(self) -> None:
        await self._client.close()

    async def check(self) -> None:
        if self._refusal is not None:
            raise self._refusal

    async def analyze(self, picture: Picture) -> Analysis:
        try:
            while True:
                features = self._features
                try:
                    result = await self._answer(picture, features)
                    break
                except FeatureUnsupported as error:
                    self._leave_out(error, features)
        except AnalyzerRefused as error:
            log.error("Vision refuses us; mend settings or roles", why=error.detail)  # noqa: TRY400 - no code is at fault
            self._refusal = error
            raise
        self._refusal = None
        return result

    def _leave_out(self, error: FeatureUnsupported, asked: tuple[str, ...]) -> None:
        lacking = error.feature.lower()
        out = CAPTIONS if lacking in CAPTIONS else {lacking}
        left = tuple(feature for feature in asked if feature.lower() not in out)
        if not left or left == asked:
            raise AnalyzerRefused(error.detail) from error
        log.warning("Vision's region lacks a feature; it is left out", feature=error.feature)
        self._features = left

    async def _answer(self, picture: Picture, features: Sequence[str]) -> Analysis:
        try:
            async with asyncio.timeout(self._timeout_s):
                body = await self._call(picture, features)
            return vision_wire.analysis(body, people_min_confidence=self._people_min_confidence)
        except AzureError as error:
            raise translate(error) from error
        except TimeoutError as error:
            raise AnalyzerUnavailable(f"Vision did not answer within {self._timeout_s:g} s") from error
        except ValidationError as error:
            raise AnalyzerUnavailable(f"Vision's answer is not one: {error.error_count()} faults") from error
        except (ValueError, TypeError, AttributeError) as error:
            # What the SDK raises for a body of another shape depends on the shape.
            raise AnalyzerUnavailable(f"Vision's answer cannot be read: {error!r}") from error

    async def _call(self, picture: Picture, features: Any) -> dict[str, Any]:
        content = picture.content
        if isinstance(content, ImageUrl):
            result = await self._client.analyze_from_url(content.url, features, **self._options)
        else:
            result = await self._client.analyze(content.content, features, **self._options)
        return result.as_dict()
