"""The default model on pictures whose content is known. Needs what the set-up makes: the model and the samples."""

from pathlib import Path

import pytest

from emulators.vision.engine.analyzer import Engine
from emulators.vision.engine.classifier import OnnxClassifier
from emulators.vision.engine.models import read_spec
from emulators.vision.engine.types import Analysis, Feature, Options
from tools.setup import locations
from tools.setup.errors import NotSetUp
from tools.setup_model import evaluate
from tools.setup_model.location import default_model_home


@pytest.fixture(scope="module")
def samples() -> Path:
    try:
        return locations.samples_dir()
    except NotSetUp as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def engine() -> Engine:
    if not default_model_home().exists():
        pytest.skip("The default model is not built yet. Run `make setup`.")
    return Engine(OnnxClassifier(read_spec(default_model_home())))


def look(engine: Engine, samples: Path, name: str, *features: Feature) -> Analysis:
    wanted = frozenset(features or (Feature.TAGS, Feature.CAPTION))
    return engine.analyze((samples / name).read_bytes(), wanted, Options())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("chelsea.png", {"cat", "animal"}),
        ("coffee.png", {"espresso", "coffee", "drink"}),
        ("rocket.jpg", {"rocket"}),
        ("motorcycle_left.png", {"motorcycle", "vehicle"}),
        ("china.jpg", {"building"}),
        ("flower.jpg", {"flower", "plant"}),
        ("astronaut.png", {"person"}),
    ],
)
def test_what_a_person_would_say_is_among_the_first_five(
    engine: Engine, samples: Path, name: str, expected: set[str]
) -> None:
    found = look(engine, samples, name)
    assert found.tags is not None
    assert expected <= {tag.name for tag in found.tags[:5]}, found.tags


def test_the_measure_of_accuracy(samples: Path) -> None:
    if not default_model_home().exists():
        pytest.skip("The default model is not built yet. Run `make setup`.")
    judged = evaluate.judge(OnnxClassifier(read_spec(default_model_home())), {"samples": samples})
    assert len(judged) == 6
    assert sum(one.hit(1) for one in judged) >= 5
    likelihood, sure, error = evaluate.calibration(judged, 0.8)
    assert 0 < likelihood < 3
    assert 0.5 < sure < 1
    assert 0 <= error < 0.5


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("chelsea.png", "a cat"),
        ("coffee.png", "an espresso"),
        ("china.jpg", "a building"),
        ("astronaut.png", "a person"),
    ],
)
def test_captions(engine: Engine, samples: Path, name: str, text: str) -> None:
    caption = look(engine, samples, name).caption
    assert caption is not None
    assert caption.text == text


def test_a_face(engine: Engine, samples: Path) -> None:
    found = look(engine, samples, "astronaut.png", Feature.PEOPLE, Feature.OBJECTS)
    assert found.people is not None
    [person] = found.people
    # Her face is about 100 pixels wide, its middle at (225, 115).
    assert person.box.x < 225 < person.box.x + person.box.w
    assert person.box.y < 115 < person.box.y + person.box.h
    assert person.box.w < 200
    assert found.objects == found.people


@pytest.mark.parametrize(
    "name", ["chelsea.png", "coffee.png", "brick.png", "coins.png", "china.jpg", "flower.jpg"]
)
def test_no_faces_where_there_are_none(engine: Engine, samples: Path, name: str) -> None:
    assert look(engine, samples, name, Feature.PEOPLE).people == ()


def test_a_page_of_text(engine: Engine, samples: Path) -> None:
    found = look(engine, samples, "page.png", Feature.READ, Feature.TAGS)
    assert found.lines is not None
    text = " ".join(line.text for line in found.lines)
    assert "determine markers of the coins" in text
    assert found.tags is not None
    assert {"text", "document"} <= {tag.name for tag in found.tags[:5]}
