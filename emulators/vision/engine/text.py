"""Text in the picture, by rapidocr-onnxruntime (PP-OCRv4; the package carries its models)."""

import logging
import math
import threading
from importlib.metadata import version
from itertools import pairwise
from typing import Any

import numpy as np

from emulators.vision.engine.pictures import Picture
from emulators.vision.engine.types import Line, Polygon, Word

_LEAST_SURE = 0.7
_SHORT = 2
_LEAST_SURE_SHORT = 0.85
"""Lines under these are more often texture than text; the shorter, the more often."""
_LEAST_SHORT_SIDE = 480
"""Smaller pictures are enlarged to this before text is looked for."""
_GAP, _GAP_AFTER_STOP = 1.75, 1.4


class TextReader:
    """One recogniser for the process: it keeps state between its steps, so one picture at a time."""

    def __init__(self, recogniser: Any = None) -> None:
        """``recogniser``: called like a RapidOCR; one is made at the first use otherwise."""
        self._lock = threading.Lock()
        self._engine = recogniser

    @property
    def version(self) -> str:
        return f"rapidocr-{version('rapidocr-onnxruntime')}"

    def load(self) -> None:
        """Read the models (about a second); done at the first read otherwise."""
        with self._lock:
            self._loaded()

    def read(self, picture: Picture) -> list[Line]:
        """Lines from top to bottom. Raises whatever the recogniser raises."""
        with self._lock:
            found, _ = self._loaded()(picture.rgb[:, :, ::-1].copy(), return_word_box=True)
        lines = [_line(picture, entry) for entry in found or [] if _plausible(str(entry[1]), float(entry[2]))]
        return [line for line in lines if line.words]

    def _loaded(self) -> Any:
        if self._engine is None:
            from rapidocr_onnxruntime import RapidOCR

            self._engine = RapidOCR(
                intra_op_num_threads=1,
                inter_op_num_threads=1,
                det_limit_type="min",
                det_limit_side_len=_LEAST_SHORT_SIDE,
            )
            for name in ("RapidOCR", "OrtInferSession"):
                # They write to stderr by themselves, and everything.
                logging.getLogger(name).handlers.clear()
                logging.getLogger(name).setLevel(logging.WARNING)
        return self._engine


def _plausible(text: str, confidence: float) -> bool:
    characters = sum(character.isalnum() for character in text)
    return characters > 0 and confidence >= (_LEAST_SURE if characters > _SHORT else _LEAST_SURE_SHORT)


def _line(picture: Picture, entry: Any) -> Line:
    corners, text, confidence = entry[0], str(entry[1]).strip(), float(entry[2])
    outline = _polygon(picture, corners)
    boxes, characters, sure = entry[3:6] if len(entry) > 5 else ((), (), ())
    if not characters or not len(boxes) == len(characters) == len(sure):
        return Line(text, outline, (Word(text, outline, round(confidence, 4)),))
    words = tuple(_word(picture, run, boxes, characters, sure) for run in _runs(boxes, characters))
    return Line(" ".join(word.text for word in words), outline, words)


def _runs(boxes: Any, characters: Any) -> list[list[int]]:
    """Indices of the characters of each word: between blanks, and between gaps that the recogniser, trained
    on Chinese first, read over."""
    middles = [_middle(box) for box in boxes]
    steps = [math.dist(a, b) for a, b in pairwise(middles)]
    usual = float(np.median(steps)) if steps else 0.0
    runs: list[list[int]] = [[]]
    for i, character in enumerate(characters):
        if character.isspace():
            runs.append([])
            continue
        if i and runs[-1] and steps[i - 1] > usual * _gap(characters[i - 1], character):
            runs.append([])
        runs[-1].append(i)
    return [run for run in runs if run]


def _gap(before: str, after: str) -> float:
    """How many usual steps from one character to the next make a gap between words."""
    if max(before, after) >= "\u2e80":
        return math.inf  # Chinese, Japanese and Korean
    return _GAP_AFTER_STOP if before in ".,:;!?" else _GAP


def _middle(box: Any) -> tuple[float, float]:
    return sum(float(x) for x, _ in box) / len(box), sum(float(y) for _, y in box) / len(box)


def _word(picture: Picture, run: list[int], boxes: Any, characters: Any, sure: Any) -> Word:
    first, last = boxes[run[0]], boxes[run[-1]]
    around = [first[0], last[1], last[2], first[3]]
    confidence = sum(float(sure[i]) for i in run) / len(run)
    return Word(
        "".join(characters[i] for i in run), _polygon(picture, around), round(min(1.0, confidence), 4)
    )


def _polygon(picture: Picture, corners: Any) -> Polygon:
    scale = picture.scale
    return tuple(
        (
            max(0, min(round(float(x) * scale), picture.width)),
            max(0, min(round(float(y) * scale), picture.height)),
        )
        for x, y in corners
    )
