"""A month's cost."""

from dataclasses import replace

import pytest

from bench.costs import model
from bench.costs.habits import Habits
from bench.costs.hour import first_hour
from bench.costs.prices import PriceList, UnknownPrice, load
from bench.operations import Operations, of_one_picture
from bench.sizes import NAMES, TRIAL, Size, read


@pytest.fixture(scope="module")
def prices() -> PriceList:
    return load()


@pytest.fixture(scope="module")
def counted() -> Operations:
    return of_one_picture()


@pytest.fixture(scope="module")
def medium() -> Size:
    return read("medium")


def of(month: model.Month) -> dict[str, float]:
    return {f"{line.service}: {line.what}": line.dollars for line in month.lines}


def test_more_pictures_never_cost_less(prices: PriceList, counted: Operations, medium: Size) -> None:
    less = model.month(medium, prices, counted, search=True)
    more = model.month(
        replace(medium, pictures_per_month=2 * medium.pictures_per_month), prices, counted, search=True
    )

    assert more.total > less.total
    assert all(of(more)[name] >= dollars for name, dollars in of(less).items())


def test_every_feature_costs(prices: PriceList, counted: Operations, medium: Size) -> None:
    totals = [
        model.month(medium, prices, counted, search=False, features=features).of("AI Vision")
        for features in (("tags",), ("tags", "objects"), ("tags", "objects", "caption"))
    ]

    assert totals == sorted(set(totals))


def test_the_sum_is_of_all_lines(prices: PriceList, counted: Operations, medium: Size) -> None:
    month = model.month(medium, prices, counted, search=True)

    services = {line.service for line in month.lines}
    assert month.total == pytest.approx(sum(month.of(service) for service in services))
    assert all(line.dollars == pytest.approx(prices[line.price].cost(line.quantity)) for line in month.lines)


def test_a_price_that_is_missing_is_named(prices: PriceList, counted: Operations, medium: Size) -> None:
    fewer = replace(
        prices, prices={name: each for name, each in prices.prices.items() if name != "event_grid.operations"}
    )

    with pytest.raises(UnknownPrice, match=r"no price 'event_grid\.operations'"):
        model.month(medium, fewer, counted, search=False)


@pytest.mark.parametrize("name", [TRIAL, *NAMES])
def test_every_size_fits_what_is_deployed(prices: PriceList, counted: Operations, name: str) -> None:
    assert model.month(read(name), prices, counted, search=True).warnings == ()


def test_what_does_not_fit_is_told(prices: PriceList, counted: Operations) -> None:
    many = replace(read(TRIAL), pictures_per_month=5000)
    one = replace(read("large"), search_partitions=1)

    assert "F0" in model.month(many, prices, counted, search=False).warnings[0]
    assert "2 partitions; Bicep makes 1" in model.month(one, prices, counted, search=True).warnings[0]
    assert not model.month(one, prices, counted, search=False).warnings


def test_a_search_partition_costs_what_is_made_of_them(prices: PriceList, counted: Operations) -> None:
    large = read("large")
    made = [
        model.month(replace(large, search_partitions=number), prices, counted, search=True).of("AI Search")
        for number in (1, 3)
    ]

    assert made[1] == pytest.approx(3 * made[0])
    assert model.partitions(read("medium"), Habits(), counted) == 1
    assert model.partitions(large, Habits(), counted) == 2


def test_service_bus_counts_each_message_once_in_and_twice_out(counted: Operations) -> None:
    assert model.service_bus_operations(counted) == 2 + 2 * 3
    assert model.service_bus_credits(counted) == 2 + 3 + 3


def test_an_hour_costs_less_within_the_free_grants(prices: PriceList) -> None:
    rows = first_hour(prices)

    assert all(within <= beyond for _, within, beyond in rows)
    assert any("Vision" in what and within > 0 for what, within, _ in rows)
    assert 0 < sum(within for _, within, _ in rows) < sum(beyond for _, _, beyond in rows) < 1
