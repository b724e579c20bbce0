"""Azurite as the emulator itself uses it: look at a blob, make a container, see whether it is up."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

import aiohttp
from yarl import URL

from emulators.storage.blobs import Blob
from emulators.storage.errors import UpstreamError
from emulators.storage.events import BlobState
from emulators.storage.sharedkey import signed_headers

TIMEOUT = aiohttp.ClientTimeout(total=10, connect=2)


@dataclass(frozen=True, slots=True)
class Found:
    """A blob that is there, and when it was last written (whole seconds)."""

    state: BlobState
    last_modified: datetime


def request_id(headers: Mapping[str, str]) -> str:
    """The answer's ``x-ms-request-id``."""
    return headers.get("x-ms-request-id", "00000000-0000-0000-0000-000000000000")


class Upstream:
    """Signed requests of the emulator's own. Every one raises UpstreamError if Azurite gives no usable answer."""

    def __init__(self, session: aiohttp.ClientSession, url: str, account: str, key: str) -> None:
        self._session = session
        self._url = url
        self._account = account
        self._key = key

    async def find(self, blob: Blob) -> Found | None:
        """The blob's properties; None if it is not there."""
        status, headers = await self._send("HEAD", f"/{self._account}/{blob.path}")
        if status == 404:
            return None
        if status != 200:
            raise UpstreamError(f"HEAD {blob.path}: {status}")
        state = BlobState(
            etag=headers["ETag"].strip('"'),
            content_type=headers.get("Content-Type", ""),
            size=int(headers["Content-Length"]),
            blob_type=headers["x-ms-blob-type"],
            request_id=request_id(headers),
        )
        return Found(state, parsedate_to_datetime(headers["Last-Modified"]))

    async def make_container(self, name: str) -> bool:
        """Whether it was made now; False if it was there."""
        status, _ = await self._send("PUT", f"/{self._account}/{name}?restype=container")
        if status not in (201, 409):
            raise UpstreamError(f"container {name} could not be made: {status}")
        return status == 201

    async def answers(self) -> bool:
        """Whether Azurite is up and takes the account's key."""
        try:
            status, _ = await self._send("GET", f"/{self._account}?restype=service&comp=properties")
        except UpstreamError:
            return False
        return status == 200

    async def _send(self, method: str, target: str) -> tuple[int, Mapping[str, str]]:
        url = URL(self._url + target, encoded=True)
        headers = signed_headers(method, target, self._account, self._key)
        try:
            async with self._session.request(method, url, headers=headers, timeout=TIMEOUT) as answer:
                await answer.read()
                return answer.status, answer.headers
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UpstreamError(f"{method} {target}: {type(error).__name__}: {error}") from error
