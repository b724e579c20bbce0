"""The labelled pictures and the counting, without an engine."""

import io
import zipfile
from itertools import islice
from pathlib import Path

import pytest
import yaml
from PIL import Image

from bench.labels import truth
from bench.labels.scores import Scores
from bench.labels.truth import drawn, packaged
from services.classifier.labels.reading import RuleSet, read_rules
from services.classifier.labels.source import find_rules, set_names
from services.contracts.records import Label
from tools.setup.locations import SAMPLES_SPEC


def rules(name: str) -> RuleSet:
    return read_rules(find_rules(name).read_bytes(), name=name, where=name)


@pytest.fixture(scope="module")
def pictures() -> list[truth.Picture]:
    return list(drawn())


def test_every_label_that_is_right_of_a_picture_is_one_of_its_set(
    pictures: list[truth.Picture], tmp_path: Path
) -> None:
    known = {name: {rule.label for rule in rules(name).file.rules} for name in set_names()}
    everything = tmp_path / "all.zip"
    listed = [
        line.split("\t")
        for file in truth.LISTS
        for line in file.read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    with zipfile.ZipFile(everything, "w") as archive:
        for path in sorted({path for _, path, _ in listed}):
            archive.writestr(path, b"")
    sets = {source: everything for source, _, _ in listed}
    found = [*pictures, *packaged(sets)]
    assert len(found) == len(pictures) + len(listed)
    for picture in found:
        for name, right in picture.right.items():
            assert right <= known[name], picture.name


def test_imagenet_classes_become_labels(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    listed = tmp_path / "list.tsv"
    listed.write_text(
        "# comment\n\nown\ta\t436 751\nown\tmissing\t436\nother\ta\t436\nown\ta\tclaims:vehicle fashion:\n"
    )
    first, second = packaged({"own": tmp_path}, (listed,))
    assert first.right == {"claims": frozenset({"vehicle"}), "fashion": frozenset()}
    assert second.right == first.right


def test_the_samples_are_those_of_the_set_up() -> None:
    spec = yaml.safe_load(SAMPLES_SPEC.read_text(encoding="utf-8"))
    told = yaml.safe_load((Path(truth.__file__).parent / "truth.yaml").read_text(encoding="utf-8"))["samples"]
    assert set(told) == {name for package in spec.values() for name in package["photos"]}


def test_drawn_pictures_are_pictures_and_the_same_each_time(pictures: list[truth.Picture]) -> None:
    names = [(picture.source, picture.name) for picture in pictures]
    assert len(set(names)) == len(names) > 80
    for picture in pictures[:3]:
        image = Image.open(io.BytesIO(picture.content))
        assert (image.size, image.format) == ((1200, 900), "JPEG")
    assert pictures[:2] == list(islice(drawn(), 2))


def found(name: str, confidence: float, *, review: bool = False) -> Label:
    return Label(name=name, confidence=confidence, source=f"rule:{name}", review=review)


def test_counting() -> None:
    scores = Scores()
    scores.add("s", "1", frozenset({"car"}), [found("car", 0.9), found("cat", 0.5, review=True)])
    scores.add("s", "2", frozenset({"car", "cat"}), [found("cat", 0.9)])
    scores.add("t", "3", frozenset(), [found("unlabelled", 0.0, review=True)])
    scores.add("t", "4", frozenset({"cat"}), [found("unlabelled", 0.0, review=True)])
    car, cat = scores.labels["car"], scores.labels["cat"]
    assert (car.precision, car.recall, car.sure_precision, car.there) == (1.0, 0.5, 1.0, 2)
    assert (cat.precision, cat.recall, cat.sure_precision, cat.there) == (0.5, 0.5, 1.0, 2)
    assert set(scores.labels) == {"car", "cat"}
    assert (scores.pictures, scores.for_review) == (4, 3)
    assert (scores.all.right, scores.all.wrong, scores.all.missed) == (2, 1, 2)
    assert scores.sources["t"].recall == 0.0
    assert scores.sources["t"].precision is None
    assert scores.mistakes == [
        "s/1: cat 0.50, for review wrong, by rule:cat: ",
        "s/2: car missed",
        "t/4: cat missed",
    ]
