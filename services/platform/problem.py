"""Every error answer of the services as RFC 9457 ``application/problem+json``."""

from http import HTTPStatus
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.platform.errors import ServiceError
from services.platform.tracing import current_trace_id

MEDIA_TYPE: Final = "application/problem+json"
log = structlog.get_logger()


def problem(
    status: int, title: str, detail: str, code: str, *, headers: dict[str, str] | None = None, **extra: Any
) -> JSONResponse:
    """A problem document; ``code`` is the last part of its ``type``, stable for programs."""
    content = {
        "type": f"urn:claimlens:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "trace_id": current_trace_id(),
        **extra,
    }
    return JSONResponse(content, status, headers, media_type=MEDIA_TYPE)


class Problem(BaseModel):
    """RFC 9457; ``type`` ends in a code that is stable for programs; ``trace_id`` is in the logs too."""

    type: str
    title: str
    status: int
    detail: str
    trace_id: str


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route's ``responses=`` says of the problems that it answers."""
    document = {MEDIA_TYPE: {"schema": Problem.model_json_schema()}}
    return {status: {"description": HTTPStatus(status).phrase, "content": document} for status in statuses}


def install_problem_handlers(app: FastAPI) -> None:
    """Render ServiceError, request validation and HTTP errors as problems."""
    app.add_exception_handler(ServiceError, _service_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)


async def _service_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ServiceError)
    headers = {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("request failed", code=error.code, detail=error.detail, status=error.status)
    return problem(error.status, error.title, error.detail, error.code, headers=headers)


async def _validation_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = [
        {"field": ".".join(str(part) for part in fault["loc"][1:]), "message": fault["msg"]}
        for fault in error.errors()
    ]
    detail = "; ".join(f"{fault['field'] or 'body'}: {fault['message']}" for fault in faults)
    return problem(400, "Bad request", detail, "bad-request", errors=faults)


async def _http_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    title = HTTPStatus(error.status_code).phrase
    code = title.lower().replace(" ", "-")
    return problem(error.status_code, title, str(error.detail), code, headers=dict(error.headers or {}))


class UnforeseenMiddleware:
    """Answers what no handler foresaw with a problem, and logs it.

    FastAPI's own place for that is outside of every middleware, where the trace of the request is over.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def send_and_note(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        except Exception:
            if scope["type"] != "http" or started:
                raise
            log.exception("unforeseen error", path=scope["path"])
            detail = "The service met an error that it did not foresee; its log has it under this trace_id."
            response = problem(500, "Internal error", detail, "internal-error")
            await response(scope, receive, send)
