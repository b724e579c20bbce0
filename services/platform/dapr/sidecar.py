"""The connection to daprd: made when it is first needed, never blocking the service's start."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import grpc
import httpx
from dapr.aio.clients import DaprClient
from dapr.clients.exceptions import DaprGrpcError

from services.platform.errors import SidecarUnavailable

# A 20 MB picture in one binding call, with room for the envelope.
MAX_MESSAGE_BYTES: Final = 32 * 1024 * 1024

_TRANSIENT: Final = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
        # A component that is not loaded (yet): daprd answers with one of these.
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
    }
)


class Sidecar:
    """daprd beside this service. ``timeout_s`` bounds every call, waiting for daprd to be up included."""

    def __init__(self, *, http_port: int, grpc_port: int, timeout_s: float) -> None:
        self._health = f"http://127.0.0.1:{http_port}/v1.0/healthz/outbound"
        self._metadata = f"http://127.0.0.1:{http_port}/v1.0/metadata"
        self._address = f"127.0.0.1:{grpc_port}"
        self._timeout_s = timeout_s
        self._http = httpx.AsyncClient(timeout=2.0)
        self._client: DaprClient | None = None
        self._lock = asyncio.Lock()

    async def close(self) -> None:
        await self._http.aclose()
        if self._client is not None:
            await self._client.close()

    async def check(self) -> None:
        """Raises SidecarUnavailable unless daprd and its components are ready for outbound calls."""
        try:
            response = await self._http.get(self._health)
        except httpx.HTTPError as error:
            raise SidecarUnavailable(f"the Dapr sidecar does not answer: {type(error).__name__}") from error
        if response.status_code >= httpx.codes.BAD_REQUEST:
            raise SidecarUnavailable("the Dapr sidecar is up but its components are not ready")

    async def check_component(self, name: str) -> None:
        """Raises SidecarUnavailable unless daprd has loaded the component."""
        await self.check()
        try:
            metadata = (await self._http.get(self._metadata)).json()
        except (httpx.HTTPError, ValueError) as error:
            raise SidecarUnavailable(f"the Dapr sidecar does not answer: {type(error).__name__}") from error
        if name not in {component["name"] for component in metadata.get("components", [])}:
            raise SidecarUnavailable(f"the Dapr component {name!r} is not loaded")

    @asynccontextmanager
    async def calling(self, what: str) -> AsyncIterator[DaprClient]:
        """The client, for one call; its faults become SidecarUnavailable, which says what was being done.

        Errors with the status ABORTED (a first-write that lost) pass through as DaprGrpcError.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                yield await self._connected()
        except TimeoutError as error:
            raise SidecarUnavailable(f"{what}: no answer within {self._timeout_s:g} s") from error
        except (DaprGrpcError, grpc.aio.AioRpcError) as error:
            if error.code() in _TRANSIENT:
                detail = error.details() or error.code().name
                raise SidecarUnavailable(f"{what}: {detail}") from error
            raise

    async def _connected(self) -> DaprClient:
        if self._client is None:
            async with self._lock:
                if self._client is None:
                    # The SDK's constructor blocks the event loop until daprd answers: ask first.
                    await self.check()
                    self._client = DaprClient(
                        address=self._address, max_grpc_message_length=MAX_MESSAGE_BYTES
                    )
        return self._client
