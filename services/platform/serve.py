"""Start a service's app under uvicorn, with its logs in our shape."""

import uvicorn
from fastapi import FastAPI

from services.platform.logging import configure_logging
from services.platform.settings import ServiceSettings

GRACE_S = 20
"""How long requests in flight may take after SIGTERM."""


def serve(name: str, app: FastAPI, settings: ServiceSettings) -> None:
    """Run until SIGTERM or SIGINT; then let requests in flight finish."""
    configure_logging(name, settings)
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=GRACE_S,
        server_header=False,
    )
