"""The process: opens the store and the port, serves until told to stop, and stops within five seconds."""

import asyncio
import contextlib
import errno
import gc
import logging
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from emulators.eventgrid.admin import AdminPlane
from emulators.eventgrid.app import DataPlane
from emulators.eventgrid.auth import Authorizer
from emulators.eventgrid.clock import SystemClock
from emulators.eventgrid.config import NamespaceConfig
from emulators.eventgrid.errors import StartError
from emulators.eventgrid.faults import Faults
from emulators.eventgrid.namespace import Namespace
from emulators.eventgrid.store import Durability, Store

GRACE_S = 3
KEEP_ALIVE_S = 120

logger = logging.getLogger(__name__)


class _Server(uvicorn.Server):
    """Leaves signals to us: uvicorn would end the process by the signal, and wait for long polls."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """Bind, or say who could not. Raises StartError."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(512)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise StartError(
                f"port {port} on {host} is in use; end that program or choose another --port"
            ) from error
        raise StartError(f"can't listen on {host}:{port}: {error}") from error
    return sock


async def serve(config: NamespaceConfig, data: Path, sock: socket.socket, durability: Durability) -> None:
    """Serve on ``sock`` until SIGTERM or SIGINT. Raises StartError when ``data`` can't be used."""
    clock = SystemClock()
    store = Store(data / "eventgrid.sqlite3", durability)
    namespace = Namespace(config, store, clock)
    faults = Faults()
    admin = AdminPlane(namespace, faults, clock)
    app = DataPlane(namespace, Authorizer(config.access_key, clock), faults, admin)
    server = _Server(
        uvicorn.Config(
            app,
            http="httptools",
            lifespan="off",
            log_config=None,
            access_log=False,
            date_header=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=GRACE_S,
        )
    )

    def stop() -> None:
        server.should_exit = True
        namespace.end_polls()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    # Queues are many small long-lived objects: full collections would walk them all again and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    host, port = sock.getsockname()[:2]
    logger.info(
        "Event Grid emulator on http://%s:%d, %d topics, data in %s", host, port, len(config.topics), data
    )
    try:
        await server.serve(sockets=[sock])
    finally:
        await namespace.close()
        store.close()
