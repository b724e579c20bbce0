"""Errors of the component. Each carries the gRPC status that daprd is answered with.

ComponentError
├── InvalidMetadata        a field of the component's metadata is missing, unknown or out of range
├── InvalidEvent           what was to be published is no CloudEvent, or is too large
├── NotAllPublished        of the entries of a bulk publish, some were not published
├── NotInitialised         a call for a component instance that daprd has not initialised
├── AmbiguousConsumer      several sidecars share the socket, and the subscription does not say whose it is
├── CredentialsUnavailable no token could be had from Microsoft Entra
└── EventGridError         Event Grid was asked and did not do it
    ├── Unreachable        no answer: connection refused or lost, time out
    └── ServiceError       an answer other than 200; carries the HTTP status, the error's code and Retry-After
"""

from collections.abc import Mapping

import grpc

SHOWN_ENTRIES = 10

_STATUS_OF_HTTP = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    409: grpc.StatusCode.ABORTED,
    410: grpc.StatusCode.NOT_FOUND,
    413: grpc.StatusCode.INVALID_ARGUMENT,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
}


class ComponentError(Exception):
    """Root of the component's errors."""

    status: grpc.StatusCode = grpc.StatusCode.INTERNAL


class InvalidMetadata(ComponentError):
    """The component's metadata cannot be used; every problem found is named."""

    status = grpc.StatusCode.INVALID_ARGUMENT

    def __init__(self, problems: list[str]) -> None:
        super().__init__("invalid metadata: " + "; ".join(problems))
        self.problems = problems


class InvalidEvent(ComponentError):
    """An event that Event Grid would refuse."""

    status = grpc.StatusCode.INVALID_ARGUMENT


class NotAllPublished(ComponentError):
    """Entries of a bulk publish that were not published, with the error of each; carries the first one's status."""

    def __init__(self, failed: Mapping[str, ComponentError], published: int) -> None:
        shown = [f"{entry_id}: {error}" for entry_id, error in list(failed.items())[:SHOWN_ENTRIES]]
        if len(failed) > len(shown):
            shown.append(f"and {len(failed) - len(shown)} more")
        was = (
            f"{published} entries were published, {len(failed)} not" if published else "nothing was published"
        )
        super().__init__(f"{was}: {'; '.join(shown)}")
        self.status = next(iter(failed.values())).status


class NotInitialised(ComponentError):
    """No Init was seen for this component instance, most often because the component was restarted."""

    status = grpc.StatusCode.FAILED_PRECONDITION


class AmbiguousConsumer(ComponentError):
    """It cannot be told which sidecar's subscription is meant."""

    status = grpc.StatusCode.FAILED_PRECONDITION


class CredentialsUnavailable(ComponentError):
    """Microsoft Entra gave no token."""

    status = grpc.StatusCode.UNAUTHENTICATED


class EventGridError(ComponentError):
    """Event Grid did not do what was asked."""

    retriable = False
    retry_after_s: float | None = None


class Unreachable(EventGridError):
    """No answer from Event Grid. What was asked may or may not have been done."""

    status = grpc.StatusCode.UNAVAILABLE
    retriable = True


class ServiceError(EventGridError):
    """Event Grid answered with an error.

    ``http_status`` is its status, ``code`` the error's code (or the reason phrase), ``retry_after_s`` what the
    service asked to wait, if it did.
    """

    def __init__(self, http_status: int, code: str, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(f"Event Grid answered {http_status} {code}: {message}")
        self.http_status = http_status
        self.code = code
        self.retry_after_s = retry_after_s
        self.retriable = http_status in (408, 429) or http_status >= 500
        unknown = grpc.StatusCode.UNAVAILABLE if http_status >= 500 else grpc.StatusCode.UNKNOWN
        self.status = _STATUS_OF_HTTP.get(http_status, unknown)
