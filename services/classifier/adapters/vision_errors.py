"""Azure AI Vision's errors as ours: which are the picture's fault, which pass, and which a person must mend."""

import json
import math
import re
from typing import Any, Final

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

from services.classifier.errors import (
    AnalyzerBusy,
    AnalyzerRefused,
    AnalyzerUnavailable,
    ImageRejected,
    PictureUnreadable,
)
from services.platform.errors import ServiceError

IMAGE_FAULTS: Final = frozenset({"InvalidImageSize", "InvalidImageFormat"})
# This fault has no inner code, only its message.
SIZE_MESSAGE: Final = "image size is not allowed"
SETTINGS_FAULTS: Final = frozenset({"NotSupportedVisualFeature", "NotSupportedLanguage", "BadArgument"})
# Captions are to be had in some regions only.
REGION_MESSAGE: Final = re.compile(r"feature '(\w+)' is not supported in this region", re.IGNORECASE)


class FeatureUnsupported(AnalyzerRefused):
    """The account's region lacks a feature; ``feature`` is Azure's word for it."""

    def __init__(self, feature: str, detail: str) -> None:
        super().__init__(detail)
        self.feature = feature


def translate(error: AzureError) -> ServiceError:
    """What to raise for an error of the SDK."""
    if isinstance(error, ClientAuthenticationError) and error.status_code is None:
        return AnalyzerRefused(f"no token from Microsoft Entra: {_first_line(error)}")
    if not isinstance(error, HttpResponseError) or error.status_code is None:
        return AnalyzerUnavailable(f"Vision cannot be reached: {_first_line(error)}")
    status = int(error.status_code)
    code, inner, message = _read(error)
    shown = f"Vision answered {status} {inner or code}: {message}"
    if status == 400:
        return _bad_request(code, inner, message, shown)
    if status == 429:
        return AnalyzerBusy(shown, retry_after_s=_retry_after_s(error))
    if status == 408 or status >= 500:
        return AnalyzerUnavailable(shown, retry_after_s=_retry_after_s(error))
    if status < 400:
        return AnalyzerUnavailable(
            f"Vision answered {status} with a body that is not its own: {_first_line(error)}"
        )
    return AnalyzerRefused(shown)


def _bad_request(code: str, inner: str, message: str, shown: str) -> ServiceError:
    if inner in IMAGE_FAULTS or SIZE_MESSAGE in message.lower():
        return ImageRejected(inner or code, message)
    if inner in SETTINGS_FAULTS:
        return AnalyzerRefused(shown)
    if found := REGION_MESSAGE.search(message):
        return FeatureUnsupported(found[1], shown)
    # Mostly a link that could not be read: it expires, and storage has its moments.
    return PictureUnreadable(shown)


def _read(error: HttpResponseError) -> tuple[str, str, str]:
    """Outer code, inner code, the more telling message. The body is read here: the SDK's error model keeps
    the inner message from us.
    """
    body: Any = None
    try:
        body = json.loads(error.response.text()) if error.response is not None else None
    except (ValueError, TypeError):
        body = None
    outer = body.get("error") if isinstance(body, dict) else None
    if not isinstance(outer, dict):
        return "", "", _first_line(error)
    inner = outer.get("innererror")
    inner = inner if isinstance(inner, dict) else {}
    message = inner.get("message") or outer.get("message") or _first_line(error)
    return str(outer.get("code", "")), str(inner.get("code", "")), str(message)


def _retry_after_s(error: HttpResponseError) -> int | None:
    headers = getattr(error.response, "headers", None) or {}
    value = headers.get("Retry-After", "")
    try:
        return max(0, math.ceil(float(value)))
    except ValueError:
        return None


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:300] or type(error).__name__
