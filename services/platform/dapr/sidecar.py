"""The connection to daprd: made when it is first needed, never blocking the service's start."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import grpc
import httpx
from dapr.aio.clients import DaprClient
from dapr.clients.exceptions import DaprGrpcError, DaprInternalError
from dapr.conf import settings as sdk_settings

from services.platform.errors import SidecarUnavailable
from services.platform.health import Check

# A 20 MB picture in one binding call, with room for the envelope.
MAX_MESSAGE_BYTES: Final = 32 * 1024 * 1024

SDK_HEALTH_TIMEOUT_S: Final = 1


class NotSubscribed(SidecarUnavailable):
    """daprd is well and gives the app no events: it has asked for its subscriptions and got no answer."""


class EtagMismatch(Exception):
    """A guarded write lost: the document is not, or no longer, as the writer believed."""


@dataclass
class _Connection:
    client: DaprClient
    calls: int = 0


class Sidecar:
    """daprd beside this service. ``timeout_s`` bounds every call, waiting for daprd to be up included."""

    def __init__(self, *, http_port: int, grpc_port: int, timeout_s: float) -> None:
        self._http_port = http_port
        self._health = f"http://127.0.0.1:{http_port}/v1.0/healthz/outbound"
        self._metadata = f"http://127.0.0.1:{http_port}/v1.0/metadata"
        self._address = f"127.0.0.1:{grpc_port}"
        self._timeout_s = timeout_s
        self._http = httpx.AsyncClient(timeout=2.0)
        self._connection: _Connection | None = None
        self._lock = asyncio.Lock()

    async def close(self) -> None:
        await self._http.aclose()
        if self._connection is not None:
            await self._connection.client.close()

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
        if name not in {component["name"] for component in (await self._tells()).get("components", [])}:
            raise SidecarUnavailable(f"the Dapr component '{name}' is not loaded")

    def checks(self, *components: str) -> dict[str, Check]:
        """For ``/readyz``: of daprd and of each of the components, by its name."""
        return {"sidecar": self.check, **{name: partial(self.check_component, name) for name in components}}

    async def check_subscriptions(self, pubsub: str, topics: Collection[str]) -> None:
        """Raises NotSubscribed unless daprd subscribed this app to all of the topics; SidecarUnavailable.

        daprd asks an app for its subscriptions once, when it finds the app's port open, and goes on without them
        if the answer fails: an app that looks healthy would then get no event ever.
        """
        told = (await self._tells()).get("subscriptions") or []
        has = {entry.get("topic") for entry in told if entry.get("pubsubname") == pubsub}
        if missing := [topic for topic in topics if topic not in has]:
            raise NotSubscribed(f"not subscribed to {', '.join(missing)} of '{pubsub}'; restart the sidecar")

    async def shut_down(self) -> None:
        """End daprd as SIGTERM does; whoever runs it starts it again. One that is away needs no telling."""
        with suppress(httpx.HTTPError):
            await self._http.post(f"http://127.0.0.1:{self._http_port}/v1.0/shutdown")

    async def _tells(self) -> dict[str, Any]:
        """daprd's metadata."""
        await self.check()
        try:
            metadata: dict[str, Any] = (await self._http.get(self._metadata)).json()
        except (httpx.HTTPError, ValueError) as error:
            raise SidecarUnavailable(f"the Dapr sidecar does not answer: {type(error).__name__}") from error
        return metadata

    @asynccontextmanager
    async def calling(self, what: str) -> AsyncIterator[DaprClient]:
        """The client, for one call; its faults become SidecarUnavailable, which says what was being done.

        Raises EtagMismatch where daprd answers ABORTED.
        """
        connection = None
        try:
            async with asyncio.timeout(self._timeout_s):
                connection = await self._connected()
                connection.calls += 1
                yield connection.client
        except TimeoutError as error:
            raise SidecarUnavailable(f"{what}: no answer within {self._timeout_s:g} s") from error
        except (DaprInternalError, DaprGrpcError, grpc.aio.AioRpcError) as error:
            fault = _grpc_fault(error)
            if fault is None:
                raise SidecarUnavailable(f"{what}: {error}") from error
            if fault.code() == grpc.StatusCode.ABORTED:
                raise EtagMismatch(what) from fault
            if fault.code() == grpc.StatusCode.UNAVAILABLE and self._connection is connection:
                # gRPC waits up to two minutes between attempts to connect; a new channel tries at once.
                self._connection = None
            raise SidecarUnavailable(f"{what}: {fault.details() or fault.code().name}") from fault
        finally:
            if connection is not None:
                connection.calls -= 1
                # Closing a channel cancels the calls that others still have on it.
                if connection is not self._connection and not connection.calls:
                    await connection.client.close()

    async def _connected(self) -> _Connection:
        async with self._lock:
            if self._connection is None:
                # The SDK's constructor blocks the event loop until daprd answers, up to its own time limit,
                # and looks for daprd where its own settings say: ask first, and tell it where.
                await self.check()
                sdk_settings.DAPR_HTTP_PORT = self._http_port
                sdk_settings.DAPR_HEALTH_TIMEOUT = SDK_HEALTH_TIMEOUT_S
                self._connection = _Connection(
                    DaprClient(address=self._address, max_grpc_message_length=MAX_MESSAGE_BYTES)
                )
            return self._connection


def _grpc_fault(error: BaseException) -> grpc.aio.AioRpcError | None:
    """What gRPC raised, beneath what the SDK made of it: a different error for each kind of call."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, grpc.aio.AioRpcError):
        cause = cause.__cause__
    return cause
