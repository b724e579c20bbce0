"""Start a service's app under uvicorn, with its logs in our shape."""

import contextlib
import signal
import socket
import sys

import uvicorn
from fastapi import FastAPI

from services.platform.logging import configure_logging
from services.platform.settings import ServiceSettings

GRACE_S = 20
"""How long requests in flight may take after SIGTERM."""

STARTUP_FAILED = 3


class Server(uvicorn.Server):
    """Calls ``app.state.before_shutdown`` before it waits for requests in flight.

    Streams that never end by themselves are told to end there; the lifespan's own end comes after the waiting.
    """

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        app = self.config.app
        for end in app.state.before_shutdown if isinstance(app, FastAPI) else ():
            end()
        await super().shutdown(sockets)


def serve(name: str, app: FastAPI, settings: ServiceSettings) -> None:
    """Run until SIGTERM or SIGINT; then let requests in flight finish."""
    configure_logging(name, settings)
    # When it has ended well, uvicorn raises the signal again: without a handler that looks like a kill.
    signal.signal(signal.SIGTERM, _end)
    server = Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=GRACE_S,
            server_header=False,
        )
    )
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(STARTUP_FAILED)


def _end(*_: object) -> None:
    sys.exit(0)
