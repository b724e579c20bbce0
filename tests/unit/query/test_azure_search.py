"""What the contract does not show of Azure AI Search: its faults, its rights, its wire."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from azure.core.credentials import AzureKeyCredential

from services.query.adapters.azure_documents import filter_text, query_text
from services.query.adapters.azure_index import AzureSearchIndex
from services.query.domain import Position, Query, Sort, entry_of, search_words
from services.query.errors import IndexUnavailable
from tests.support.ports import free_port
from tests.support.records import classified
from tests.support.search_service import KEY, SearchService, search_service


@pytest.fixture
def service() -> Iterator[SearchService]:
    with search_service() as made:
        yield made


@pytest.fixture
async def index(service: SearchService) -> AsyncIterator[AzureSearchIndex]:
    made = AzureSearchIndex(service.url, "images", AzureKeyCredential(KEY), timeout_s=5)
    yield made
    await made.close()


async def test_the_index_is_named_after_its_schema_and_made_once(
    index: AzureSearchIndex, service: SearchService
) -> None:
    await asyncio.gather(index.count(), index.count(), index.tags(5))
    assert list(service.indexes) == ["images-v3"]
    fields = {entry["name"]: entry for entry in service.indexes["images-v3"]["fields"]}
    assert fields["id"]["key"]
    assert fields["tags"]["type"] == "Collection(Edm.String)"
    assert fields["tags"]["facetable"]
    assert not fields["record"]["searchable"]
    analyzers = {entry.get("analyzer") for entry in fields.values() if entry.get("searchable")}
    assert analyzers == {"en.lucene"}


async def test_without_the_right_to_make_it_the_index_is_taken_as_it_is(
    index: AzureSearchIndex, service: SearchService
) -> None:
    service.refuse_definitions = True
    service.documents["images-v3"] = {}
    assert await index.count() == 0


async def test_a_busy_service_is_unavailable_and_then_well(
    index: AzureSearchIndex, service: SearchService
) -> None:
    service.failing = True
    with pytest.raises(IndexUnavailable, match="Azure AI Search"):
        await index.count()
    service.failing = False
    assert await index.count() == 0


async def test_a_service_that_is_not_there() -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    index = AzureSearchIndex(endpoint, "images", AzureKeyCredential(KEY), timeout_s=1)
    with pytest.raises(IndexUnavailable):
        await index.search(Query(), 1)
    await index.close()


async def test_a_document_that_is_refused_is_an_error(
    index: AzureSearchIndex, service: SearchService
) -> None:
    service.refuse_documents = True
    with pytest.raises(IndexUnavailable, match="full"):
        await index.put(entry_of(classified(1)))


async def test_what_is_asked(index: AzureSearchIndex, service: SearchService) -> None:
    query = Query(text="red vehicle-dam", tags=("o'clock",), claim_id="C-1", sort=Sort.MOST_CONFIDENT)
    await index.search(query, 10)
    (body,) = service.asked
    assert body["search"] == '"red" + "vehicle" + ("dam" | dam*)'
    assert body["filter"] == "status ne null and tags/any(n: n eq 'o''clock') and claim_id eq 'C-1'"
    assert body["orderby"] == "confidence desc,id desc"
    assert body["facets"] == ["tags,count:50", "labels,count:50", "status,count:50"]
    assert (body["top"], body["count"], body["searchMode"], body["queryType"]) == (11, True, "all", "simple")


def test_what_comes_behind_a_position() -> None:
    text = filter_text(Query(sort=Sort.MOST_CONFIDENT), Position(0.5, "ab"))
    assert text == "status ne null and (confidence lt 0.5 or (confidence eq 0.5 and id lt 'ab'))"


@pytest.mark.parametrize("text", ['a"b', "a* OR b", "(a | b", "a\\", "-a", '"', "a~2", "a^3", "straße's"])
def test_a_query_text_never_has_syntax_of_the_users(text: str) -> None:
    words = search_words(text)
    made = query_text(words) if words else ""
    assert not set("\\-~^'") & set(made)
    assert made.count('"') % 2 == 0
    assert made.count("(") == made.count(")")
