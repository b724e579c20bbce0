"""Faces and standing people by what OpenCV ships: a Haar cascade, and histograms of gradients with an SVM.

Both are old and modest. They are asked strictly, so that they miss rather than invent.
"""

import math
import threading
from pathlib import Path

import cv2
import numpy as np

from emulators.vision.engine.pictures import Picture
from emulators.vision.engine.pixels import luminance
from emulators.vision.engine.types import Box, Found

FACE = "human face"
PERSON = "person"

_FACE_SIDE = 320
_FACE_MIN = 24
_FACE_NEIGHBOURS = 5
# The cascade's last stage gives about 55 to the faces that it accepts; neighbours tell the sure ones.
_BODY_SIDE = 480
_BODY_MIN_WEIGHT = 1.3


class PeopleFinder:
    """Finds faces and people. Detectors are not safe to share, so each thread has its own."""

    def __init__(self) -> None:
        self._local = threading.local()

    def faces(self, picture: Picture) -> list[Found]:
        small = luminance(picture.rgb, _FACE_SIDE)
        boxes, neighbours = self._cascade.detectMultiScale2(
            small, scaleFactor=1.1, minNeighbors=_FACE_NEIGHBOURS, minSize=(_FACE_MIN, _FACE_MIN)
        )
        factor = picture.rgb.shape[1] / small.shape[1]
        return [
            Found(FACE, round(1 - math.exp(-int(count) / 12), 4), _scaled(picture, box, factor))
            for box, count in zip(boxes, np.ravel(neighbours), strict=True)
        ]

    def bodies(self, picture: Picture) -> list[Found]:
        small = luminance(picture.rgb, _BODY_SIDE)
        height, width = small.shape
        if width < 64 or height < 128:
            return []
        boxes, weights = self._hog.detectMultiScale(small, winStride=(8, 8), scale=1.08)
        factor = picture.rgb.shape[1] / small.shape[1]
        return [
            Found(
                PERSON,
                round(1 / (1 + math.exp(-2.2 * (float(weight) - 0.7))), 4),
                _scaled(picture, box, factor),
            )
            for box, weight in zip(boxes, np.ravel(weights), strict=True)
            if weight >= _BODY_MIN_WEIGHT
        ]

    def people(self, picture: Picture) -> tuple[list[Found], list[Found]]:
        """People and faces. A face inside no found body stands for a person of whom only the head was found;
        the box is then the head's."""
        faces = self.faces(picture)
        bodies = self.bodies(picture)
        alone = [
            Found(PERSON, face.confidence, face.box)
            for face in faces
            if not any(body.box.overlap(face.box) > face.box.area * 0.6 for body in bodies)
        ]
        return sorted(bodies + alone, key=lambda p: -p.confidence), faces

    @property
    def _cascade(self) -> cv2.CascadeClassifier:
        if not hasattr(self._local, "cascade"):
            folder = Path(cv2.__file__).parent / "data"
            self._local.cascade = cv2.CascadeClassifier(str(folder / "haarcascade_frontalface_alt2.xml"))
        cascade: cv2.CascadeClassifier = self._local.cascade
        return cascade

    @property
    def _hog(self) -> cv2.HOGDescriptor:
        if not hasattr(self._local, "hog"):
            hog = cv2.HOGDescriptor()
            hog.setSVMDetector(cv2.HOGDescriptor.getDefaultPeopleDetector())
            self._local.hog = hog
        found: cv2.HOGDescriptor = self._local.hog
        return found


def _scaled(picture: Picture, box: object, factor: float) -> Box:
    x, y, w, h = (float(v) * factor for v in np.asarray(box).tolist())
    return picture.box(x, y, w, h)
