"""The picture in a request: raw bytes, the first part of a form, or behind a link."""

import re
from urllib.parse import urlsplit

import orjson
from python_multipart.multipart import MultipartParser
from starlette.requests import ClientDisconnect, Request

from emulators.vision.errors import (
    MAX_IMAGE_BYTES,
    InvalidImageBytes,
    InvalidImageUrl,
    InvalidRequest,
    UnsupportedContentType,
)

_FORM_OVERHEAD = 64 * 1024
_MAX_JSON = 64 * 1024

__all__ = ["Body", "ClientDisconnect", "read_body"]


class Body:
    """What a request carried: ``image`` bytes or a ``url``, never both."""

    def __init__(self, *, image: bytes = b"", url: str = "") -> None:
        self.image = image
        self.url = url


async def read_body(request: Request) -> Body:
    """Read and sort the body, never more of it than the service accepts.

    Raises UnsupportedContentType, InvalidImageBytes (empty or over 20 MB), InvalidImageUrl (not an http(s)
    link), InvalidRequest (JSON or form that does not hold what it should).
    """
    header = request.headers.get("content-type", "")
    kind = header.split(";")[0].strip().lower()
    if kind == "application/json":
        return Body(url=_url(await _capped(request, _MAX_JSON)))
    if kind == "application/octet-stream":
        image = await _capped(request, MAX_IMAGE_BYTES)
    elif kind == "multipart/form-data":
        image = _first_part(await _capped(request, MAX_IMAGE_BYTES + _FORM_OVERHEAD), header)
    else:
        raise UnsupportedContentType(kind)
    if not 0 < len(image) <= MAX_IMAGE_BYTES:
        raise InvalidImageBytes
    return Body(image=image)


async def _capped(request: Request, limit: int) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise InvalidImageBytes
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > limit:
            raise InvalidImageBytes
    return bytes(read)


def _url(body: bytes) -> str:
    try:
        url = orjson.loads(body)["url"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise InvalidRequest('The request body must be JSON of the form {"url": "..."}.') from error
    if not isinstance(url, str):
        raise InvalidRequest("The url must be a string.")
    try:
        parts = urlsplit(url)
        well_formed = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        well_formed = False
    if not well_formed:
        raise InvalidImageUrl("it is badly formed.")
    return url


def _first_part(body: bytes, content_type: str) -> bytes:
    """The content of the form's first part, whatever its name; parts without a file name count too."""
    boundary = re.search(r'boundary="?([^";,]+)"?', content_type)
    if boundary is None:
        raise InvalidRequest("The form has no boundary.")
    parts: list[bytearray] = []

    def begin() -> None:
        parts.append(bytearray())

    def data(chunk: bytes, start: int, end: int) -> None:
        parts[-1] += chunk[start:end]

    parser = MultipartParser(boundary[1], {"on_part_begin": begin, "on_part_data": data})
    try:
        parser.write(body)
        parser.finalize()
    except ValueError as error:
        raise InvalidRequest("The form cannot be read.") from error
    if not parts:
        raise InvalidImageBytes
    return bytes(parts[0])
