"""``/healthz`` (the process is up), ``/readyz`` (what it needs answers) and ``/metrics``."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

Check = Callable[[], Awaitable[None]]
"""Returns when what it checks answers; raises, with a text that says why, when not."""

CHECK_TIMEOUT_S: Final = 3.0


class Degraded(Exception):
    """What is checked does its work, yet a person should look: named among the ``warnings`` of a ready service."""


def install_health(app: FastAPI, checks: Mapping[str, Check], registry: CollectorRegistry) -> None:
    """Add the three routes. ``checks``: name of a thing that is needed → how to ask it."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/readyz", responses={503: {"description": "Names what is missing."}})
    async def readyz() -> Response:
        answers = await asyncio.gather(*(_ask(check) for check in checks.values()))
        wrong = {name: why for name, why in zip(checks, answers, strict=True) if why}
        warnings = {name: str(why) for name, why in wrong.items() if isinstance(why, Degraded)}
        missing = {name: str(why) for name, why in wrong.items() if name not in warnings}
        body: dict[str, Any] = {"status": "not ready" if missing else "ready", "missing": missing}
        if warnings:
            body["warnings"] = warnings
        return JSONResponse(body, 503 if missing else 200, {"Retry-After": "2"} if missing else None)

    @router.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    app.include_router(router)


async def _ask(check: Check) -> str | Degraded | None:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            await check()
    except TimeoutError:
        return f"no answer within {CHECK_TIMEOUT_S:g} s"
    except Degraded as degraded:
        return degraded
    except Exception as error:  # noqa: BLE001 - whatever a check raises is its answer
        return str(error) or type(error).__name__
    return None
