"""GET /v1/images/{id}/similar, and what it rests on."""

import random
from datetime import timedelta

import httpx
import pytest

from services.contracts.records import Original, SupersededAnalysis
from services.query.domain import entry_of
from services.query.likeness import BANDS, MAX_DISTANCE, bands, distance, likeness_of, near_bands
from tests.support.records import BEGINNING, classified, looking, received
from tests.unit.query.conftest import World

PHASH = "ffff00000000ffff"


async def test_in_this_claim_and_in_others(world: World, client: httpx.AsyncClient) -> None:
    of = looking(received(1, claim_id="C-1"), PHASH)
    near = looking(classified(2, claim_id="C-2", caption="a car"), "ffff00000000fffe")
    nearer = looking(received(3, claim_id="C-1"), PHASH)
    await world.index_all(of, near, nearer, looking(received(4), "0000ffffffff0000"))
    answer = await client.get(f"/v1/images/{of.id}/similar")
    assert answer.status_code == 200
    items = answer.json()["items"]
    assert [(item["distance"], item["record"]["id"]) for item in items] == [(0, nearer.id), (1, near.id)]
    assert items[1]["record"]["analysis"]["caption"]["text"] == "a car"
    closest = await client.get(f"/v1/images/{of.id}/similar", params={"max_distance": 0})
    assert [item["record"]["id"] for item in closest.json()["items"]] == [nearer.id]
    first = await client.get(f"/v1/images/{of.id}/similar", params={"limit": 1})
    assert len(first.json()["items"]) == 1


async def test_nothing_alike(world: World, client: httpx.AsyncClient) -> None:
    await world.index_all(received(1), received(2))
    answer = await client.get(f"/v1/images/{received(1).id}/similar")
    assert (answer.status_code, answer.json()) == (200, {"items": []})


async def test_unknown(client: httpx.AsyncClient) -> None:
    assert (await client.get(f"/v1/images/{'0' * 32}/similar")).status_code == 404
    assert (await client.get("/v1/images/nothing/similar")).status_code == 404


@pytest.mark.parametrize(
    "query", [{"max_distance": 9}, {"max_distance": -1}, {"limit": 0}, {"limit": 101}, {"max_distance": "x"}]
)
async def test_out_of_bounds(client: httpx.AsyncClient, query: dict[str, str]) -> None:
    answer = await client.get(f"/v1/images/{received(1).id}/similar", params=query)
    assert answer.status_code == 400


async def test_index_away(world: World, client: httpx.AsyncClient) -> None:
    await world.index_all(looking(received(1), PHASH))
    world.index.faults.fail_nth(1, "similar")
    answer = await client.get(f"/v1/images/{received(1).id}/similar")
    assert answer.status_code == 503


def test_a_near_hash_always_has_a_near_band() -> None:
    chance = random.Random(7)
    for _ in range(300):
        value = chance.getrandbits(64)
        bits = chance.randint(0, MAX_DISTANCE)
        other = value ^ sum(1 << place for place in chance.sample(range(64), bits))
        one, another = f"{value:016x}", f"{other:016x}"
        assert distance(one, another) == bits
        assert set(near_bands(one, bits)) & set(bands(another))


def test_few_bands_are_looked_for() -> None:
    assert len(set(near_bands(PHASH, MAX_DISTANCE))) == 548
    assert near_bands(PHASH, 3) == bands(PHASH)
    assert len({band >> 16 for band in bands(PHASH)}) == BANDS


@pytest.mark.parametrize("phash", ["", "x" * 16, "abc", "-00000000000000f", "0123456789ABCDEF", None])
def test_a_hash_that_is_none(phash: str | None) -> None:
    assert likeness_of(looking(received(1), phash)).phash is None


def test_bytes_are_those_that_were_sent() -> None:
    record = received(1)
    original = Original(blob="_originals/x", content_type="image/heic", size=1, sha256="cd" * 32)
    image = record.image.model_copy(update={"original": original})
    assert likeness_of(record.model_copy(update={"image": image})).sha256 == "cd" * 32


def test_search_results_leave_out_what_was_superseded() -> None:
    record = classified(1, tags={"car": 0.9})
    old = SupersededAnalysis(engine="old", model_version="0", superseded_at=BEGINNING + timedelta(minutes=1))
    with_old = record.model_copy(update={"superseded": [old]})
    assert entry_of(with_old).record == entry_of(record).record
