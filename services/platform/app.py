"""The FastAPI application that every service starts from."""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from services.platform.auth import ApiKeys
from services.platform.health import Check, install_health
from services.platform.metrics import MetricsMiddleware, RequestMetrics
from services.platform.problem import UnforeseenMiddleware, install_problem_handlers
from services.platform.settings import ServiceSettings
from services.platform.tracing import TraceMiddleware


def base_app(
    name: str,
    description: str,
    settings: ServiceSettings,
    *,
    lifespan: Any = None,
    checks: Mapping[str, Check] | None = None,
    registry: CollectorRegistry | None = None,
) -> FastAPI:
    """An app with tracing, metrics, problem+json, keys, health, readiness; no routes of its own.

    ``lifespan`` is FastAPI's: app → async context manager. ``checks`` may be filled by the lifespan: it is read
    at each ``/readyz``. What is put into ``app.state.before_shutdown`` is called when the process is told to end.
    """
    app = FastAPI(title=f"claimlens {name}", description=description, version="1", lifespan=lifespan)
    registry = registry or CollectorRegistry()
    app.state.api_keys = ApiKeys(settings.api_keys)
    app.state.registry = registry
    before_shutdown: list[Callable[[], None]] = []
    app.state.before_shutdown = before_shutdown
    install_problem_handlers(app)
    install_health(app, checks if checks is not None else {}, registry)
    app.add_middleware(UnforeseenMiddleware)
    app.add_middleware(MetricsMiddleware, metrics=RequestMetrics(registry))
    app.add_middleware(TraceMiddleware)
    return app
