"""Routes of the pictures themselves."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Response
from fastapi import Query as Param
from fastapi.responses import RedirectResponse

from services.contracts.records import ImageRecord
from services.platform.auth import Role, requires
from services.platform.errors import NotFound
from services.query.conditional import entity_tag, not_modified
from services.query.handlers import find_record, read_content
from services.query.ports import Blobs, Records, Thumbnails

_IMMUTABLE = "private, max-age=86400"


def routes(
    records: Records,
    blobs: Blobs,
    thumbnails: Thumbnails,
    *,
    content_mode: Literal["link", "bytes"],
    link_ttl_s: int,
) -> APIRouter:
    router = APIRouter(
        prefix="/v1/images/{image_id}", tags=["pictures"], dependencies=[Depends(requires(Role.READER))]
    )

    @router.get("/content", response_class=Response, responses={200: {}, 304: {}, 307: {}, 404: {}})
    async def get_content(
        image_id: str,
        original: Annotated[
            bool, Param(description="The file that was sent, also where the picture is a JPEG made of it.")
        ] = False,
        if_none_match: Annotated[str | None, Header()] = None,
    ) -> Response:
        """The picture: a redirect to a link that soon ends, or the bytes."""
        record, _ = await find_record(image_id, records)
        file = (record.image.original if original else None) or record.image
        if content_mode == "link":
            link = await blobs.presign(file.blob, link_ttl_s)
            return RedirectResponse(
                link, 307, headers={"Cache-Control": f"private, max-age={link_ttl_s // 2}"}
            )
        headers = {"ETag": entity_tag(file.sha256), "Cache-Control": _IMMUTABLE}
        if not_modified(if_none_match, headers["ETag"]):
            return Response(status_code=304, headers=headers)
        content = await read_content(record, file.blob, blobs)
        headers |= {
            # What was uploaded is shown, never run.
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Content-Disposition": f'inline; filename="{file.blob.rpartition("/")[2]}"',
        }
        return Response(content, headers=headers, media_type=file.content_type)

    @router.get("/thumbnail", response_class=Response, responses={200: {}, 304: {}, 404: {}, 422: {}})
    async def get_thumbnail(image_id: str, if_none_match: Annotated[str | None, Header()] = None) -> Response:
        """A small WebP, upright."""
        record, _ = await find_record(image_id, records)
        headers = {"ETag": _thumbnail_tag(record), "Cache-Control": _IMMUTABLE}
        if not_modified(if_none_match, headers["ETag"]):
            return Response(status_code=304, headers=headers)
        content = await thumbnails.get(record)
        if content is None:
            raise NotFound(f"The bytes of image {record.id} are not there.")
        return Response(
            content, headers=headers | {"X-Content-Type-Options": "nosniff"}, media_type="image/webp"
        )

    return router


def _thumbnail_tag(record: ImageRecord) -> str:
    return entity_tag(f"t-{record.image.etag or record.image.sha256[:16]}")
