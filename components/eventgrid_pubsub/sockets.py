"""A sockets folder of daprd: the public socket, and the gRPC server behind it."""

import contextlib
import shutil
import socket
import stat
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection

from components.eventgrid_pubsub.errors import ComponentError
from components.eventgrid_pubsub.front import Front
from components.eventgrid_pubsub.instances import Instances
from components.eventgrid_pubsub.proto import eventgrid_pubsub_contract_pb2 as pb
from components.eventgrid_pubsub.proto import eventgrid_pubsub_contract_pb2_grpc as stubs
from components.eventgrid_pubsub.server import PubSub

SOCKET_NAME = "azure.eventgrid.sock"
PRIVATE_NAME = ".azure.eventgrid"
SERVICE = pb.DESCRIPTOR.services_by_name["PubSub"].full_name
MAX_MESSAGE_BYTES = 64 * 1024 * 1024


class SocketUnavailable(ComponentError):
    """The socket cannot be had, most often because another process answers on it."""


class Socket:
    """One socket, ``azure.eventgrid.sock`` in ``folder``.

    ``exclusive``: one sidecar alone uses it; then gRPC listens on it itself, without the front.
    """

    def __init__(self, folder: Path, instances: Instances, exclusive: bool) -> None:
        self.path = folder / SOCKET_NAME
        self.instances = instances
        self._exclusive = exclusive
        # daprd calls every socket it finds in its folder, and looks into no folder inside it.
        self._private = folder / PRIVATE_NAME
        self._health = HealthServicer()
        self._server: grpc.aio.Server | None = None
        self._front: Front | None = None

    async def open(self, mode: int) -> None:
        """Listen; the socket gets the permissions ``mode``. Raises SocketUnavailable, and leaves nothing behind."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            _clear_stale(self.path)
            shutil.rmtree(self._private, ignore_errors=True)
            self._private.mkdir(mode=0o700)
            await self._listen(mode)
        except OSError as error:
            await self.close()
            raise SocketUnavailable(f"{self.path} cannot be used: {error}") from error

    async def _listen(self, mode: int) -> None:
        inner = self._private / "grpc"
        _check_length(self.path)
        _check_length(inner)
        self._server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
                ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
            ]
        )
        stubs.add_PubSubServicer_to_server(PubSub(self.instances), self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection((SERVICE, reflection.SERVICE_NAME), self._server)
        self._server.add_insecure_port(f"unix:{inner}")
        await self._server.start()
        for name in ("", SERVICE):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        if self._exclusive:
            inner.chmod(mode)
            inner.rename(self.path)
        else:
            self._front = Front(self.path, inner, self._private, self.instances.disconnected)
            await self._front.start(mode)

    async def retire(self) -> None:
        """Let no new sidecar in, and tell health checks so."""
        self.path.unlink(missing_ok=True)
        await self._health.enter_graceful_shutdown()

    async def close(self) -> None:
        """End every connection."""
        if self._server is not None:
            await self._server.stop(0)
        if self._front is not None:
            await self._front.stop()
        shutil.rmtree(self._private, ignore_errors=True)


def _check_length(path: Path) -> None:
    # gRPC would only log it.
    with (
        socket.socket(socket.AF_UNIX) as probe,
        contextlib.suppress(FileNotFoundError, ConnectionRefusedError),
    ):
        probe.connect(str(path))


def _clear_stale(path: Path) -> None:
    """Remove a socket nobody listens on. Raises SocketUnavailable where somebody does, or where it is no socket."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise SocketUnavailable(f"{path} is in the way: it is not a socket")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
    raise SocketUnavailable(f"{path} is in use: another component answers there")
