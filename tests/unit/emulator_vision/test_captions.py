"""Captions say what was found, and no more."""

from dataclasses import replace

import pytest

from emulators.vision.engine.captions import compose
from emulators.vision.engine.pixels import PixelFacts
from emulators.vision.engine.types import Box, Caption, Found, Line, Word
from emulators.vision.engine.words import counted, shortened, with_article

FACTS = PixelFacts(
    colours=(("blue", 0.6), ("white", 0.3)),
    brightness=0.5,
    contrast=0.2,
    sharpness=500.0,
    colourfulness=0.3,
    aspect_ratio=1.5,
)
CAR = Caption("a sports car", 0.8)
ADA = Found("person", 0.9, Box(0, 0, 10, 10))


def line(text: str, width: int = 100, confidence: float = 0.95) -> Line:
    polygon = ((0, 0), (width, 0), (width, 10), (0, 10))
    return Line(text, polygon, (Word(text, polygon, confidence),))


def test_a_subject() -> None:
    assert compose(FACTS, CAR, [], []) == CAR


def test_people_and_a_subject_are_as_sure_as_the_less_sure() -> None:
    found = compose(FACTS, CAR, [ADA, ADA], [])
    assert found == Caption("two people and a sports car", 0.8)


def test_the_largest_line_is_quoted() -> None:
    found = compose(FACTS, CAR, [], [line("small"), line("AB 123", 300, 0.7)])
    assert found == Caption('a sports car with text "AB 123"', 0.7)


def test_nothing_but_text() -> None:
    assert compose(FACTS, None, [], [line("HOME")]).text == 'text that reads "HOME"'
    assert compose(FACTS, None, [], [line("Title"), *[line("body")] * 8]).text == (
        'a page of text that begins "Title"'
    )


def test_nothing_found() -> None:
    found = compose(FACTS, None, [], [])
    assert found.text == "a picture in blue and white"
    assert found.confidence < 0.5


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"sharpness": 3.0}, "a blurry picture of a sports car"),
        ({"brightness": 0.1}, "a dark picture of a sports car"),
        ({"colourfulness": 0.0}, "a black and white picture of a sports car"),
    ],
)
def test_what_the_picture_is_like(change: dict[str, float], text: str) -> None:
    assert compose(replace(FACTS, **change), CAR, [], []).text == text  # type: ignore[arg-type]


def test_a_blank_surface_is_all_that_is_said_of_it() -> None:
    blank = replace(FACTS, contrast=0.0, sharpness=0.0)
    assert compose(blank, CAR, [], []).text == "a blue surface"


def test_words() -> None:
    assert with_article("otter") == "an otter"
    assert [counted("person", "people", n) for n in (1, 3, 40)] == ["a person", "three people", "many people"]
    assert shortened("a word too many", 9) == "a word…"
    assert shortened("unbreakable", 5) == "unbre…"
