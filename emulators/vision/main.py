"""Composition root: the only place that builds the emulator's parts."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from emulators.vision.admin import admin_routes
from emulators.vision.api import analyze_routes
from emulators.vision.calls import CallLog
from emulators.vision.engine.analyzer import Engine
from emulators.vision.errors import NotFound
from emulators.vision.faults import Faults
from emulators.vision.fetching import Fetcher
from emulators.vision.gateway import Gateway
from emulators.vision.limits import RateLimit
from emulators.vision.metrics import Metrics
from emulators.vision.settings import Settings
from emulators.vision.wire.answers import answer, refusal
from emulators.vision.workers import Workers


def create_app(settings: Settings, make_engine: Callable[[], Engine] | None = None) -> FastAPI:
    """The emulator as an ASGI app; its models load in the background once it has started."""
    calls, faults = CallLog(), Faults()
    metrics = Metrics(calls)
    fetcher = Fetcher(settings.fetch_timeout_s)
    workers = Workers(make_engine or Engine, settings.workers, settings.timeout_s)
    gateway = Gateway(
        key=settings.key,
        limit=RateLimit(settings.rate_limit_per_s),
        workers=workers,
        fetcher=fetcher,
        calls=calls,
        faults=faults,
        metrics=metrics,
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.workers = workers
        workers.start()
        yield
        faults.clear()
        workers.stop()
        await fetcher.aclose()

    app = FastAPI(title="claimlens vision emulator", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.include_router(admin_routes(calls, faults, metrics, workers))
    app.include_router(analyze_routes(gateway, captions=settings.captions))

    @app.exception_handler(HTTPException)
    async def unknown(_: Request, error: HTTPException) -> Response:
        if error.status_code == NotFound.status:
            return refusal(NotFound("Resource not found"))
        code = str(error.status_code)
        return answer({"error": {"code": code, "message": error.detail}}, error.status_code)

    return app
