"""Health, metrics, and the surface for tests under ``/_emulator``: none of it the vendor's."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from emulators.vision.calls import CallLog
from emulators.vision.faults import Fault, Faults
from emulators.vision.metrics import Metrics
from emulators.vision.workers import Workers


def admin_routes(calls: CallLog, faults: Faults, metrics: Metrics, workers: Workers) -> APIRouter:
    routes = APIRouter()

    @routes.get("/healthz")
    async def health() -> dict[str, Any]:
        """The process is up; ``ready`` tells whether its models are."""
        return {
            "status": "ok",
            "ready": workers.ready,
            "model_version": workers.model_version,
            "failure": workers.failure,
        }

    @routes.get("/readyz")
    async def ready() -> Response:
        if workers.ready:
            return JSONResponse({"status": "ready", "model_version": workers.model_version})
        return JSONResponse(
            {"status": "not ready", "missing": [workers.failure or "models are loading"]}, 503
        )

    @routes.get("/metrics")
    async def text() -> Response:
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    @routes.get("/_emulator/calls")
    async def list_calls() -> dict[str, Any]:
        return calls.as_json()

    @routes.delete("/_emulator/calls", status_code=204)
    async def forget_calls() -> None:
        calls.clear()

    @routes.get("/_emulator/faults")
    async def list_faults() -> list[dict[str, object]]:
        return faults.as_json()

    @routes.post("/_emulator/faults", status_code=201)
    async def order_fault(fault: Fault) -> list[dict[str, object]]:
        faults.order(fault)
        return faults.as_json()

    @routes.delete("/_emulator/faults", status_code=204)
    async def clear_faults() -> None:
        faults.clear()

    return routes
