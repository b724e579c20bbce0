"""Lines and words out of what the recogniser gives: one box a character, blanks often left out."""

from typing import Any

import numpy as np

from emulators.vision.engine.pictures import Picture, decode
from emulators.vision.engine.text import TextReader
from tests.unit.emulator_vision.pictures import encoded, plain, with_text

PICTURE = Picture(400, 200, np.zeros((100, 200, 3), np.uint8))


class Recogniser:
    """Gives prepared answers in the recogniser's form."""

    def __init__(self, *entries: Any) -> None:
        self._entries = list(entries) or None

    def __call__(self, pixels: Any, **_: Any) -> tuple[Any, Any]:
        return self._entries, []


def entry(text: str, starts: list[int], confidence: float = 0.95) -> Any:
    boxes = [[[x, 10], [x + 8, 10], [x + 8, 30], [x, 30]] for x in starts]
    corners = [[starts[0], 10], [starts[-1] + 8, 10], [starts[-1] + 8, 30], [starts[0], 30]]
    return [corners, text, confidence, boxes, list(text), [confidence] * len(text)]


def read(*entries: Any) -> list[Any]:
    return TextReader(Recogniser(*entries)).read(PICTURE)


def test_words_by_blanks_and_by_gaps() -> None:
    [line] = read(entry("ab cd", [0, 10, 20, 30, 40]))
    assert line.text == "ab cd"
    [line] = read(entry("abcdef", [0, 10, 20, 45, 55, 65]))
    assert [word.text for word in line.words] == ["abc", "def"]
    assert line.text == "abc def"


def test_polygons_are_of_the_original() -> None:
    [line] = read(entry("ab", [0, 10]))
    assert line.words[0].polygon == ((0, 20), (36, 20), (36, 60), (0, 60))
    assert line.polygon == line.words[0].polygon


def test_chinese_has_no_gaps() -> None:
    [line] = read(entry("你好世界", [0, 10, 40, 50]))
    assert line.text == "你好世界"


def test_a_word_is_as_sure_as_its_characters() -> None:
    given = entry("ab cd", [0, 10, 20, 30, 40])
    given[5] = [1.0, 0.8, 0.1, 0.6, 0.4]
    assert [word.confidence for word in read(given)[0].words] == [0.9, 0.5]


def test_without_character_boxes_the_line_is_one_word() -> None:
    given = entry("ab cd", [0, 10, 20, 30, 40])[:3]
    [line] = read(given)
    assert [word.text for word in line.words] == ["ab cd"]


def test_what_is_likely_texture_is_left_out() -> None:
    assert read(entry("®", [0]), entry("xyz", [0, 10, 20], 0.5), entry("M6", [0, 10], 0.8)) == []
    assert read() == []


def test_the_real_recogniser() -> None:
    reader = TextReader()
    [line] = reader.read(decode(encoded(with_text("CLAIM 20417"), "PNG"), 1280))
    assert line.text == "CLAIM 20417"
    assert [word.text for word in line.words] == ["CLAIM", "20417"]
    xs = [x for x, _ in line.polygon]
    assert 20 <= min(xs) <= 60
    assert 300 <= max(xs) <= 480
    assert reader.read(decode(encoded(plain(), "PNG"), 1280)) == []
