"""Routes of Image Analysis 4.0."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from emulators.vision.gateway import Gateway, Visit
from emulators.vision.wire.answers import analysis_body, answer, refusal
from emulators.vision.wire.query import parse_query

KEY_HEADER = "Ocp-Apim-Subscription-Key"


def analyze_routes(gateway: Gateway, *, captions: bool) -> APIRouter:
    """``POST /computervision/imageanalysis:analyze``; ``captions``: whether the region has them."""
    routes = APIRouter()

    async def work(visit: Visit) -> Response:
        visit.call.features = [f for f in visit.request.query_params.get("features", "").split(",") if f]
        query = parse_query(visit.request.query_params, captions=captions)
        data = await visit.picture()
        found = await visit.run(lambda engine: engine.analyze(data, query.features, query.options))
        return answer(analysis_body(found))

    @routes.post("/computervision/imageanalysis:analyze")
    async def analyze(request: Request) -> Response:
        return await gateway.admit(request, "analyze", KEY_HEADER, work, refusal)

    return routes
