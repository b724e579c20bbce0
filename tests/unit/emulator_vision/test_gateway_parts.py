"""Rate limit, faults, record of calls, query: the parts of the gateway by themselves."""

import asyncio
import time

import pytest

from emulators.vision.calls import CallLog
from emulators.vision.engine.types import Feature
from emulators.vision.errors import (
    BadArgument,
    FeatureNotInRegion,
    InvalidRequest,
    NotFound,
    NotSupportedLanguage,
    NotSupportedVisualFeature,
    VisionError,
)
from emulators.vision.faults import Fault, Faults
from emulators.vision.limits import RateLimit
from emulators.vision.settings import parse_settings
from emulators.vision.wire.query import parse_query


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_rate_limit_lets_a_second_of_calls_through_and_then_as_many_as_it_says() -> None:
    clock = Clock()
    limit = RateLimit(5, clock)
    assert [limit.take() for _ in range(6)] == [None] * 5 + [1]
    clock.now += 0.2
    assert [limit.take(), limit.take()] == [None, 1]
    clock.now += 100
    assert [limit.take() for _ in range(6)].count(None) == 5


def test_a_slow_rate_limit_says_when_to_come_back() -> None:
    clock = Clock()
    limit = RateLimit(0.1, clock)
    assert limit.take() is None
    clock.now += 3
    assert limit.take() == 7


def test_no_rate_limit() -> None:
    assert all(RateLimit(0, Clock()).take() is None for _ in range(1000))


async def test_faults_come_in_order_and_run_out() -> None:
    faults = Faults()
    faults.order(Fault(status=500, count=2))
    faults.order(Fault(garbage=True))
    taken = [faults.take() for _ in range(4)]
    assert [fault.name if fault else None for fault in taken] == ["500", "500", "garbage", None]


async def test_a_stall_ends_when_its_time_is_over_or_the_faults_are_cleared() -> None:
    faults = Faults()
    start = time.monotonic()
    await faults.stall(Fault(delay_s=0.05))
    assert 0.05 <= time.monotonic() - start < 2
    hanging = asyncio.create_task(faults.stall(Fault(hang=True, count=-1)))
    await asyncio.sleep(0)
    assert not hanging.done()
    faults.clear()
    await asyncio.wait_for(hanging, 2)
    assert faults.as_json() == []


def test_the_record_tells_what_is_in_flight() -> None:
    calls = CallLog()
    first, _ = calls.begin("analyze"), calls.begin("analyze")
    first.finish(200)
    assert (calls.count, calls.in_flight) == (2, 1)
    assert [call["status"] for call in calls.as_json()["calls"]] == [200, None]
    calls.clear()
    assert calls.as_json() == {"count": 0, "in_flight": 0, "calls": []}


GOOD = {"api-version": "2023-10-01", "features": "tags"}


def test_features_are_read_whatever_their_case() -> None:
    query = parse_query({**GOOD, "features": "Tags, densecaptions,smartCrops"}, captions=True)
    assert query.features == {Feature.TAGS, Feature.DENSE_CAPTIONS, Feature.SMART_CROPS}


def test_options() -> None:
    query = parse_query(
        {
            **GOOD,
            "smartcrops-aspect-ratios": "0.75,1.8",
            "gender-neutral-caption": "true",
            "language": "pt-BR",
        },
        captions=True,
    )
    assert query.options.crop_ratios == (0.75, 1.8)
    assert query.options.gender_neutral is True


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"api-version": ""}, NotFound),
        ({"model-name": "mine"}, NotFound),
        ({"features": ","}, InvalidRequest),
        ({"features": "tags,mood"}, NotSupportedVisualFeature),
        ({"language": "tlh"}, NotSupportedLanguage),
        ({"features": "denseCaptions", "language": "fr"}, NotSupportedLanguage),
        ({"smartcrops-aspect-ratios": "1,wide"}, BadArgument),
        ({"smartcrops-aspect-ratios": "nan"}, BadArgument),
        ({"gender-neutral-caption": "maybe"}, BadArgument),
        ({"model-version": "2023"}, BadArgument),
    ],
)
def test_bad_queries(change: dict[str, str], error: type[VisionError]) -> None:
    with pytest.raises(error):
        parse_query({**GOOD, **change}, captions=True)


def test_a_region_without_captions() -> None:
    with pytest.raises(FeatureNotInRegion, match="'DenseCaptions'"):
        parse_query({**GOOD, "features": "denseCaptions"}, captions=False)
    assert parse_query(GOOD, captions=False).features == {Feature.TAGS}


def test_settings(capsys: pytest.CaptureFixture[str]) -> None:
    given = parse_settings(["--port", "0", "--rate-limit", "2.5", "--no-caption", "--model", "none"])
    assert (given.rate_limit_per_s, given.captions, given.model) == (2.5, False, "none")
    for bad in (["--rate-limit", "-1"], ["--timeout", "0"], ["--workers", "0"], ["--port", "x"]):
        with pytest.raises(SystemExit) as end:
            parse_settings(bad)
        assert end.value.code == 2
    assert "CALLS_PER_S" in capsys.readouterr().err
