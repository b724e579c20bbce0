"""An HTTP service that answers what a test wants, and notes what it was asked."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from aiohttp import web


@dataclass(frozen=True)
class Asked:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class HttpService:
    """``body``: bytes are sent as they are, anything else as JSON."""

    def __init__(self) -> None:
        self.status = 200
        self.body: Any = {}
        self.headers: dict[str, str] = {}
        self.delay_s = 0.0
        self.asked: list[Asked] = []

    async def handle(self, request: web.Request) -> web.Response:
        headers = {key.lower(): value for key, value in request.headers.items()}
        self.asked.append(Asked(request.path, headers, await request.read()))
        await asyncio.sleep(self.delay_s)
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        return web.Response(
            status=self.status, body=body, headers=self.headers, content_type="application/json"
        )
