"""Captions composed from what was found, and from nothing else."""

from collections.abc import Sequence

from emulators.vision.engine.pixels import PixelFacts
from emulators.vision.engine.types import Caption, Found, Line
from emulators.vision.engine.words import counted, shortened, with_article

_LONGEST_QUOTE = 40
_PAGE_LINES = 6
_COLOUR_SHARE = 0.2
_SURE_OF_BLANK = 0.9
_UNSURE = 0.3
"""The confidence of a caption that names nothing but colours."""


def compose(
    facts: PixelFacts,
    subject: Caption | None,
    people: Sequence[Found],
    lines: Sequence[Line],
) -> Caption:
    """One English phrase. Its confidence is that of its least sure part.

    ``subject``: what a classifier is sure enough of, with its article ("a sports car"), if anything.
    """
    if facts.blank:
        return Caption(f"{with_article(facts.colours[0][0])} surface", _SURE_OF_BLANK)
    things: list[str] = []
    sure: list[float] = []
    if people:
        things.append(counted("person", "people", len(people)))
        sure.append(min(person.confidence for person in people))
    if subject is not None:
        things.append(subject.text)
        sure.append(subject.confidence)
    if not things and not lines:
        return Caption(with_article(_style(facts)) + _colours(facts), _UNSURE)
    if not things:
        return _of_text(lines)
    text = " and ".join(things)
    if _style(facts) != "picture":
        text = f"{with_article(_style(facts))} of {text}"
    if lines:
        largest = max(lines, key=lambda line: line.box.area)
        text += f' with text "{shortened(largest.text, _LONGEST_QUOTE)}"'
        sure.append(largest.confidence)
    return Caption(text, round(min(sure), 4))


def _of_text(lines: Sequence[Line]) -> Caption:
    what = "a page of text that begins" if len(lines) >= _PAGE_LINES else "text that reads"
    first = lines[0]
    return Caption(f'{what} "{shortened(first.text, _LONGEST_QUOTE)}"', round(first.confidence, 4))


def _style(facts: PixelFacts) -> str:
    manners = {"blurry": facts.blurry, "dark": facts.dark, "black and white": facts.monochrome}
    return " ".join([*[word for word, holds in manners.items() if holds][:2], "picture"])


def _colours(facts: PixelFacts) -> str:
    names = [name for name, share in facts.colours[:2] if share >= _COLOUR_SHARE]
    return f" in {' and '.join(names)}" if names and not facts.monochrome else ""
