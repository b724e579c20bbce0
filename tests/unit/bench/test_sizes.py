"""The sizes as Bicep has them."""

import json
import re
from pathlib import Path

import pytest

from bench import sizes

BICEP = sizes.FOLDER.parent
ALL = (sizes.TRIAL, *sizes.NAMES)


def test_all_sizes_are_known() -> None:
    assert {path.stem for path in sizes.FOLDER.glob("*.json")} == set(ALL)


@pytest.mark.parametrize("name", ALL)
def test_every_size_is_readable(name: str) -> None:
    size = sizes.read(name)

    assert size.pictures_per_month > 0
    assert size.classifier.max_replicas >= 1
    assert size.classifier.min_replicas <= size.classifier.max_replicas
    assert size.ingest.cpu * 2 == size.ingest.memory_gib


def test_the_large_size_is_the_articles() -> None:
    assert sizes.read("large").mean_per_s == pytest.approx(19.3, abs=0.05)


def test_what_is_derived_is_derived_as_in_bicep() -> None:
    classifier, query, apps, search = (
        (BICEP / name).read_text(encoding="utf-8")
        for name in ("classifier.bicep", "query.bicep", "apps.bicep", "modules/search.bicep")
    )

    assert re.search(r"maxReplicas = max\(1, visionCallsPerMinute / sizing\.callsPerMinute\)", classifier)
    assert re.search(r"messagesPerReplica = 2 \* sizing\.handlers\n", classifier)
    assert all(size.classifier.target == 2 * size.handlers for size in map(sizes.read, ALL))
    assert classifier.count("messageCount: string(messagesPerReplica)") == 2
    assert re.search(r"messagesPerReplica = 2 \* handlers\n", query)
    assert query.count("messageCount: string(messagesPerReplica)") == 2
    # Query's sidecar has as many in hand: hosting.bicep gets the same number.
    assert apps.count("handlers: sizing.classifier.handlers") == 4
    assert "partitionCount: partitions\n" in search


@pytest.mark.parametrize("name", ALL)
def test_all_replicas_together_stay_within_each_account(name: str) -> None:
    size = sizes.read(name)

    assert size.classifier.max_replicas * size.share_per_s <= size.account_calls_per_s * 1.001


def test_a_size_that_lacks_something_says_what(tmp_path: Path) -> None:
    raw = json.loads((sizes.FOLDER / "large.json").read_text(encoding="utf-8"))
    del raw["vision"]["callsPerMinute"]
    (tmp_path / "large.json").write_text(json.dumps(raw), encoding="utf-8")

    with pytest.raises(sizes.SizeError, match=r"large\.json lacks 'callsPerMinute'"):
        sizes.read("large", tmp_path)


def test_a_size_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(sizes.SizeError, match=r"tiny\.json"):
        sizes.read("tiny", tmp_path)
