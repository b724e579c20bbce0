"""What can go wrong in a service, each with the HTTP status that it becomes.

ServiceError                    500
├── BadRequest                  400
├── Unauthorized                401
├── Forbidden                   403
├── NotFound                    404
├── RequestTimeout              408
├── Conflict                    409
├── PayloadTooLarge             413
├── UnsupportedMediaType        415
├── UnprocessableContent        422
├── TooManyRequests             429, Retry-After
└── Unavailable                 503, Retry-After
    ├── SidecarUnavailable      daprd, or the component behind it, does not answer
    │   └── NotSubscribed       daprd is well and gives the app no events (services/platform/dapr/sidecar.py)
    └── StateConflict           the record changed under every attempt to change it
"""

from typing import ClassVar


class ServiceError(Exception):
    """Root of the services' errors. ``detail`` says what is wrong and what to do; ``code`` is stable for programs."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"
    code: str = "internal-error"

    def __init__(self, detail: str, *, code: str | None = None, retry_after_s: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after_s = retry_after_s
        if code is not None:
            self.code = code


class BadRequest(ServiceError):
    status = 400
    title = "Bad request"
    code = "bad-request"


class Unauthorized(ServiceError):
    status = 401
    title = "Credentials are missing or not valid"
    code = "unauthorized"


class Forbidden(ServiceError):
    status = 403
    title = "These credentials do not allow this"
    code = "forbidden"


class NotFound(ServiceError):
    status = 404
    title = "Not found"
    code = "not-found"


class RequestTimeout(ServiceError):
    status = 408
    title = "The request took too long to arrive"
    code = "request-timeout"


class Conflict(ServiceError):
    status = 409
    title = "Conflict"
    code = "conflict"


class PayloadTooLarge(ServiceError):
    status = 413
    title = "Too large"
    code = "too-large"


class UnsupportedMediaType(ServiceError):
    status = 415
    title = "Not an image format that can be analysed"
    code = "unsupported-media-type"


class UnprocessableContent(ServiceError):
    status = 422
    title = "The image cannot be used"
    code = "unprocessable-content"


class TooManyRequests(ServiceError):
    status = 429
    title = "Too many requests"
    code = "too-many-requests"


class Unavailable(ServiceError):
    """Passing trouble: trying again later can succeed."""

    status = 503
    title = "Not available now"
    code = "unavailable"

    def __init__(self, detail: str, *, code: str | None = None, retry_after_s: int | None = 5) -> None:
        super().__init__(detail, code=code, retry_after_s=retry_after_s)


class SidecarUnavailable(Unavailable):
    code = "sidecar-unavailable"


class StateConflict(Unavailable):
    code = "state-conflict"
