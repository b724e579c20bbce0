"""Results and refusals as the JSON that the service documents."""

import uuid
from typing import Any

from starlette.responses import JSONResponse

from emulators.vision.engine.types import Analysis, Box, Line, Polygon, Tag
from emulators.vision.errors import VisionError


def analysis_body(found: Analysis) -> dict[str, Any]:
    """The answer to analyze: ``modelVersion`` and ``metadata`` always, the rest as asked for."""
    body: dict[str, Any] = {
        "modelVersion": found.model_version,
        "metadata": {"width": found.width, "height": found.height},
    }
    if found.caption is not None:
        body["captionResult"] = {"text": found.caption.text, "confidence": found.caption.confidence}
    if found.dense_captions is not None:
        body["denseCaptionsResult"] = _values(
            {"text": c.text, "confidence": c.confidence, "boundingBox": _box(c.box)}
            for c in found.dense_captions
        )
    if found.tags is not None:
        body["tagsResult"] = _values(_tag(tag) for tag in found.tags)
    if found.objects is not None:
        body["objectsResult"] = _values(
            {"boundingBox": _box(o.box), "tags": [_tag(Tag(o.name, o.confidence))]} for o in found.objects
        )
    if found.people is not None:
        body["peopleResult"] = _values(
            {"boundingBox": _box(p.box), "confidence": p.confidence} for p in found.people
        )
    if found.lines is not None:
        body["readResult"] = {
            "blocks": [{"lines": [_line(line) for line in found.lines]}] if found.lines else []
        }
    if found.crops is not None:
        body["smartCropsResult"] = _values(
            {"aspectRatio": crop.aspect_ratio, "boundingBox": _box(crop.box)} for crop in found.crops
        )
    return body


def error_body(error: VisionError) -> dict[str, Any]:
    inner = {"code": error.inner_code, "message": error.message} if error.inner_code else None
    outer: dict[str, Any] = {"code": error.code, "message": error.outer_message}
    if inner:
        outer["innererror"] = inner
    return {"error": outer}


def answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(body, status, {"apim-request-id": str(uuid.uuid4()), **(headers or {})})


def refusal(error: VisionError) -> JSONResponse:
    return answer(error_body(error), error.status, {"x-ms-error-code": error.code, **error.headers})


def _values(items: Any) -> dict[str, list[Any]]:
    return {"values": list(items)}


def _tag(tag: Tag) -> dict[str, Any]:
    return {"name": tag.name, "confidence": tag.confidence}


def _box(box: Box) -> dict[str, int]:
    return {"x": box.x, "y": box.y, "w": box.w, "h": box.h}


def _points(polygon: Polygon) -> list[dict[str, int]]:
    return [{"x": x, "y": y} for x, y in polygon]


def _line(line: Line) -> dict[str, Any]:
    return {
        "text": line.text,
        "boundingPolygon": _points(line.polygon),
        "words": [
            {"text": w.text, "boundingPolygon": _points(w.polygon), "confidence": w.confidence}
            for w in line.words
        ],
    }
