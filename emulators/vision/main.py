"""Composition root: the only place that builds the emulator's parts."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import structlog
from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from emulators.vision.admin import admin_routes
from emulators.vision.api import analyze_routes
from emulators.vision.calls import CallLog
from emulators.vision.custom.api import prediction_routes
from emulators.vision.custom.projects import read_projects
from emulators.vision.engine.analyzer import Engine
from emulators.vision.engine.classifier import OnnxClassifier
from emulators.vision.engine.models import read_spec
from emulators.vision.errors import NotFound
from emulators.vision.faults import Faults
from emulators.vision.fetching import Fetcher
from emulators.vision.gateway import Gateway
from emulators.vision.limits import RateLimit
from emulators.vision.metrics import Metrics
from emulators.vision.settings import DEFAULT_MODEL, NO_MODEL, Settings
from emulators.vision.wire.answers import answer, refusal
from emulators.vision.workers import Workers
from tools.setup_model.location import default_model_home

log = structlog.get_logger(__name__)


def create_app(settings: Settings) -> FastAPI:
    """The emulator as an ASGI app; its models load in the background once it has started.

    Raises ModelError if the classifier named in the settings is not there or badly described, ProjectsError if the
    file of Custom Vision's projects is.
    """
    projects = read_projects(Path(settings.custom_vision)) if settings.custom_vision else read_projects()
    calls, faults = CallLog(), Faults()
    metrics = Metrics(calls)
    fetcher = Fetcher(settings.fetch_timeout_s)
    workers = Workers(_engine_maker(settings.model), settings.workers, settings.timeout_s)
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
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        workers.start()
        yield
        workers.stop()
        await fetcher.aclose()

    app = FastAPI(title="claimlens vision emulator", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.workers, app.state.faults = workers, faults
    app.include_router(admin_routes(calls, faults, metrics, workers))
    app.include_router(analyze_routes(gateway, captions=settings.captions))
    app.include_router(prediction_routes(gateway, projects))

    @app.exception_handler(HTTPException)
    async def unknown(_: Request, error: HTTPException) -> Response:
        if error.status_code == NotFound.status:
            return refusal(NotFound("Resource not found"))
        code = str(error.status_code)
        return answer({"error": {"code": code, "message": error.detail}}, error.status_code)

    return app


def _engine_maker(model: str) -> Callable[[], Engine]:
    """What loads the models; run later, in a thread. ``model`` as in the settings."""
    if model == NO_MODEL:
        return Engine
    path = default_model_home() if model == DEFAULT_MODEL else Path(model)
    if model == DEFAULT_MODEL and not path.exists():
        log.warning(
            "the default classifier is not built yet: tags come from the pixels alone", do="make setup"
        )
        return Engine
    spec = read_spec(path)
    return lambda: Engine(OnnxClassifier(spec))
