"""Reading a request's body, bounded in size, time and memory: an upload, whichever way it comes, or a document."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from services.ingest.handlers import Upload
from services.platform.errors import BadRequest, PayloadTooLarge, RequestTimeout, UnsupportedMediaType

FORM_ALLOWANCE: Final = 64 * 1024
"""Bytes that a form may have besides its file."""

DOCUMENT_BYTES: Final = 64 * 1024
"""The most that a request may have whose body is no picture."""

FIELDS: Final = frozenset({"file", "claim_id", "metadata"})
RAW_TYPES: Final = frozenset({"", "application/octet-stream"})

D = TypeVar("D", bound=BaseModel)


@dataclass(frozen=True)
class BodyLimits:
    max_bytes: int
    total_s: float
    idle_s: float


class _InMemoryParser(MultiPartParser):
    # The body is bounded; a temporary file would only cost a thread for each chunk.
    spool_max_size = 1 << 30

    def close(self) -> None:
        """Let go of every file, those of parts that were cut off included: they are not in the form."""
        for file in self._files_to_close_on_error:
            file.close()


def refuse_declared_length(request: Request, limits: BodyLimits) -> None:
    """Raises PayloadTooLarge by the ``Content-Length`` alone, before any of the body is asked for."""
    declared = request.headers.get("content-length", "")
    allowed = limits.max_bytes + (FORM_ALLOWANCE if _is_form(_media_type(request)) else 0)
    if declared.isdecimal() and int(declared) > allowed:
        raise _too_large(limits)


async def read_upload(request: Request, limits: BodyLimits) -> Upload:
    """The upload in the request's body, and in ``?claim_id=``.

    Raises BadRequest, PayloadTooLarge, RequestTimeout, UnsupportedMediaType.
    """
    media_type = _media_type(request)
    try:
        async with asyncio.timeout(limits.total_s):
            if _is_form(media_type):
                return await _read_form(request, limits)
            if media_type.startswith("image/") or media_type in RAW_TYPES:
                return await _read_raw(request, limits)
    except TimeoutError as error:
        raise RequestTimeout("The body did not arrive in time.") from error
    except ClientDisconnect as error:
        raise _incomplete() from error
    raise UnsupportedMediaType(
        f"Send a form (multipart/form-data with `file`) or the bytes as image/*, not {media_type}.",
        code="unsupported-request-type",
    )


async def read_document(request: Request, kind: type[D], limits: BodyLimits) -> D:
    """The JSON document of this kind in the request's body. Raises BadRequest, PayloadTooLarge, RequestTimeout."""
    small = replace(limits, max_bytes=DOCUMENT_BYTES)
    try:
        async with (
            asyncio.timeout(limits.total_s),
            aclosing(_chunks(request, small, DOCUMENT_BYTES)) as chunks,
        ):
            return kind.model_validate_json(b"".join([chunk async for chunk in chunks]))
    except TimeoutError as error:
        raise RequestTimeout("The body did not arrive in time.") from error
    except ClientDisconnect as error:
        raise _incomplete() from error
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, fault['loc'])) or 'body'}: {fault['msg']}" for fault in error.errors())
        raise BadRequest("; ".join(faults)) from error


async def _read_raw(request: Request, limits: BodyLimits) -> Upload:
    async with aclosing(_chunks(request, limits, limits.max_bytes)) as chunks:
        content = b"".join([chunk async for chunk in chunks])
    return Upload(content, request.query_params.get("claim_id"))


async def _read_form(request: Request, limits: BodyLimits) -> Upload:
    async with aclosing(_chunks(request, limits, limits.max_bytes + FORM_ALLOWANCE)) as chunks:
        parser = _InMemoryParser(
            request.headers, chunks, max_files=1, max_fields=len(FIELDS) - 1, max_part_size=FORM_ALLOWANCE
        )
        try:
            return await _from_form(request, await parser.parse(), limits)
        except MultiPartException as error:
            raise BadRequest(f"The form cannot be read: {error.message}", code="bad-form") from error
        finally:
            parser.close()


async def _from_form(request: Request, form: FormData, limits: BodyLimits) -> Upload:
    if unknown := sorted(set(form) - FIELDS):
        raise BadRequest(f"The form has a field that is not known: {unknown[0]!r}.", code="bad-form")
    if repeated := [name for name in form if len(form.getlist(name)) > 1]:
        raise BadRequest(f"The form has {repeated[0]!r} more than once.", code="bad-form")
    file, claim_id, metadata = form.get("file"), form.get("claim_id"), form.get("metadata")
    if not isinstance(file, UploadFile):
        raise BadRequest("The form has no file in the field `file`.", code="no-file")
    if isinstance(claim_id, UploadFile) or isinstance(metadata, UploadFile):
        raise BadRequest("claim_id and metadata are text, not files.", code="bad-form")
    if (file.size or 0) > limits.max_bytes:
        raise _too_large(limits)
    asked = request.query_params.get("claim_id")
    if asked and claim_id and asked != claim_id:
        raise BadRequest("The claim_id of the form and that of the address differ.", code="bad-claim-id")
    return Upload(await file.read(), claim_id or asked, metadata or "")


async def _chunks(request: Request, limits: BodyLimits, most: int) -> AsyncGenerator[bytes, None]:
    """The body as it comes; ends in PayloadTooLarge when there are more than ``most`` bytes."""
    count = 0
    stream = request.stream()
    while True:
        async with asyncio.timeout(limits.idle_s):
            chunk = await anext(stream, None)
        if chunk is None:
            return
        count += len(chunk)
        if count > most:
            raise _too_large(limits)
        yield chunk


def _too_large(limits: BodyLimits) -> PayloadTooLarge:
    return PayloadTooLarge(f"There may be at most {limits.max_bytes} bytes.")


def _incomplete() -> BadRequest:
    return BadRequest("The connection was closed before the body was complete.", code="incomplete")


def _media_type(request: Request) -> str:
    kind, _ = parse_options_header(request.headers.get("content-type"))
    return kind.decode("latin-1").lower()


def _is_form(media_type: str) -> bool:
    return media_type == "multipart/form-data"
