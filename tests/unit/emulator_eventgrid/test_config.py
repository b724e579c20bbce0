from pathlib import Path
from typing import Any

import pytest

from emulators.eventgrid.config import SubscriptionConfig, load, parse, parse_duration
from emulators.eventgrid.errors import ConfigError
from tests.support.eventgrid_process import LOCAL_CONFIG


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("60s", 60), ("500ms", 0.5), ("5m", 300), ("2h", 7200), ("7d", 604800), ("1.5s", 1.5),
        ("PT1M", 60), ("P7D", 604800), ("PT1H30M", 5400), ("P1DT12H", 129600), ("PT0.5S", 0.5),
    ],
)  # fmt: skip
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "60", "P", "PT", "P1DT", "s", "-5s", "1w", "PT1M30", "1h30m"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


def test_the_configuration_of_make_run() -> None:
    loaded = load(LOCAL_CONFIG)
    assert set(loaded.topics) == {"blob-created", "image-classified", "blob-created-dead"}
    assert loaded.topics["blob-created"]["classifier"] == SubscriptionConfig(
        60, 10, 7 * 86400, "blob-created-dead"
    )
    assert set(loaded.topics["blob-created"]) == {"classifier", "query"}


def test_a_subscription_has_the_services_defaults() -> None:
    loaded = parse({"access_key": "k", "topics": {"orders": {"subscriptions": {"worker": None}}}})
    assert loaded.topics["orders"]["worker"] == SubscriptionConfig(60, 10, 7 * 86400, None)


def _with(**settings: Any) -> dict[str, Any]:
    topics = {"orders": {"subscriptions": {"worker": settings}}, "other": {}}
    return {"access_key": "k", "topics": topics}


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (None, "must be a mapping"),
        ({"topics": {"orders": {}}}, "access_key: must be a non-empty string"),
        ({"access_key": "k"}, "topics: must be a mapping of at least one topic"),
        ({"access_key": "k", "topics": {"orders": {}}, "x": 1}, "x: unknown; allowed are access_key, topics"),
        ({"access_key": "k", "topics": {"a_b": {}}}, "topics.a_b: a name has 3 to 50"),
        ({"access_key": "k", "topics": {"orders": {"subs": {}}}}, "topics.orders.subs: unknown"),
        ({"access_key": "k", "topics": {"orders": []}}, "topics.orders: must be a mapping"),
        (_with(lock="60s"), "worker.lock: unknown; allowed are lock_duration"),
        (_with(lock_duration=60), "worker.lock_duration: 60 needs a unit"),
        (_with(lock_duration="10m"), "worker.lock_duration: 10m must be from 1 s to 300 s"),
        (_with(event_ttl="8d"), "worker.event_ttl: 8d must be from 1 s to 604800 s"),
        (_with(event_ttl="soon"), "worker.event_ttl: 'soon' is not a duration"),
        (_with(max_delivery_count=11), "worker.max_delivery_count: 11 must be"),
        (_with(max_delivery_count=True), "worker.max_delivery_count: True must be"),
        (_with(dead_letter="nowhere"), "worker.dead_letter: there is no topic 'nowhere'"),
        (_with(dead_letter="orders"), "worker.dead_letter: 'orders' leads back to 'orders'"),
    ],
)
def test_faults_name_their_path(document: Any, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(document)
    assert any(problem in line for line in caught.value.problems)


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse(_with(lock_duration="1", max_delivery_count=0) | {"access_key": ""})
    assert len(caught.value.problems) == 3


def test_dead_letters_must_not_go_in_a_circle() -> None:
    topics = {
        "one": {"subscriptions": {"sub": {"dead_letter": "two"}}},
        "two": {"subscriptions": {"sub": {"dead_letter": "one"}}},
    }
    with pytest.raises(ConfigError, match="leads back"):
        parse({"access_key": "k", "topics": topics})


def test_a_file_that_is_not_there_or_no_yaml(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read: No such file"):
        load(tmp_path / "none.yaml")
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [")
    with pytest.raises(ConfigError, match="is not YAML"):
        load(broken)
