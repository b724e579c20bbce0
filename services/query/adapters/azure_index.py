"""SearchIndex on Azure AI Search, for any number of replicas.

Roles: Search Index Data Contributor; to create the index, Search Service Contributor once, at deployment or here.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, cast

import structlog
from azure.core.credentials import AzureKeyCredential
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.search.documents.aio import SearchClient
from azure.search.documents.indexes.aio import SearchIndexClient
from azure.search.documents.models import IndexingResult

from services.query.adapters import azure_documents as wire
from services.query.domain import FACET_SIZE, Entry, Facets, Page, Position, Query
from services.query.errors import IndexUnavailable
from services.query.likeness import Alike, Likeness, apart
from services.query.locks import KeyedLocks

log = structlog.get_logger()

SCHEMA_VERSION: Final = 3
FORBIDDEN: Final = 403

MOST_CANDIDATES: Final = 1000
"""That one answer of Azure can have; of more pictures that may look alike, the newest are looked at."""


class AzureSearchIndex:
    """One index, named after ``name`` and the schema's version: another schema is another index, built anew.

    Azure has no conditional writes: ``put`` reads the present version and then writes, one at a time for a picture in
    this process. Two replicas that write the same picture within the same instant can leave the older state, until the
    next event or rebuild. What was written is found about a second later.
    """

    def __init__(
        self,
        endpoint: str,
        name: str,
        credential: AzureKeyCredential | AsyncTokenCredential,
        *,
        timeout_s: float,
    ) -> None:
        self._name = f"{name}-v{SCHEMA_VERSION}"
        options: dict[str, Any] = {
            "connection_timeout": timeout_s,
            "read_timeout": timeout_s,
            "retry_total": 2,
        }
        self._indexes = SearchIndexClient(endpoint, credential, **options)
        self._client = SearchClient(endpoint, self._name, credential, **options)
        self._timeout_s = timeout_s
        self._there = False
        self._making = asyncio.Lock()
        self._writing = KeyedLocks()

    async def close(self) -> None:
        await self._client.close()
        await self._indexes.close()

    async def put(self, entry: Entry) -> bool:
        async with self._writing.holding(entry.id):
            there = await self._get(entry.id, ["version", "record"])
            if there and (there["version"] > entry.version or there["record"] == entry.record):
                return False
            async with self._calling():
                _check(await self._client.upload_documents([wire.document(entry)]))
        return True

    async def remove(self, image_id: str) -> bool:
        if await self._get(image_id, ["id"]) is None:
            return False
        async with self._calling():
            _check(await self._client.delete_documents([{"id": image_id}]))
        return True

    async def search(self, query: Query, limit: int, after: Position | None = None) -> Page:
        if query.text is not None and not query.words:
            return Page([], None, 0, Facets({}, {}, {}))
        text = wire.query_text(query.words) if query.words else "*"
        asked = {"tag": "tags", "label": "labels", "status": "status"}
        found, total, facets = await self._search(
            text,
            filter=wire.filter_text(query),
            facets=[f"{field},count:{FACET_SIZE}" for field in asked.values()],
            order_by=wire.order(query),
            select=["id", "record", query.sort.field],
            top=limit + 1 if after is None else 0,
        )
        if after is not None:
            # Total and facets are of the whole query, the documents of what is behind ``after``.
            found, _, _ = await self._search(
                text,
                filter=wire.filter_text(query, after),
                order_by=wire.order(query),
                select=["id", "record", query.sort.field],
                top=limit + 1,
            )
        shown = found[:limit]
        more = Position(shown[-1][query.sort.field], shown[-1]["id"]) if len(found) > limit else None
        counted = {kind: _counts(facets.get(field, [])) for kind, field in asked.items()}
        return Page([document["record"] for document in shown], more, total, Facets(**counted))

    async def similar(self, of: Likeness, max_distance: int, limit: int) -> list[Alike]:
        found, _, _ = await self._search(
            "*",
            filter=wire.alike_filter(of, max_distance),
            order_by=["received_at desc", "id desc"],
            select=["record", "sha256", "phash"],
            top=MOST_CANDIDATES,
        )
        near = [
            Alike(bits, document["record"])
            for document in found
            if (bits := apart(of, document["sha256"], document["phash"])) is not None and bits <= max_distance
        ]
        return sorted(near, key=lambda each: each.distance)[:limit]

    async def tags(self, limit: int) -> Mapping[str, int]:
        _, _, facets = await self._search("*", filter=wire.PICTURES, facets=[f"tags,count:{limit}"], top=0)
        return _counts(facets.get("tags", []))

    async def count(self) -> int:
        _, total, _ = await self._search("*", filter=wire.PICTURES, top=0)
        return total

    async def ids(self, after: str = "", limit: int = 1000) -> list[str]:
        behind = f"{wire.PICTURES} and id gt '{after}'"
        found, _, _ = await self._search("*", filter=behind, order_by=["id asc"], select=["id"], top=limit)
        return [document["id"] for document in found]

    async def complete(self) -> bool:
        return await self._get(wire.MARKER, ["id"]) is not None

    async def mark_complete(self) -> None:
        async with self._calling():
            _check(await self._client.upload_documents([{"id": wire.MARKER}]))

    async def _get(self, key: str, fields: list[str]) -> dict[str, Any] | None:
        async with self._calling():
            try:
                return cast(dict[str, Any], await self._client.get_document(key, selected_fields=fields))
            except ResourceNotFoundError:
                return None

    async def _search(self, text: str, **options: Any) -> tuple[list[dict[str, Any]], int, Mapping[str, Any]]:
        async with self._calling():
            results = await self._client.search(
                text, search_mode="all", query_type="simple", include_total_count=True, **options
            )
            found = [document async for document in results] if options["top"] else []
            return found, int(await results.get_count() or 0), await results.get_facets() or {}

    @asynccontextmanager
    async def _calling(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._timeout_s * 3):
                await self._made()
                yield
        except (AzureError, TimeoutError) as error:
            raise IndexUnavailable(f"Azure AI Search: {str(error) or type(error).__name__}") from error

    async def _made(self) -> None:
        async with self._making:
            if not self._there:
                await self._make()
                self._there = True

    async def _make(self) -> None:
        try:
            await self._indexes.create_or_update_index(wire.index_definition(self._name))
        except HttpResponseError as error:
            if error.status_code != FORBIDDEN:
                raise
            log.info("the search index is taken as it is: no right to create or change it", index=self._name)


def _check(results: list[IndexingResult]) -> None:
    for result in results:
        if not result.succeeded:
            raise IndexUnavailable(f"Azure AI Search did not write {result.key}: {result.error_message}")


def _counts(facet: list[dict[str, Any]]) -> dict[str, int]:
    pairs = [(str(entry["value"]), int(entry["count"])) for entry in facet]
    return dict(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))
