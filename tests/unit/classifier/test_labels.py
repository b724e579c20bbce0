"""Labels in the record, through the classifier's door."""

from pathlib import Path

import pytest

from services.classifier.errors import AnalyzerUnavailable, ImageRejected
from services.contracts.records import ImageRecord
from services.query.domain import entry_of
from tests.support.fakes.vision import FakeAnalyzer
from tests.unit.classifier.conftest import Driver, World, event


async def test_a_classified_picture_has_labels_with_their_rule_and_evidence(
    classifier: Driver, world: World
) -> None:
    assert await classifier.deliver() == "SUCCESS"
    saved = world.record
    (label,) = saved.labels
    assert (label.name, label.confidence, label.source, label.review) == (
        "vehicle",
        0.99,
        "rule:vehicle",
        False,
    )
    assert [(each.kind, each.value, each.engine) for each in label.evidence] == [
        ("tag", "car", "fake-vision")
    ]
    assert saved.label_rules is not None
    assert saved.label_rules.startswith("claims@")
    assert not saved.needs_review


@pytest.fixture
def own(world: World, tmp_path: Path) -> Path:
    file = tmp_path / "own.yaml"
    file.write_text(
        "rules: [{name: moon, any: [{tag: moon}]}, {name: dent, any: [{tag: car, engine: damage}]}]"
    )
    return file


async def test_a_picture_that_no_rule_fits_is_unlabelled(world: World, own: Path) -> None:
    driver = world.start(label_rules=str(own))
    await driver.deliver()
    assert [(label.name, label.source) for label in world.record.labels] == [("unlabelled", "rule:none")]
    assert world.record.needs_review
    assert world.record.status == "classified"


async def test_another_engines_word_draws_the_labels_anew(world: World, own: Path) -> None:
    damage = FakeAnalyzer("damage")
    damage.will_raise(AnalyzerUnavailable("away"))
    world.others = (damage,)
    driver = world.start(label_rules=str(own))
    assert await driver.deliver() == "RETRY"
    assert [label.name for label in world.record.labels] == ["unlabelled"]
    assert await driver.deliver() == "SUCCESS"
    assert [label.name for label in world.record.labels] == ["dent"]
    assert {each.engine for each in world.record.labels[0].evidence} == {"damage"}
    assert not world.record.needs_review


async def test_no_labels_before_the_primary_has_spoken(world: World, own: Path) -> None:
    world.others = (FakeAnalyzer("damage"),)
    world.analyzer.will_raise(AnalyzerUnavailable("away"))
    driver = world.start(label_rules=str(own))
    assert await driver.deliver() == "RETRY"
    assert world.record.labels == []
    assert await driver.deliver() == "SUCCESS"
    assert [label.name for label in world.record.labels] == ["dent"]


async def test_a_rejected_picture_has_no_labels(classifier: Driver, world: World) -> None:
    world.analyzer.will_raise(ImageRejected("InvalidImageFormat", "not an image"))
    assert await classifier.deliver() == "SUCCESS"
    assert world.record.status == "rejected"
    assert world.record.labels == []
    assert not world.record.needs_review


async def test_a_new_version_of_the_blob_gets_labels_by_the_rules_of_then(world: World, own: Path) -> None:
    driver = world.start(label_rules=str(own))
    await driver.deliver()
    first = world.record
    again = world.start(label_rules="claims")
    await again.deliver(event("0x8D2", sequencer="02"))
    assert [label.name for label in first.labels] == ["unlabelled"]
    assert [label.name for label in world.record.labels] == ["vehicle"]
    assert world.record.label_rules != first.label_rules


async def test_labels_are_what_the_index_finds(classifier: Driver, world: World) -> None:
    await classifier.deliver()
    read_back = ImageRecord.model_validate_json(world.record.model_dump_json())
    assert read_back == world.record
    entry = entry_of(read_back)
    assert entry.labels == {"vehicle": 0.99}
    assert entry.confidence == 0.99
