"""What every SearchIndex does: the fake that unit tests use, SQLite, and Azure AI Search by its own client."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from uuid import uuid4

import pytest
from azure.core.credentials import AzureKeyCredential

from services.contracts.records import ImageRecord, Status
from services.query.adapters import sqlite_search
from services.query.adapters.azure_index import AzureSearchIndex
from services.query.adapters.sqlite_index import SqliteIndex
from services.query.domain import Page, Query, Sort, entry_of
from services.query.likeness import likeness_of
from services.query.ports import SearchIndex
from tests.support.fakes.index import FakeIndex
from tests.support.records import BEGINNING, classified, looking, received, reviewed
from tests.support.search_service import KEY, SearchService, search_service

Fill = Callable[..., Awaitable[None]]


@asynccontextmanager
async def fake(_: Path) -> AsyncIterator[SearchIndex]:
    yield FakeIndex(complete=False)


@asynccontextmanager
async def sqlite(directory: Path) -> AsyncIterator[SearchIndex]:
    index = SqliteIndex(directory / "index.db")
    await index.open()
    try:
        yield index
    finally:
        await index.close()


@asynccontextmanager
async def sqlite_probing(directory: Path) -> AsyncIterator[SearchIndex]:
    """SQLite as it finds pages where many pictures match."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite_search, "MANY", -1)
        async with sqlite(directory) as index:
            yield index


@asynccontextmanager
async def azure(_: Path) -> AsyncIterator[SearchIndex]:
    """Azure AI Search's own client and our stand-in for the service; an index of its own for each test."""
    credential = AzureKeyCredential(KEY)
    index = AzureSearchIndex(service().url, f"images-{uuid4().hex}", credential, timeout_s=10)
    try:
        yield index
    finally:
        await index.close()


_services = ExitStack()


@cache
def service() -> SearchService:
    return _services.enter_context(search_service())


@pytest.fixture(scope="module", autouse=True)
def _ended() -> Iterator[None]:
    yield
    _services.close()
    service.cache_clear()


Maker = Callable[[Path], AbstractAsyncContextManager[SearchIndex]]


@pytest.fixture(params=[fake, sqlite, sqlite_probing, azure], ids=lambda maker: maker.__name__)
async def index(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SearchIndex]:
    maker: Maker = request.param
    async with maker(tmp_path) as made:
        yield made


@pytest.fixture
def fill(index: SearchIndex) -> Fill:
    async def put(*records: ImageRecord) -> None:
        for record in records:
            await index.put(entry_of(record))

    return put


def ids(page: Page) -> list[str]:
    return [ImageRecord.model_validate_json(text).id for text in page.records]


async def find(index: SearchIndex, **conditions: object) -> list[str]:
    return ids(await index.search(Query(**conditions), 100))  # type: ignore[arg-type]


async def test_an_entry_comes_back_as_the_record_it_was_made_of(index: SearchIndex, fill: Fill) -> None:
    record = classified(1, tags={"car": 0.9}, caption="a car", text="ABC 123", labels={"vehicle": 0.9})
    await fill(record)
    page = await index.search(Query(), 10)
    assert [ImageRecord.model_validate_json(text) for text in page.records] == [record]
    assert (page.total, page.next) == (1, None)


async def test_put_says_whether_anything_changed(index: SearchIndex) -> None:
    assert await index.put(entry_of(received(1)))
    assert not await index.put(entry_of(received(1)))
    assert await index.put(entry_of(classified(1)))
    assert await index.put(entry_of(reviewed(classified(1), ["total loss"])))


async def test_an_older_state_never_replaces_a_newer_one(index: SearchIndex, fill: Fill) -> None:
    await fill(classified(1, tags={"car": 0.9}))
    assert not await index.put(entry_of(received(1)))
    assert await find(index, status=Status.CLASSIFIED, tags=("car",)) == [received(1).id]


async def test_a_picture_deleted_and_sent_again_begins_anew(index: SearchIndex, fill: Fill) -> None:
    again = received(1, at=BEGINNING + timedelta(days=1))
    await fill(reviewed(classified(1), ["old"]), again)
    assert await find(index, status=Status.RECEIVED) == [again.id]


async def test_a_replaced_entry_is_no_longer_found_by_what_it_was(index: SearchIndex, fill: Fill) -> None:
    await fill(classified(1, tags={"car": 0.9}, caption="red car"))
    newer = classified(1, tags={"boat": 0.9}, caption="blue boat")
    newer.history.append(newer.history[-1])
    await fill(newer)
    assert await find(index, tags=("car",)) == []
    assert await find(index, text="red") == []
    assert await find(index, text="boat") == [newer.id]
    assert await index.tags(10) == {"boat": 1}
    assert await index.count() == 1


async def test_remove(index: SearchIndex, fill: Fill) -> None:
    await fill(classified(1, tags={"car": 0.9}, caption="a car"), received(2))
    assert await index.remove(received(1).id)
    assert not await index.remove(received(1).id)
    page = await index.search(Query(), 10)
    assert (ids(page), page.facets.tag, page.total) == ([received(2).id], {}, 1)
    assert await find(index, text="car") == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("car", [1, 2]),
        ("CAR", [1, 2]),
        ("red car", [1]),
        ("car red", [1]),
        ("re", [1]),
        ("re car", []),
        ("damage", [1]),
        ("vehicle-damage", [1]),
        ("ABC 123", [2]),
        ("abc", [2]),
        ("C-20", [2]),
        ("plane", []),
        ("red boat", []),
        ("... car ...", [1, 2]),
        ("!!!", []),
        ('"', []),
        ('"red" car', [1]),
        ('red"car', [1]),
        ('nothing"OR"car', []),
        ("car OR boat", []),
        ("NOT car", []),
        ("caption:red", []),
        ("car*", [1, 2]),
        ("(car", [1, 2]),
        ("car AND red NEAR(x", []),
        ("^red", [1]),
        ("car\x00red", [1]),
        ("'; DROP TABLE images; --", []),
        ("{caption tags}: car", []),
        ("🚗", []),
        ("straße", [3]),
    ],
)
async def test_words(index: SearchIndex, fill: Fill, text: str, found: list[int]) -> None:
    records = {
        1: classified(1, caption="a red car", labels={"vehicle-damage": 0.7}),
        2: classified(2, claim_id="C-2042", tags={"car": 0.9}, text="plate\nABC 123"),
        3: classified(3, caption="eine straße"),
    }
    await fill(*records.values())
    assert sorted(await find(index, text=text)) == sorted(records[number].id for number in found)


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"tags": ("car",)}, [1, 2]),
        ({"tags": ("car", "road")}, [1]),
        ({"tags": ("nothing",)}, []),
        ({"tags": ("x' or 'a' eq 'a",)}, []),
        ({"tags": ("o'clock",)}, [4]),
        ({"claim_id": "' or 1=1 --"}, []),
        ({"labels": ("vehicle",)}, [2]),
        ({"labels": ("total loss",)}, [3]),
        ({"tags": ("car",), "labels": ("vehicle",)}, [2]),
        ({"claim_id": "C-2"}, [3]),
        ({"claim_id": "c-2"}, []),
        ({"status": Status.RECEIVED}, [5]),
        ({"needs_review": True}, [2]),
        ({"needs_review": False}, [1, 3, 4, 5]),
        ({"needs_review": True, "claim_id": "C-2"}, []),
        ({"tags": ("car",), "min_confidence": 0.5}, [1]),
        ({"tags": ("car",), "min_confidence": 0.9}, [1]),
        ({"labels": ("vehicle",), "min_confidence": 0.8}, []),
        ({"labels": ("total loss",), "min_confidence": 1.0}, [3]),
        ({"min_confidence": 0.55}, [1, 2]),
        ({"min_confidence": 0.0}, [1, 2, 3, 4, 5]),
        ({"received_from": "2026-11-22T12:00:02.000Z"}, [2, 3, 4, 5]),
        ({"received_before": "2026-11-22T12:00:02.000Z"}, [1]),
        ({"text": "car", "claim_id": "C-1", "status": Status.CLASSIFIED, "tags": ("road",)}, [1]),
    ],
)
async def test_filters(
    index: SearchIndex, fill: Fill, conditions: dict[str, object], found: list[int]
) -> None:
    records = {
        1: classified(1, tags={"Car": 0.9, "road": 0.3}),
        2: classified(2, tags={"car": 0.2}, labels={"vehicle": 0.6}).model_copy(
            update={"needs_review": True}
        ),
        3: reviewed(classified(3, claim_id="C-2", tags={"house": 0.5}), ["Total Loss"]),
        4: classified(4, claim_id=None, tags={"o'clock": 0.1}),
        5: received(5, claim_id=None),
    }
    await fill(*records.values())
    page = await index.search(Query(**conditions), 100)  # type: ignore[arg-type]
    assert sorted(ids(page)) == sorted(records[number].id for number in found)
    assert page.total == len(found)
    assert sum(page.facets.status.values()) == len(found)


async def test_facets_are_of_what_was_found(index: SearchIndex, fill: Fill) -> None:
    await fill(
        classified(1, tags={"car": 0.9, "road": 0.5}, labels={"vehicle": 0.9}),
        classified(2, tags={"car": 0.9, "tree": 0.5}),
        classified(3, tags={"house": 0.9}, claim_id="C-2"),
        received(4),
    )
    everything = (await index.search(Query(), 1)).facets
    assert list(everything.tag.items()) == [("car", 2), ("house", 1), ("road", 1), ("tree", 1)]
    assert everything.label == {"vehicle": 1}
    assert everything.status == {"classified": 3, "received": 1}
    claim = (await index.search(Query(claim_id="C-1"), 1)).facets
    assert list(claim.tag.items()) == [("car", 2), ("road", 1), ("tree", 1)]
    assert claim.status == {"classified": 2, "received": 1}
    assert (await index.search(Query(status=Status.RECEIVED), 1)).facets.tag == {}


async def test_facets_follow_every_change(index: SearchIndex, fill: Fill) -> None:
    query = Query(claim_id="C-1")
    for number in range(1, 4):
        await fill(classified(number, tags={"car": 0.9}))
        for sort in (Sort.NEWEST, Sort.OLDEST, Sort.NEWEST):
            page = await index.search(replace(query, sort=sort), 1)
            assert (page.total, page.facets.tag) == (number, {"car": number})
    await index.remove(received(1).id)
    assert (await index.search(query, 1)).facets.tag == {"car": 2}


async def test_facets_and_tags_stop_at_their_limit(index: SearchIndex, fill: Fill) -> None:
    await fill(
        classified(1, tags={f"tag {number:03d}": 0.5 for number in range(60)}), classified(2, tags={"z": 1})
    )
    for query in (Query(), Query(claim_id="C-1")):
        assert len((await index.search(query, 1)).facets.tag) == 50
    assert list(await index.tags(2)) == ["tag 000", "tag 001"]


@pytest.mark.parametrize("sort", list(Sort))
async def test_pages_hold_everything_once_in_order(index: SearchIndex, fill: Fill, sort: Sort) -> None:
    records = [
        classified(n, tags={"a": 0.1 * (n % 3)}, at=BEGINNING + timedelta(seconds=n // 2)) for n in range(9)
    ]
    await fill(*records, received(20), received(21))
    query, after, seen = Query(sort=sort), None, list[str]()
    while True:
        page = await index.search(query, 2, after)
        assert page.total == 11
        assert len(page.records) == 2 or page.next is None
        seen += page.records
        if (after := page.next) is None:
            break
    entries = [entry_of(ImageRecord.model_validate_json(text)) for text in seen]
    assert len({entry.id for entry in entries}) == 11
    keys = [(entry.sort_value(sort), entry.id) for entry in entries]
    assert keys == sorted(keys, reverse=sort.descending)


async def test_a_page_stays_where_it_is_when_pictures_come(index: SearchIndex, fill: Fill) -> None:
    await fill(*(received(number) for number in range(6)))
    first = await index.search(Query(), 3)
    await fill(received(100), received(101))
    second = await index.search(Query(), 3, first.next)
    assert ids(first) + ids(second) == [received(number).id for number in (5, 4, 3, 2, 1, 0)]
    assert second.next is None


async def test_a_full_last_page_has_no_next(index: SearchIndex, fill: Fill) -> None:
    await fill(received(1), received(2))
    assert (await index.search(Query(), 2)).next is None


def at_distance(phash: str, bits: int, *, spread: bool = True) -> str:
    """A hash that differs in so many bits, over all bands or one after the other."""
    places = [(number * 17 if spread else number) % 64 for number in range(bits)]
    return f"{int(phash, 16) ^ sum(1 << place for place in places):016x}"


PHASH = "0123456789abcdef"


@pytest.mark.parametrize("spread", [True, False])
async def test_what_looks_alike(index: SearchIndex, fill: Fill, spread: bool) -> None:
    distances = [0, 1, 3, 4, 7, 8, 9, 20]
    others = {
        bits: looking(received(bits + 1, claim_id=f"C-{bits}"), at_distance(PHASH, bits, spread=spread))
        for bits in distances
    }
    of = looking(received(100), PHASH)
    await fill(of, looking(received(200), None), *others.values())
    for most in (8, 3, 0):
        found = await index.similar(likeness_of(of), most, 100)
        assert [each.distance for each in found] == [bits for bits in distances if bits <= most]
        assert [ImageRecord.model_validate_json(each.record) for each in found] == [
            others[bits] for bits in distances if bits <= most
        ]
    assert [each.distance for each in await index.similar(likeness_of(of), 8, 2)] == [0, 1]


async def test_equally_near_ones_are_newest_first(index: SearchIndex, fill: Fill) -> None:
    of, near = looking(received(1), PHASH), [looking(received(n), PHASH) for n in (3, 2, 4)]
    await fill(of, *near)
    found = await index.similar(likeness_of(of), 8, 10)
    assert [ImageRecord.model_validate_json(each.record).id for each in found] == [
        received(n).id for n in (4, 3, 2)
    ]


async def test_the_same_bytes_are_alike_without_a_hash(index: SearchIndex, fill: Fill) -> None:
    of = looking(received(1, claim_id="C-1"), None, sha256="ab" * 32)
    same = looking(received(2, claim_id="C-2"), None, sha256="ab" * 32)
    await fill(of, same, looking(received(3), None))
    (found,) = await index.similar(likeness_of(of), 8, 10)
    assert (found.distance, ImageRecord.model_validate_json(found.record).id) == (0, same.id)


async def test_likeness_follows_the_record(index: SearchIndex, fill: Fill) -> None:
    of, other = looking(received(1), PHASH), received(2)
    await fill(of, looking(other, PHASH))
    newer = looking(classified(2), at_distance(PHASH, 30))
    await fill(newer)
    assert await index.similar(likeness_of(of), 8, 10) == []
    newest = newer.model_copy(update={"history": [*newer.history, newer.history[-1]]})
    await fill(looking(newest, at_distance(PHASH, 2)))
    assert [each.distance for each in await index.similar(likeness_of(of), 8, 10)] == [2]
    await index.remove(other.id)
    assert await index.similar(likeness_of(of), 8, 10) == []


async def test_ids_in_pages(index: SearchIndex, fill: Fill) -> None:
    await fill(*(received(number) for number in range(5)))
    everything = sorted(received(number).id for number in range(5))
    assert await index.ids(limit=3) == everything[:3]
    assert await index.ids(after=everything[2], limit=3) == everything[3:]
    assert await index.ids(after=everything[4]) == []


async def test_it_is_incomplete_until_it_is_told_otherwise(index: SearchIndex) -> None:
    assert not await index.complete()
    await index.mark_complete()
    await index.mark_complete()
    assert await index.complete()


async def test_writes_in_parallel_leave_the_newest_state(index: SearchIndex) -> None:
    states = [received(1), classified(1, tags={"car": 0.5}), classified(1, tags={"boat": 0.5})]
    states[2].history.append(states[2].history[-1])
    for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0)):
        await asyncio.gather(*(index.put(entry_of(states[number])) for number in order))
        assert await index.tags(5) == {"boat": 1}
        await index.remove(states[0].id)
