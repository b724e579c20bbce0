"""What breaks first."""

from dataclasses import replace

import pytest

from bench.capacity.headroom import resources
from bench.operations import Operations, of_one_picture
from bench.sizes import read
from deploy.preflight import OWN_INDEX_HOLDS

LARGE = read("large")


@pytest.fixture(scope="module")
def counted() -> Operations:
    return of_one_picture()


def test_the_first_to_break_comes_first(counted: Operations) -> None:
    found = [each.breaks_at for each in resources(LARGE, counted)]

    assert found == sorted(found)
    assert len(found) > 8


def test_use_at_the_breaking_point_is_the_limit(counted: Operations) -> None:
    for each in resources(LARGE, counted):
        grown = replace(LARGE, pictures_per_month=round(each.breaks_at))
        then = next(one for one in resources(grown, counted) if one.name == each.name)
        assert then.used == pytest.approx(then.limit, rel=1e-3), each.name


def test_more_accounts_lift_vision(counted: Operations) -> None:
    def vision(accounts: int) -> float:
        found = resources(replace(LARGE, accounts=accounts), counted)
        return next(each.breaks_at for each in found if each.name == "AI Vision, calls")

    assert vision(12) == pytest.approx(2 * vision(6))


def test_more_of_what_is_deployed_lifts_query_and_search(counted: Operations) -> None:
    def breaks(name: str, **changes: object) -> float:
        found = resources(replace(LARGE, **changes), counted)  # type: ignore[arg-type]
        return next(each.breaks_at for each in found if each.name.startswith(name))

    fewer = replace(LARGE.query, max_replicas=5)
    assert breaks("query, handlers", query=fewer) == pytest.approx(breaks("query, handlers") / 2)
    assert breaks("AI Search", search_partitions=6) == pytest.approx(3 * breaks("AI Search"))


def test_the_preflight_knows_what_querys_own_disk_holds(counted: Operations) -> None:
    own = next(each for each in resources(LARGE, counted) if each.name.startswith("query without AI Search"))

    assert 0.9 * own.breaks_at < OWN_INDEX_HOLDS <= own.breaks_at


def test_every_resource_says_where_its_limit_is_from(counted: Operations) -> None:
    assert all(each.source and each.lift and each.unit for each in resources(LARGE, counted))
