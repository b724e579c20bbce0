"""A month's cost."""

from dataclasses import replace

import pytest

from bench.costs import model
from bench.costs.habits import Habits
from bench.costs.hour import first_hour
from bench.costs.prices import PriceList, UnknownPrice, load
from bench.operations import Operations, of_one_picture
from bench.sizes import Size, read


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


def test_what_does_not_fit_is_told(prices: PriceList, counted: Operations) -> None:
    small = model.month(read("small"), prices, counted, search=False)
    few = model.month(replace(read("small"), pictures_per_month=1000), prices, counted, search=False)

    assert "F0" in small.warnings[0]
    assert not few.warnings


def test_a_month_of_the_large_size_fills_more_than_a_search_partition(counted: Operations) -> None:
    habits = Habits()

    assert model.partitions(read("medium"), habits, counted) == 1
    assert model.partitions(read("large"), habits, counted) > 1


def test_service_bus_counts_each_message_once_in_and_twice_out(counted: Operations) -> None:
    assert model.service_bus_operations(counted) == 2 + 2 * 3
    assert model.service_bus_credits(counted) == 2 + 3 + 3


def test_an_hour_costs_less_within_the_free_grants(prices: PriceList) -> None:
    rows = first_hour(prices)

    assert all(within <= beyond for _, within, beyond in rows)
    assert 0 < sum(within for _, within, _ in rows) < sum(beyond for _, _, beyond in rows) < 1
