"""Composition root: sockets, the HTTP port, signals, and an orderly end."""

import asyncio
import signal
from dataclasses import dataclass
from pathlib import Path

import structlog

from components.eventgrid_pubsub.errors import ComponentError
from components.eventgrid_pubsub.instances import Instances
from components.eventgrid_pubsub.sockets import Socket
from components.eventgrid_pubsub.status import StatusServer
from components.eventgrid_pubsub.telemetry import Metrics
from components.eventgrid_pubsub.tracing import Tracing, configured


@dataclass(frozen=True, slots=True)
class Settings:
    """The process's own settings; a component's are its metadata. Durations in seconds.

    ``exclusive``: one sidecar alone uses each socket.
    """

    folders: tuple[Path, ...]
    http_host: str = "127.0.0.1"
    http_port: int = 10030
    grace_s: float = 3.0
    socket_mode: int = 0o600
    exclusive: bool = False


class PortUnavailable(ComponentError):
    """The HTTP port cannot be had, most often because another process listens on it."""


class Component:
    """The running component: one gRPC server a sockets folder, one HTTP port."""

    def __init__(
        self, settings: Settings, metrics: Metrics | None = None, tracing: Tracing | None = None
    ) -> None:
        self._settings = settings
        self._metrics = metrics or Metrics()
        self._tracing = tracing or Tracing()
        self._sockets: list[Socket] = []
        self._status = StatusServer(self._metrics, self.status)
        self._log = structlog.get_logger("component")

    async def start(self) -> None:
        """Listen. Raises SocketUnavailable and PortUnavailable, and then nothing is left behind."""
        try:
            for folder in self._settings.folders:
                one = Socket(folder, Instances(self._metrics, self._tracing), self._settings.exclusive)
                await one.open(self._settings.socket_mode)
                self._sockets.append(one)
                self._log.info("listening", socket=str(one.path))
            if self._settings.http_port:
                await self._listen_http()
        except ComponentError:
            await self.stop(0)
            raise

    async def _listen_http(self) -> None:
        host, port = self._settings.http_host, self._settings.http_port
        try:
            await self._status.start(host, port)
        except OSError as error:
            raise PortUnavailable(f"port {port} cannot be used: {error.strerror}") from error

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
        for socket in self._sockets:
            await socket.retire()
        await asyncio.gather(*(socket.instances.close(grace) for socket in self._sockets))
        for socket in self._sockets:
            await socket.close()
        self._sockets.clear()
        await self._status.stop()
        self._log.info("stopped")


async def serve(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT. Raises what Component.start raises."""
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
