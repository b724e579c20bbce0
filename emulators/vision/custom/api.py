"""Routes of Custom Vision prediction."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from emulators.vision.custom.predictions import Prediction, Predictor
from emulators.vision.custom.projects import Classification, Detection, Projects
from emulators.vision.custom.wire import (
    FORMATS,
    MAX_PREDICTION_BYTES,
    PredictionError,
    Target,
    parse_path,
    predictions_body,
    refusal,
)
from emulators.vision.engine.analyzer import Engine
from emulators.vision.engine.pictures import format_of
from emulators.vision.errors import InvalidImageBytes, InvalidImageFormat, NotFound, VisionError
from emulators.vision.gateway import Gateway, Visit
from emulators.vision.wire.answers import answer
from emulators.vision.wire.answers import refusal as plain_refusal

KEY_HEADER = "Prediction-Key"
_OWN_PATH = "/customvision/"


def prediction_routes(gateway: Gateway, projects: Projects) -> APIRouter:
    """``POST /customvision/v3.x/prediction/…``. Takes every POST that no other route took: the service's paths are
    not case-sensitive."""
    routes = APIRouter()
    predictor = Predictor()

    async def work(visit: Visit) -> Response:
        target = parse_path(visit.request.url.path)
        visit.call.features = [target.name]
        how = _published(projects, target)
        data = await _picture(visit, target)

        def predict(engine: Engine) -> list[Prediction]:
            if isinstance(how, Detection):
                return predictor.detect(engine, data, how)
            return predictor.classify(engine, data, how)

        return answer(predictions_body(target, await visit.run(predict)))

    @routes.post("/{path:path}")
    async def predict(request: Request) -> Response:
        path = request.url.path.lower()
        if not path.startswith(_OWN_PATH):
            return plain_refusal(NotFound("Resource not found"))
        operation = "detect" if "/detect/" in path else "classify"
        return await gateway.admit(request, operation, KEY_HEADER, work, refusal)

    return routes


def _published(projects: Projects, target: Target) -> Classification | Detection:
    if not projects.has(target.project):
        raise PredictionError(404, "NotFoundProject", "The project is not found.")
    published = projects.find(target.project, target.name)
    if published is None:
        raise PredictionError(
            400, "BadRequestInvalidPublishName", f"No iteration is published as {target.name}."
        )
    how = published.classify if target.task == "classify" else published.detect
    if how is None:
        raise PredictionError(400, "BadRequestNotSupported", "Invalid project type for operation.")
    return how


async def _picture(visit: Visit, target: Target) -> bytes:
    """The picture, from where the path says it is. Raises VisionError."""
    body = await visit.body()
    if bool(body.url) != (target.source == "url"):
        expected = "a JSON body with a url" if target.source == "url" else "the bytes of an image"
        code = "BadRequestImageUrl" if target.source == "url" else "BadRequestImageStream"
        raise PredictionError(400, code, f"This path expects {expected}.")
    data = await visit.picture()
    problem: VisionError | None = None
    if len(data) > MAX_PREDICTION_BYTES:
        problem = InvalidImageBytes()
        problem.message = f"The image is larger than {MAX_PREDICTION_BYTES} bytes."
    elif format_of(data) not in FORMATS:
        problem = InvalidImageFormat()
    if problem is not None:
        raise problem
    return data
