"""The blob endpoint: forwards every request, and sees to it that each blob that came to be gets its event."""

import asyncio
import logging
from http import HTTPStatus
from uuid import uuid4

import aiohttp
from aiohttp import web

from emulators.storage.blobs import BlobWrite, blob_write
from emulators.storage.errors import ClientGoneError, UpstreamError
from emulators.storage.forward import Body, passed_back, sent_on
from emulators.storage.recorder import Recorder

log = logging.getLogger("storage.proxy")

_BUSY = """<?xml version="1.0" encoding="utf-8"?>
<Error><Code>ServerBusy</Code><Message>The server is currently unable to receive requests. \
Please retry your request.</Message></Error>"""


class Proxy:
    """Request handler for everything that is not the emulator's own."""

    def __init__(
        self, session: aiohttp.ClientSession, upstream: str, account: str, recorder: Recorder
    ) -> None:
        self._session = session
        self._upstream = upstream
        self._account = account
        self._recorder = recorder

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Forward one request."""
        write = blob_write(request.method, request.raw_path, request.headers, self._account)
        try:
            if write is None:
                async with sent_on(self._session, self._upstream, request, Body(request)) as answer:
                    return await passed_back(request, answer)
            return await self._write(request, write)
        except ClientGoneError:
            log.info("client went away: %s %s", request.method, request.path)
            return web.Response(status=HTTPStatus.BAD_REQUEST)  # nobody reads it
        except UpstreamError as error:
            log.warning("azurite gives no answer: %s %s: %s", request.method, request.path, error)
            headers = {"x-ms-error-code": "ServerBusy", "x-ms-request-id": str(uuid4()), "Retry-After": "1"}
            return web.Response(status=503, text=_BUSY, content_type="application/xml", headers=headers)

    async def _write(self, request: web.Request, write: BlobWrite) -> web.StreamResponse:
        """Forward a write between its intent and its outcome; the client hears of a success after both are recorded."""
        body = Body(request)
        intent = self._recorder.begin(write, request.headers.get("x-ms-client-request-id"))
        try:
            async with sent_on(self._session, self._upstream, request, body) as answer:
                if 200 <= answer.status < 300:
                    await self._recorder.succeeded(intent, write, request, answer, body.size)
                elif answer.status < 500:
                    self._recorder.failed(intent)
                else:
                    self._recorder.in_doubt(intent)
                return await passed_back(request, answer)
        except ClientGoneError:
            # Azurite makes no blob of a body that is cut off.
            self._recorder.failed(intent)
            raise
        except UpstreamError as error:
            if isinstance(error.__cause__, aiohttp.ClientConnectorError):
                self._recorder.failed(intent)
            else:
                self._recorder.in_doubt(intent)
            raise
        except asyncio.CancelledError:
            self._recorder.in_doubt(intent)
            raise
