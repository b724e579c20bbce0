"""What can go wrong, with the code, inner code and HTTP status that Image Analysis 4.0 documents.

VisionError                      status, code, message, optional inner code, optional headers
├── InvalidRequest               400 InvalidRequest, no inner code
│   ├── InvalidImageUrl          the link is badly formed or cannot be read
│   ├── InvalidImageBytes        no bytes, or more than 20971520
│   ├── UnsupportedContentType   a body that is neither JSON, bytes nor a form
│   ├── FeatureNotInRegion       captions outside the regions that have them
│   └── InvalidImage             with an inner code
│       ├── InvalidImageFormat   not a picture that the service reads, or a broken one
│       └── InvalidImageSize     a side under 50 or over 16000 pixels
├── BadQuery                     400 InvalidRequest "Analyze query is invalid", with an inner code
│   ├── NotSupportedVisualFeature
│   ├── NotSupportedLanguage
│   └── BadArgument
├── AccessDenied                 401
├── NotFound                     404
├── TooManyRequests              429, with Retry-After
├── InternalServerError          500
├── FailedToProcess              500
└── AnalysisTimeout              503 Timeout
"""

from collections.abc import Mapping

MAX_IMAGE_BYTES = 20 * 1024 * 1024
MIN_SIDE = 50
MAX_SIDE = 16_000


class VisionError(Exception):
    """A refusal as it goes over the wire."""

    status = 500
    code = "InternalServerError"
    inner_code: str | None = None

    def __init__(self, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.headers = dict(headers or {})

    @property
    def outer_message(self) -> str:
        """The message beside the outer code; the inner code carries the detailed one."""
        return self.message


class InvalidRequest(VisionError):
    status = 400
    code = "InvalidRequest"


class InvalidImageUrl(InvalidRequest):
    def __init__(self, reason: str) -> None:
        super().__init__(f"The provided image url is not accessible: {reason}")


class InvalidImageBytes(InvalidRequest):
    def __init__(self) -> None:
        super().__init__(f"The image size is not allowed to be zero or larger than {MAX_IMAGE_BYTES} bytes.")


class UnsupportedContentType(InvalidRequest):
    def __init__(self, content_type: str) -> None:
        super().__init__(
            f"The content type '{content_type}' is not supported. "
            "Use application/json, application/octet-stream or multipart/form-data."
        )


class FeatureNotInRegion(InvalidRequest):
    def __init__(self, feature: str) -> None:
        super().__init__(f"The feature '{feature}' is not supported in this region.")


class InvalidImage(InvalidRequest):
    @property
    def outer_message(self) -> str:
        return "Image is not valid."


class InvalidImageFormat(InvalidImage):
    inner_code = "InvalidImageFormat"

    def __init__(self) -> None:
        super().__init__("Image format is not valid.")


class InvalidImageSize(InvalidImage):
    inner_code = "InvalidImageSize"

    def __init__(self) -> None:
        super().__init__(
            f"The image dimension is not allowed to be smaller than {MIN_SIDE} and larger than {MAX_SIDE}."
        )


class BadQuery(VisionError):
    status = 400
    code = "InvalidRequest"

    @property
    def outer_message(self) -> str:
        return "Analyze query is invalid."


class NotSupportedVisualFeature(BadQuery):
    inner_code = "NotSupportedVisualFeature"


class NotSupportedLanguage(BadQuery):
    inner_code = "NotSupportedLanguage"


class BadArgument(BadQuery):
    inner_code = "BadArgument"


class AccessDenied(VisionError):
    status = 401
    code = "401"

    def __init__(self) -> None:
        super().__init__(
            "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid "
            "key for an active subscription and use a correct regional API endpoint for your resource."
        )


class NotFound(VisionError):
    status = 404
    code = "404"


class TooManyRequests(VisionError):
    status = 429
    code = "429"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(
            "Requests have exceeded the call rate limit of your current pricing tier. "
            f"Please retry after {retry_after_s} seconds.",
            headers={"Retry-After": str(retry_after_s)},
        )


class InternalServerError(VisionError):
    status = 500
    code = "InternalServerError"


class FailedToProcess(VisionError):
    status = 500
    code = "FailedToProcess"


class AnalysisTimeout(VisionError):
    status = 503
    code = "Timeout"
