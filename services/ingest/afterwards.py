"""The routes of pictures that are there already: parse, call, respond."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.contracts.identity import IMAGE_ID
from services.contracts.records import Review, Status, Timestamp
from services.ingest.again import Reclassifications
from services.ingest.api import caller
from services.ingest.body import BodyLimits, read_document
from services.ingest.deleting import Deletions
from services.ingest.limits import RateLimit
from services.ingest.reviewing import Reviews
from services.platform.auth import Principal, Role, requires
from services.platform.problem import problem_responses

MAX_LABELS: Final = 32

Id = Annotated[str, Path(pattern=f"^{IMAGE_ID.pattern}$")]
Label = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64, pattern=r"^[^\p{Cc}]+$")
]
Note = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=2000, pattern=r"^([^\p{Cc}]|[\t\r\n])*$")
]


class ReviewGiven(BaseModel):
    """What a person says of a picture. No label at all is a word too: none fits."""

    model_config = ConfigDict(extra="forbid")

    labels: Annotated[list[Label], Field(max_length=MAX_LABELS)]
    note: Note | None = None


class ReviewKept(BaseModel):
    id: str
    review: Review


class ClassificationAsked(BaseModel):
    """``request``: its id, which the record's history has when it was answered. ``status``: as it is meanwhile."""

    id: str
    status: Status
    request: str
    requested_at: Timestamp
    requested_by: str


def routes(
    reclassifications: Reclassifications,
    reviews: Reviews,
    deletions: Deletions,
    *,
    body_limits: BodyLimits,
    rate_limit: RateLimit,
    query_public_url: str,
) -> APIRouter:
    """The routes below ``/v1/images/{id}``."""
    router = APIRouter(prefix="/v1/images/{image_id}", tags=["images"])

    @router.post(
        "/classification",
        status_code=202,
        summary="Classify a picture again",
        responses={
            202: {
                "description": "It is classified again from here on.",
                "headers": {"Location": {"description": "The record.", "schema": {"type": "string"}}},
            },
            **problem_responses(400, 401, 403, 404, 409, 429, 503),
        },
    )
    async def classify_again(
        request: Request,
        response: Response,
        image_id: Id,
        principal: Annotated[Principal, Depends(requires(Role.WRITER))],
    ) -> ClassificationAsked:
        """For a newer model, or after a failure. While one such request waits, another joins it."""
        rate_limit.take(caller(request, principal))
        record, asked = await reclassifications.ask(image_id, by=principal.name)
        response.headers["Location"] = f"{query_public_url}/v1/images/{image_id}"
        return ClassificationAsked(
            id=image_id,
            status=record.status,
            request=asked.id,
            requested_at=asked.at,
            requested_by=asked.by,
        )

    @router.put(
        "/review",
        summary="Say what is in a picture",
        responses=problem_responses(400, 401, 403, 404, 408, 413, 503),
        openapi_extra=_json_body(ReviewGiven),
    )
    async def review(
        request: Request,
        image_id: Id,
        principal: Annotated[Principal, Depends(requires(Role.WRITER))],
    ) -> ReviewKept:
        """A person's labels stand beside the machine's. Earlier reviews are kept in the record's history."""
        given = await read_document(request, ReviewGiven, body_limits)
        kept = await reviews.put(image_id, given.labels, given.note, by=principal.name)
        return ReviewKept(id=image_id, review=kept)

    @router.delete(
        "",
        status_code=204,
        summary="Delete a picture",
        responses=problem_responses(400, 401, 403, 503),
    )
    async def delete(image_id: Id, principal: Annotated[Principal, Depends(requires(Role.ADMIN))]) -> None:
        """The picture, its record and its place in the search go. Repeating it is no error."""
        await deletions.delete(image_id, by=principal.name)

    return router


def _json_body(kind: type[BaseModel]) -> dict[str, Any]:
    """What OpenAPI is told of a body that the route reads by itself."""
    content = {"application/json": {"schema": kind.model_json_schema()}}
    return {"requestBody": {"required": True, "content": content}}
