"""What can go wrong in the emulator.

EmulatorError
├── ConfigError            the configuration file; every fault in it, by path
├── StartError             the process can't start (port in use, data directory locked)
├── StoreError             the journal could not be written
└── WireError              answered to the caller as ``{"error": {"code", "message"}}``
    ├── BadRequest            400
    ├── UnsupportedVersion    400
    ├── Unauthorized          401
    ├── QuotaExceeded         403
    ├── NotFound              404
    ├── MethodNotAllowed      405
    ├── PayloadTooLarge       413
    ├── UnsupportedMediaType  415
    ├── InjectedFault         any status a test asked for
    └── Unavailable           500: the journal failed, nothing was accepted

The service publishes no list of its ``code`` strings; these follow the Azure REST API guidelines.
"""


class EmulatorError(Exception):
    """Root of this package's errors."""


class ConfigError(EmulatorError):
    """The configuration is not usable. ``problems`` has one line a fault, each beginning with its path."""

    def __init__(self, source: str, problems: list[str]) -> None:
        self.problems = problems
        super().__init__(f"{source}: " + "; ".join(problems))


class StartError(EmulatorError):
    """The process can't start; the message says why and what to do."""


class StoreError(EmulatorError):
    """The journal could not be written; nothing of the transaction is on disk."""


class WireError(EmulatorError):
    """An error answered to the caller: ``status``, ``code``, and a message fit for them."""

    status = 500
    code = "InternalServerError"
    headers: tuple[tuple[bytes, bytes], ...] = ()


class BadRequest(WireError):
    status = 400
    code = "BadRequest"


class UnsupportedVersion(WireError):
    """``api-version`` is missing or not one the emulator speaks."""

    status = 400
    code = "UnsupportedApiVersion"


class Unauthorized(WireError):
    status = 401
    code = "Unauthorized"
    headers = ((b"www-authenticate", b'Bearer resource="https://eventgrid.azure.net"'),)


class QuotaExceeded(WireError):
    """The namespace holds as much as the emulator is willing to keep."""

    status = 403
    code = "QuotaExceeded"


class NotFound(WireError):
    status = 404
    code = "ResourceNotFound"


class MethodNotAllowed(WireError):
    status = 405
    code = "MethodNotAllowed"
    headers = ((b"allow", b"POST"),)


class PayloadTooLarge(WireError):
    status = 413
    code = "PayloadTooLarge"


class UnsupportedMediaType(WireError):
    status = 415
    code = "UnsupportedMediaType"


class Unavailable(WireError):
    pass


class InjectedFault(WireError):
    """What ``POST /_emulator/faults`` asked for."""

    def __init__(self, status: int, code: str, message: str, retry_after: int | None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        if retry_after is not None:
            self.headers = ((b"retry-after", str(retry_after).encode()),)
