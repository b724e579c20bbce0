"""People, by their faces: the Haar cascades that OpenCV ships, one to propose and a stricter look to confirm.

OpenCV's full-body detectors (HOG, the body cascades) are left out: on photos of standing people they found none, and
a spoonbill was the surest "person" of all. A person is therefore found only by a face turned to the camera, and the
box is the head's.
"""

import math
import threading
from pathlib import Path

import cv2
import numpy as np

from emulators.vision.engine.pictures import Picture
from emulators.vision.engine.pixels import luminance
from emulators.vision.engine.types import Found, Pixels

FACE = "human face"
PERSON = "person"

_SIDE = 480
_STEP = 1.15
_LEAST_FACE = 24
_PROPOSED = 3
_CONFIRMED = 8
"""Overlapping hits that confirm a face: real ones had 25 and more, mistaken ones 4 and fewer."""
_CLOSE_UP = 160


class PeopleFinder:
    """Finds faces. Cascades are not safe to share, so each thread has its own."""

    def __init__(self) -> None:
        self._local = threading.local()

    def faces(self, picture: Picture) -> list[Found]:
        """Faces, surest first."""
        small = luminance(picture.rgb, _SIDE)
        propose, confirm = self._cascades()
        proposed = propose.detectMultiScale(
            small, scaleFactor=_STEP, minNeighbors=_PROPOSED, minSize=(_LEAST_FACE, _LEAST_FACE)
        )
        factor = picture.rgb.shape[1] / small.shape[1]
        found = []
        for box in np.asarray(proposed).reshape(-1, 4).tolist():
            x, y, w, h = (value * factor for value in box)
            hits = _hits(confirm, picture, x, y, w, h)
            if hits >= _CONFIRMED:
                found.append(Found(FACE, round(1 - math.exp(-hits / 8), 4), picture.box(x, y, w, h)))
        return sorted(found, key=lambda face: -face.confidence)

    def _cascades(self) -> tuple[cv2.CascadeClassifier, cv2.CascadeClassifier]:
        if not hasattr(self._local, "cascades"):
            self._local.cascades = _load("frontalface_alt2"), _load("frontalface_alt")
        cascades: tuple[cv2.CascadeClassifier, cv2.CascadeClassifier] = self._local.cascades
        return cascades


def people(faces: list[Found]) -> list[Found]:
    """A person for each face."""
    return [Found(PERSON, face.confidence, face.box) for face in faces]


def _hits(cascade: cv2.CascadeClassifier, picture: Picture, x: float, y: float, w: float, h: float) -> int:
    """How many overlapping hits a close look at a proposed face gives."""
    margin = w / 4
    left, top = max(0, int(x - margin)), max(0, int(y - margin))
    part = picture.rgb[top : int(y + h + margin), left : int(x + w + margin)]
    if min(part.shape[:2]) < 2:
        return 0
    close = _close_up(part)
    _, hits = cascade.detectMultiScale2(close, scaleFactor=1.1, minNeighbors=1, minSize=(60, 60))
    return int(max(np.ravel(hits), default=0))


def _close_up(part: Pixels) -> Pixels:
    height, width = part.shape[:2]
    grey = cv2.cvtColor(np.ascontiguousarray(part), cv2.COLOR_RGB2GRAY)
    size = _CLOSE_UP, max(1, round(_CLOSE_UP * height / width))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def _load(name: str) -> cv2.CascadeClassifier:
    return cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / f"haarcascade_{name}.xml"))
