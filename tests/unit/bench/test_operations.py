"""What a picture asks of everything around the services, counted by running them."""

import pytest

from bench import request_units
from bench.operations import Operations, of_one_picture


@pytest.fixture(scope="module")
def counted() -> Operations:
    return of_one_picture()


def test_one_claim_one_result_one_announcement(counted: Operations) -> None:
    assert [
        number for _, name, document, number in counted.state if (name, document) == ("create", "claim")
    ] == [1]
    assert counted.state_count("replace") == 1
    assert counted.published == 1
    assert counted.blob_writes == 1


def test_each_subscription_gets_its_delivery(counted: Operations) -> None:
    assert counted.deliveries == 3
    assert counted.index_writes == 2


def test_the_record_grows_by_the_analysis(counted: Operations) -> None:
    assert 1 <= counted.first_kb < counted.final_kb <= counted.index_kb


def test_sidecar_calls_are_all_there_is(counted: Operations) -> None:
    state = sum(number for *_, number in counted.state)
    assert counted.sidecar_calls == state + counted.blob_writes + counted.published + counted.deliveries


def test_request_units_follow_azures_examples() -> None:
    assert request_units.read(1) == pytest.approx(1 * request_units.CONSISTENCY_FACTOR)
    assert request_units.read(100) == pytest.approx(10 * request_units.CONSISTENCY_FACTOR)
    assert request_units.insert(1) == pytest.approx(5.5)
    assert request_units.insert(100) == pytest.approx(50.5)
    assert request_units.replace(1) == pytest.approx(11)


def test_a_pictures_units_are_the_sum_of_its_rows(counted: Operations) -> None:
    rows = request_units.rows(counted)

    assert sum(number for _, number, _ in rows) == sum(number for *_, number in counted.state) + 1
    assert request_units.per_picture(counted) == pytest.approx(
        sum(number * units for _, number, units in rows)
    )
