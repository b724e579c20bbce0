"""From what the engine sees to a project's predictions."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from emulators.vision.custom.projects import Classification, Detection
from emulators.vision.engine.analyzer import Engine
from emulators.vision.engine.classifier import OnnxClassifier
from emulators.vision.engine.models import ModelSpec
from emulators.vision.engine.pictures import decode
from emulators.vision.engine.types import Box, Feature, Found, Options

_SIDE, _LEAST_SHORT = 512, 224


@dataclass(frozen=True, slots=True)
class Part:
    """A box in fractions of the picture, 0..1."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Prediction:
    tag: str
    probability: float
    kind: Literal["Regular", "Negative"] = "Regular"
    box: Part | None = None


class Predictor:
    """Classifies and detects; loads a project's own model at its first use."""

    def __init__(self) -> None:
        self._models: dict[Path, OnnxClassifier] = {}
        self._loading = threading.Lock()

    def classify(self, engine: Engine, data: bytes, how: Classification) -> list[Prediction]:
        """Every tag with its probability, surest first. Raises InvalidImage, ModelError."""
        if how.spec is not None:
            found = self._by_model(how.spec, data)
        else:
            words = engine.words(data)
            found = {tag: _surest(words, names) for tag, names in (how.classes or {}).items()}
        predictions = [Prediction(tag, round(sure, 6)) for tag, sure in found.items()]
        if how.negative is not None:
            rest = 1 - max(found.values(), default=0.0)
            predictions.append(Prediction(how.negative, round(max(0.0, rest), 6), "Negative"))
        return sorted(predictions, key=lambda prediction: -prediction.probability)

    def detect(self, engine: Engine, data: bytes, how: Detection) -> list[Prediction]:
        """What was found of the project's classes, with its place, surest first. Raises InvalidImage."""
        wanted = {Feature.OBJECTS}
        if any("text" in names for names in how.classes.values()):
            wanted.add(Feature.READ)
        seen = engine.analyze(data, frozenset(wanted), Options())
        things: Sequence[Found] = [
            *(seen.objects or ()),
            *(Found("text", line.confidence, line.box) for line in seen.lines or ()),
        ]
        found = [
            Prediction(tag, round(thing.confidence, 6), box=_part(thing.box, seen.width, seen.height))
            for thing in things
            for tag, names in how.classes.items()
            if thing.name in names
        ]
        return sorted(found, key=lambda prediction: -prediction.probability)

    def _by_model(self, spec: ModelSpec, data: bytes) -> dict[str, float]:
        with self._loading:
            if spec.model_path not in self._models:
                self._models[spec.model_path] = OnnxClassifier(spec)
            model = self._models[spec.model_path]
        probabilities = model.classify(decode(data, _SIDE, _LEAST_SHORT).rgb)
        return {name: float(p) for name, p in zip(model.vocabulary.labels, probabilities, strict=True)}


def _surest(words: Mapping[str, float], names: Sequence[str]) -> float:
    return max((words.get(name, 0.0) for name in names), default=0.0)


def _part(box: Box, width: int, height: int) -> Part:
    return Part(
        round(box.x / width, 6), round(box.y / height, 6), round(box.w / width, 6), round(box.h / height, 6)
    )
