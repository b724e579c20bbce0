"""Composition root: sockets, gRPC servers, the HTTP port, signals, and an orderly end."""

import asyncio
import shutil
import signal
import socket
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

import grpc
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection

from components.eventgrid_pubsub.errors import ComponentError
from components.eventgrid_pubsub.front import Front
from components.eventgrid_pubsub.instances import Instances
from components.eventgrid_pubsub.proto import eventgrid_pubsub_contract_pb2 as pb
from components.eventgrid_pubsub.proto import eventgrid_pubsub_contract_pb2_grpc as stubs
from components.eventgrid_pubsub.server import PubSub
from components.eventgrid_pubsub.status import StatusServer
from components.eventgrid_pubsub.telemetry import Metrics
from components.eventgrid_pubsub.tracing import Tracing, configured

SOCKET_NAME = "azure.eventgrid.sock"
SERVICE = pb.DESCRIPTOR.services_by_name["PubSub"].full_name
MAX_MESSAGE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Settings:
    """The process's own settings; a component's are its metadata. Durations in seconds."""

    folders: tuple[Path, ...]
    http_host: str = "127.0.0.1"
    http_port: int = 10030
    grace_s: float = 3.0
    socket_mode: int = 0o600


@dataclass(frozen=True, slots=True)
class _Socket:
    """Everything behind one sockets folder."""

    path: Path
    folder: Path
    front: Front
    server: grpc.aio.Server
    health: HealthServicer
    instances: Instances


class SocketInUse(ComponentError):
    """Another process answers on the socket."""


class PortInUse(ComponentError):
    """Another process listens on the HTTP port."""


class Component:
    """The running component: one gRPC server a sockets folder, one HTTP port."""

    def __init__(
        self, settings: Settings, metrics: Metrics | None = None, tracing: Tracing | None = None
    ) -> None:
        self._settings = settings
        self.metrics = metrics or Metrics()
        self._tracing = tracing or Tracing()
        self._sockets: list[_Socket] = []
        self._status = StatusServer(self.metrics, self.status)
        self._log = structlog.get_logger("component")

    async def start(self) -> None:
        """Listen. Raises SocketInUse and PortInUse."""
        for folder in self._settings.folders:
            await self._listen(folder / SOCKET_NAME)
        if self._settings.http_port:
            try:
                await self._status.start(self._settings.http_host, self._settings.http_port)
            except OSError as error:
                await self.stop(0)
                raise PortInUse(
                    f"port {self._settings.http_port} cannot be used: {error.strerror}"
                ) from error

    async def _listen(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        _clear_stale(path)
        instances = Instances(self.metrics, self._tracing)
        health = HealthServicer()
        server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
                ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
            ]
        )
        stubs.add_PubSubServicer_to_server(PubSub(instances), server)
        health_pb2_grpc.add_HealthServicer_to_server(health, server)
        reflection.enable_server_reflection((SERVICE, reflection.SERVICE_NAME), server)
        folder = Path(tempfile.mkdtemp(prefix="eventgrid-"))
        server.add_insecure_port(f"unix:{folder / 'grpc'}")
        await server.start()
        for name in ("", SERVICE):
            await health.set(name, health_pb2.HealthCheckResponse.SERVING)
        front = Front(path, folder / "grpc", folder, instances.disconnected)
        await front.start(self._settings.socket_mode)
        self._sockets.append(_Socket(path, folder, front, server, health, instances))
        self._log.info("listening", socket=str(path))

    def status(self) -> dict[str, object]:
        """For /healthz."""
        return {
            "status": "ok",
            "sockets": [str(socket.path) for socket in self._sockets],
            "instances": [status for socket in self._sockets for status in socket.instances.status()],
        }

    async def stop(self, grace_s: float | None = None) -> None:
        """Stop receiving, wait up to ``grace_s`` for handlers, settle, give back the rest, close."""
        grace = self._settings.grace_s if grace_s is None else grace_s
        for one in self._sockets:
            one.path.unlink(missing_ok=True)
            await one.health.enter_graceful_shutdown()
        await asyncio.gather(*(one.instances.close(grace) for one in self._sockets))
        for one in self._sockets:
            await one.server.stop(0)
            await one.front.stop()
            shutil.rmtree(one.folder, ignore_errors=True)
        self._sockets.clear()
        await self._status.stop()
        self._log.info("stopped")


def _clear_stale(path: Path) -> None:
    """Remove a socket nobody listens on. Raises SocketInUse where somebody does, or where it is no socket."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise SocketInUse(f"{path} is in the way: it is not a socket")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except OSError as error:
            raise SocketInUse(f"{path} cannot be used: {error}") from error
    raise SocketInUse(f"{path} is in use: another component answers there")


async def serve(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT."""
    tracing, end_tracing = configured()
    component = Component(settings, tracing=tracing)
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    await component.start()
    await asked.wait()
    await component.stop()
    await asyncio.to_thread(end_tracing)
