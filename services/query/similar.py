"""The route of pictures that look alike: parse → call → respond."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi import Query as Param
from pydantic import BaseModel, Field

from services.contracts.records import ImageRecord
from services.platform.auth import Role, requires
from services.query.handlers import find_record
from services.query.likeness import MAX_DISTANCE, likeness_of
from services.query.ports import Records, SearchIndex


class AlikeImage(BaseModel):
    distance: int = Field(
        description="Bits of 64 in which the perceptual hashes differ; 0 for the same bytes."
    )
    record: ImageRecord


class AlikeImages(BaseModel):
    """The nearest first, of equally near ones the newest."""

    items: list[AlikeImage]


def routes(records: Records, index: SearchIndex) -> APIRouter:
    router = APIRouter(prefix="/v1/images/{image_id}", tags=["images"])

    @router.get(
        "/similar",
        response_model=AlikeImages,
        responses={404: {}},
        dependencies=[Depends(requires(Role.READER))],
    )
    async def similar_images(
        image_id: str,
        max_distance: Annotated[int, Param(ge=0, le=MAX_DISTANCE)] = MAX_DISTANCE,
        limit: Annotated[int, Param(ge=1, le=100)] = 24,
    ) -> Response:
        """The same or nearly the same picture, in this claim and in others."""
        record, _ = await find_record(image_id, records)
        found = await index.similar(likeness_of(record), max_distance, limit)
        items = ",".join(f'{{"distance":{each.distance},"record":{each.record}}}' for each in found)
        return Response(
            f'{{"items":[{items}]}}'.encode(),
            headers={"Cache-Control": "no-cache"},
            media_type="application/json",
        )

    return router
