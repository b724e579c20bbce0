"""Captions composed from what was found, and from nothing else."""

from collections.abc import Sequence

from emulators.vision.engine.pixels import PixelFacts
from emulators.vision.engine.types import Caption, Found, Line

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_LONGEST_QUOTE = 40


def compose(
    facts: PixelFacts,
    subject: Caption | None,
    people: Sequence[Found],
    lines: Sequence[Line],
) -> Caption:
    """One English sentence without a full stop. Its confidence is that of its least sure part.

    ``subject``: what a classifier is sure enough of, with its article ("a sports car"), if anything.
    """
    if facts.blank:
        return Caption(f"a blank {_colour(facts)} surface".replace("  ", " "), 0.9)
    sure: list[float] = []
    things: list[str] = []
    if people:
        things.append(
            "a person"
            if len(people) == 1
            else f"{_NUMBERS[len(people)]} people"
            if len(people) < len(_NUMBERS)
            else "many people"
        )
        sure.append(min(p.confidence for p in people))
    if subject is not None:
        things.append(subject.text)
        sure.append(subject.confidence)
    quote = _quote(lines)
    if quote and not things:
        things.append("text" if len(lines) < 6 else "a page of text")
    if not things:
        return Caption(f"{_article(_style(facts))} {_style(facts)}{_colours(facts)}", 0.3)
    text = " and ".join(things)
    if _style(facts) != "picture":
        text = f"{_article(_style(facts))} {_style(facts)} of {text}"
    if quote:
        text += (
            f' that reads "{quote}"' if things[-1] in ("text", "a page of text") else f' with text "{quote}"'
        )
        sure.append(lines[0].confidence)
    return Caption(text, round(min(sure), 4))


def _style(facts: PixelFacts) -> str:
    words = [
        word
        for word, holds in (
            ("blurry", facts.blurry),
            ("dark", facts.dark),
            ("black and white", facts.monochrome),
        )
        if holds
    ]
    return " ".join([*words[:2], "picture"])


def _colour(facts: PixelFacts) -> str:
    return facts.colours[0][0] if facts.colours else ""


def _colours(facts: PixelFacts) -> str:
    if facts.monochrome:
        return ""
    names = [name for name, share in facts.colours[:2] if share >= 0.2]
    return f" in {' and '.join(names)}" if names else ""


def _article(words: str) -> str:
    return "an" if words[:1] in "aeiou" else "a"


def _quote(lines: Sequence[Line]) -> str:
    if not lines:
        return ""
    text = lines[0].text
    return text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE].rsplit(" ", 1)[0] + "…"
