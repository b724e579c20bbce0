"""From a classifier's probabilities to words that people search for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from emulators.vision.engine.models import ModelError
from emulators.vision.engine.types import Caption, Floats, Tag
from emulators.vision.engine.words import with_article

LEAST_CLASS, LEAST_CATEGORY = 0.2, 0.35
"""From these probabilities on, a class or a category is worth a tag. A category must reach its limit beyond what
its share of the classes gives it when the model has no idea: animals are four classes in ten."""
_SUBJECT_CLASS, _SUBJECT_CATEGORY = 0.45, 0.6
_MOST_CLASSES = 5


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """``labels``: a tag for each class. ``categories``: word → the classes that it covers."""

    labels: tuple[str, ...]
    categories: Mapping[str, npt.NDArray[np.intp]] = field(default_factory=dict)
    without_article: frozenset[str] = frozenset()
    not_in_captions: frozenset[str] = frozenset()

    def words(self, probabilities: Floats) -> dict[str, float]:
        """Every word with its probability."""
        found: dict[str, float] = {}
        for label, probability in zip(self.labels, probabilities, strict=True):
            found[label] = found.get(label, 0.0) + float(probability)
        for word, classes in self.categories.items():
            found[word] = max(found.get(word, 0.0), float(probabilities[classes].sum()))
        return found

    def tags(self, probabilities: Floats) -> list[Tag]:
        """Likely classes and the categories over them, surest first. A category is as sure as its classes
        together; it may be likely where none of them is."""
        found: dict[str, float] = {}
        likely = [i for i in np.argsort(-probabilities)[:_MOST_CLASSES] if probabilities[i] >= LEAST_CLASS]
        for i in likely:
            # Two classes may share a name.
            found[self.labels[i]] = found.get(self.labels[i], 0.0) + float(probabilities[i])
        for word, classes in self.categories.items():
            sure = float(probabilities[classes].sum())
            if sure >= self._least(classes, LEAST_CATEGORY) or np.isin(likely, classes).any():
                found[word] = max(found.get(word, 0.0), sure)
        return [
            Tag(name, round(min(sure, 0.9999), 4))
            for name, sure in sorted(found.items(), key=lambda f: -f[1])
        ]

    def subject(self, probabilities: Floats) -> Caption | None:
        """What the picture is of, with its article: the class if that is sure, else the narrowest category that
        is, else nothing."""
        best = int(np.argmax(probabilities))
        if probabilities[best] >= _SUBJECT_CLASS:
            return Caption(self._with_article(self.labels[best]), _sure(probabilities[best]))
        sure = [
            (len(classes), word, float(probabilities[classes].sum()))
            for word, classes in self.categories.items()
            if word not in self.not_in_captions
            and probabilities[classes].sum() >= self._least(classes, _SUBJECT_CATEGORY)
        ]
        if not sure:
            return None
        _, word, confidence = min(sure)
        return Caption(self._with_article(word), _sure(confidence))

    def _least(self, classes: npt.NDArray[np.intp], limit: float) -> float:
        share = len(classes) / len(self.labels)
        return share + (1 - share) * limit

    def _with_article(self, word: str) -> str:
        return word if word in self.without_article else with_article(word)


def read_vocabulary(labels: Path, categories: Path | None) -> Vocabulary:
    """Class names from ``labels`` (one a line), words over them from ``categories``. Raises ModelError."""
    try:
        names = [line.strip().lower() for line in labels.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{labels} cannot be read: {error}") from error
    while names and not names[-1]:
        names.pop()
    if not names or not all(names):
        raise ModelError(f"{labels} must hold one class name a line, and no empty lines")
    if categories is None:
        return Vocabulary(tuple(names))
    try:
        given: Any = yaml.safe_load(categories.read_text(encoding="utf-8"))
        for i, name in (given.get("names") or {}).items():
            names[_in_range(int(i), len(names))] = str(name)
        return Vocabulary(
            labels=tuple(names),
            categories={
                str(word): _ids(str(text), len(names))
                for word, text in (given.get("categories") or {}).items()
            },
            without_article=_words(given.get("without_article")),
            not_in_captions=_words(given.get("not_in_captions")),
        )
    except (OSError, yaml.YAMLError, AttributeError, ValueError, TypeError) as error:
        raise ModelError(
            f"{categories} is no list of categories for {len(names)} classes: {error}"
        ) from error


def _ids(text: str, classes: int) -> npt.NDArray[np.intp]:
    """``"3 7-9"`` as 3, 7, 8, 9."""
    found: set[int] = set()
    for part in text.split():
        first, _, last = part.partition("-")
        found.update(range(_in_range(int(first), classes), _in_range(int(last or first), classes) + 1))
    if not found:
        raise ValueError(f"no classes in {text!r}")
    return np.array(sorted(found), dtype=np.intp)


def _in_range(i: int, classes: int) -> int:
    if not 0 <= i < classes:
        raise ValueError(f"there is no class {i}")
    return i


def _words(given: Sequence[str] | None) -> frozenset[str]:
    return frozenset(str(word) for word in given or ())


def _sure(value: Any) -> float:
    return round(min(float(value), 0.9999), 4)
