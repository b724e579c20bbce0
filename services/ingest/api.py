"""The route of uploads: parse, call, respond."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from services.contracts.identity import CLAIM_ID
from services.contracts.records import Status
from services.ingest.body import BodyLimits, read_upload, refuse_declared_length
from services.ingest.handlers import Accepted, Uploads
from services.ingest.limits import RateLimit, Slots
from services.ingest.metrics import UploadMetrics
from services.platform.auth import ANYBODY, Principal, Role, requires
from services.platform.problem import problem_responses

BINARY: Final = {"type": "string", "format": "binary"}
REQUEST_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "A picture of at most 20 MB: JPEG, PNG, GIF, BMP, WEBP, ICO, TIFF, MPO or HEIC, told by its "
        "content. Its name and declared type are not looked at.",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "additionalProperties": False,
                    "properties": {
                        "file": BINARY,
                        "claim_id": {"type": "string", "pattern": f"^{CLAIM_ID.pattern}$"},
                        "metadata": {
                            "type": "string",
                            "contentMediaType": "application/json",
                            "description": "A JSON object of at most 16 string pairs.",
                            "examples": ['{"uploaded_by": "Ada"}'],
                        },
                    },
                }
            },
            "image/*": {"schema": BINARY},
        },
    }
}


class UploadAccepted(BaseModel):
    """``status`` is ``received``, or what the picture has become if it was ``already_known``.

    ``sha256``, ``content_type`` and ``size`` are those of what was sent.
    """

    id: str
    claim_id: str | None
    status: Status
    sha256: str
    content_type: str
    size: int
    width: int
    height: int
    already_known: bool

    @classmethod
    def of(cls, accepted: Accepted) -> "UploadAccepted":
        record, image = accepted.record, accepted.record.image
        sent = image.original or image
        return cls(
            id=record.id,
            claim_id=record.claim_id,
            status=record.status,
            sha256=sent.sha256,
            content_type=sent.content_type,
            size=sent.size,
            width=image.width,
            height=image.height,
            already_known=accepted.already_known,
        )


def routes(
    uploads: Uploads,
    *,
    body_limits: BodyLimits,
    rate_limit: RateLimit,
    slots: Slots,
    metrics: UploadMetrics,
    query_public_url: str,
) -> APIRouter:
    """``POST /v1/images``."""
    router = APIRouter(prefix="/v1/images", tags=["images"])

    @router.post(
        "",
        status_code=202,
        summary="Upload a picture",
        responses={
            202: {
                "description": "Stored; it is classified from here on.",
                "headers": {"Location": {"description": "The record.", "schema": {"type": "string"}}},
            },
            **problem_responses(400, 401, 403, 408, 413, 415, 422, 429, 503),
        },
        openapi_extra=REQUEST_BODY,
    )
    async def upload(
        request: Request,
        response: Response,
        principal: Annotated[Principal, Depends(requires(Role.WRITER))],
        claim_id: Annotated[  # noqa: ARG001 - documented here, read with the body
            str | None, Query(description="The claim of a picture sent as the body itself.")
        ] = None,
    ) -> UploadAccepted:
        """The same bytes for the same claim give the same id, and are classified once."""
        with metrics.refusals():
            rate_limit.take(caller(request, principal))
            refuse_declared_length(request, body_limits)
            async with slots.taken():
                accepted = await uploads.accept(await read_upload(request, body_limits))
        metrics.accepted(already_known=accepted.already_known, size=accepted.record.image.size)
        response.headers["Location"] = f"{query_public_url}/v1/images/{accepted.record.id}"
        return UploadAccepted.of(accepted)

    return router


def caller(request: Request, principal: Principal) -> str:
    """Whom to count a request for: the key's name, or the address where there are no keys."""
    if principal is not ANYBODY:
        return f"key {principal.name}"
    return request.client.host if request.client else "unknown"
