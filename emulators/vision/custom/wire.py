"""Custom Vision's paths, answers and errors.

PredictionError                  a refusal with one of the service's own codes
"""

import re
import uuid
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from starlette.responses import JSONResponse

from emulators.vision.custom.predictions import Prediction
from emulators.vision.errors import (
    AccessDenied,
    AnalysisTimeout,
    InvalidImageBytes,
    InvalidImageFormat,
    InvalidImageSize,
    InvalidImageUrl,
    InvalidRequest,
    NotFound,
    TooManyRequests,
    VisionError,
)
from emulators.vision.wire.answers import answer

MAX_PREDICTION_BYTES = 4 * 1024 * 1024
FORMATS = frozenset({"JPEG", "PNG", "BMP", "GIF"})
_PATH = re.compile(
    r"/customvision/v3\.[01]/prediction/(?P<project>[^/]+)/(?P<task>classify|detect)"
    r"/iterations/(?P<name>[^/]+)/(?P<source>image|url)(?P<nostore>/nostore)?/?",
    re.IGNORECASE,
)
_CODES: tuple[tuple[type[VisionError], str], ...] = (
    (InvalidImageFormat, "BadRequestImageFormat"),
    (InvalidImageSize, "BadRequestImageDimensions"),
    (InvalidImageBytes, "BadRequestImageSizeBytes"),
    (InvalidImageUrl, "BadRequestImageUrl"),
    (InvalidRequest, "BadRequestImageStream"),
    (AccessDenied, "401"),
    (NotFound, "NotFound"),
    (TooManyRequests, "429"),
    (AnalysisTimeout, "ErrorPredictionServiceUnavailable"),
)


class PredictionError(VisionError):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class Target:
    """What a path asks for; ``source`` is where the picture is."""

    project: str
    task: Literal["classify", "detect"]
    name: str
    source: Literal["image", "url"]


def parse_path(path: str) -> Target:
    """Raises NotFound (no such route), PredictionError (a project id that is none)."""
    found = _PATH.fullmatch(path)
    if found is None:
        raise NotFound("Resource not found")
    try:
        project = str(uuid.UUID(found["project"]))
    except ValueError as error:
        raise PredictionError(400, "BadRequestInvalidIds", "The project id is not a GUID.") from error
    task: Literal["classify", "detect"] = "detect" if found["task"].lower() == "detect" else "classify"
    source: Literal["image", "url"] = "url" if found["source"].lower() == "url" else "image"
    return Target(project, task, found["name"], source)


def predictions_body(target: Target, predictions: list[Prediction]) -> dict[str, Any]:
    """The answer; ids of iterations and tags are derived from their names, so that they stay the same."""
    project = uuid.UUID(target.project)
    return {
        "id": str(uuid.uuid4()),
        "project": target.project,
        "iteration": str(uuid.uuid5(project, f"iteration {target.name}")),
        "created": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "predictions": [
            {
                "probability": prediction.probability,
                "tagId": str(uuid.uuid5(project, f"tag {prediction.tag}")),
                "tagName": prediction.tag,
                **({"boundingBox": asdict(prediction.box)} if prediction.box else {}),
                "tagType": prediction.kind,
            }
            for prediction in predictions
        ],
    }


def refusal(error: VisionError) -> JSONResponse:
    """The flat body of Custom Vision."""
    code = error.code if isinstance(error, PredictionError) else _code(error)
    return answer({"code": code, "message": error.message}, error.status, error.headers)


def _code(error: VisionError) -> str:
    return next((code for kind, code in _CODES if isinstance(error, kind)), "ErrorPrediction")
