"""Routes of the records and of searching: parse → call → respond."""

import json
import time
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Response
from fastapi import Query as Param
from pydantic import BaseModel, Field

from services.contracts.records import ImageRecord, Status
from services.platform.auth import Role, requires
from services.platform.errors import BadRequest
from services.query.conditional import entity_tag, not_modified
from services.query.domain import (
    MAX_CURSOR,
    InvalidQuery,
    Page,
    Query,
    Sort,
    decode_cursor,
    encode_cursor,
    parse_moment,
)
from services.query.handlers import Rebuilder, find_record
from services.query.metrics import QueryMetrics
from services.query.ports import Records, SearchIndex

Text = Annotated[str | None, Param(max_length=256)]
Name = Annotated[str, Field(min_length=1, max_length=128)]


class FacetCounts(BaseModel):
    """Name → number of pictures that the query finds, most frequent first, at most 50 of each."""

    tag: dict[str, int]
    label: dict[str, int]
    status: dict[str, int]


class SearchResult(BaseModel):
    items: list[ImageRecord]
    next_cursor: str | None = Field(description="For `cursor`, to get the following page; null at the end.")
    total: int = Field(description="All that the query finds, on all pages.")
    facets: FacetCounts


class IndexState(BaseModel):
    images: int
    complete: bool = Field(description="False until a new index holds what was there before it.")
    rebuilding: bool
    seen: int = Field(description="Pictures that the rebuild under way, or the last one, looked at.")
    error: str | None = Field(description="Why the last rebuild did not end.")


def search_query(
    q: Annotated[Text, Param(description="Words; all must be there. The last may be a beginning.")] = None,
    tag: Annotated[list[Name], Param(max_length=16, description="Repeatable; all must match.")] = [],  # noqa: B006
    label: Annotated[list[Name], Param(max_length=16, description="Repeatable; all must match.")] = [],  # noqa: B006
    claim_id: Annotated[str | None, Param(max_length=64)] = None,
    status: Status | None = None,
    needs_review: Annotated[
        bool | None, Param(description="A label asks for a person, and none has reviewed the picture yet.")
    ] = None,
    min_confidence: Annotated[
        float | None,
        Param(
            ge=0,
            le=1,
            description="Of the tags and labels asked for; else of the picture's surest label or tag.",
        ),
    ] = None,
    from_: Annotated[
        str | None,
        Param(alias="from", max_length=40, description="Received then or later; a date or a time."),
    ] = None,
    to: Annotated[
        str | None, Param(max_length=40, description="Received before a time, or until the end of a date.")
    ] = None,
    sort: Sort = Sort.NEWEST,
) -> Query:
    """Raises BadRequest."""
    try:
        return Query(
            text=q.strip() or None if q else None,
            tags=tuple(dict.fromkeys(name.strip().casefold() for name in tag)),
            labels=tuple(dict.fromkeys(name.strip().casefold() for name in label)),
            claim_id=claim_id or None,
            status=status,
            needs_review=needs_review,
            min_confidence=min_confidence,
            received_from=parse_moment("from", from_) if from_ else None,
            received_before=parse_moment("to", to, end=True) if to else None,
            sort=sort,
        )
    except InvalidQuery as error:
        raise BadRequest(str(error)) from error


def routes(records: Records, index: SearchIndex, metrics: QueryMetrics) -> APIRouter:
    """Reading, for the role reader."""
    router = APIRouter(prefix="/v1", tags=["images"], dependencies=[Depends(requires(Role.READER))])

    @router.get("/images/{image_id}", response_model=ImageRecord, responses={304: {}, 404: {}})
    async def get_image(image_id: str, if_none_match: Annotated[str | None, Header()] = None) -> Response:
        record, etag = await find_record(image_id, records)
        headers = {"ETag": entity_tag(etag), "Cache-Control": "no-cache"}
        if not_modified(if_none_match, headers["ETag"]):
            return Response(status_code=304, headers=headers)
        return _json(record.model_dump_json(exclude_none=True), headers)

    @router.get("/images", response_model=SearchResult, responses={400: {}})
    async def search_images(
        query: Annotated[Query, Depends(search_query)],
        limit: Annotated[int, Param(ge=1, le=100)] = 24,
        cursor: Annotated[str | None, Param(max_length=MAX_CURSOR)] = None,
    ) -> Response:
        try:
            after = decode_cursor(query, cursor) if cursor else None
        except InvalidQuery as error:
            raise BadRequest(str(error), code="bad-cursor") from error
        started = time.perf_counter()
        page = await index.search(query, limit, after)
        metrics.search_seconds.observe(time.perf_counter() - started)
        return _json(_result(query, page), {"Cache-Control": "no-cache"})

    @router.get("/tags")
    async def list_tags(limit: Annotated[int, Param(ge=1, le=1000)] = 100) -> dict[str, int]:
        """The most frequent tags → number of pictures."""
        return dict(await index.tags(limit))

    return router


def index_routes(index: SearchIndex, rebuilder: Rebuilder, start_rebuild: Callable[[], None]) -> APIRouter:
    """The index itself: its state, and building it anew from blobs and records."""
    router = APIRouter(prefix="/v1/index", tags=["index"])

    @router.get("", dependencies=[Depends(requires(Role.READER))])
    async def index_state() -> IndexState:
        progress = rebuilder.progress
        return IndexState(
            images=await index.count(),
            complete=await index.complete(),
            rebuilding=progress.running,
            seen=progress.seen,
            error=progress.error,
        )

    @router.post("/rebuild", status_code=202, dependencies=[Depends(requires(Role.ADMIN))])
    async def rebuild_index() -> dict[Literal["status"], str]:
        """Starts a rebuild unless one is under way; `GET /v1/index` tells how far it is."""
        start_rebuild()
        return {"status": "rebuilding"}

    return router


def _result(query: Query, page: Page) -> str:
    # The records are JSON already: they are put in as they are, which saves most of the work of an answer.
    rest: dict[str, Any] = {
        "next_cursor": encode_cursor(query, page.next) if page.next else None,
        "total": page.total,
        "facets": {name: dict(getattr(page.facets, name)) for name in ("tag", "label", "status")},
    }
    return f'{{"items":[{",".join(page.records)}],{json.dumps(rest, ensure_ascii=False)[1:]}'


def _json(text: str, headers: dict[str, str]) -> Response:
    return Response(text.encode(), headers=headers, media_type="application/json")
