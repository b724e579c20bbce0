"""An image classifier in ONNX, run on one core by onnxruntime."""

from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
import onnxruntime

from emulators.vision.engine.models import ModelError, ModelSpec, Preprocessing
from emulators.vision.engine.types import Floats, Pixels
from emulators.vision.engine.vocabulary import Vocabulary, read_vocabulary


class Classifier(Protocol):
    """What the engine needs of a classifier."""

    @property
    def name(self) -> str: ...

    @property
    def vocabulary(self) -> Vocabulary: ...

    def classify(self, rgb: Pixels) -> Floats:
        """The probability of each class, summing to about 1."""


class OnnxClassifier:
    """Safe to share between threads."""

    def __init__(self, spec: ModelSpec) -> None:
        """Load the model. Raises ModelError."""
        self._spec = spec
        self.vocabulary = read_vocabulary(spec.labels_path, spec.categories_path)
        self._session = _session(spec.model_path)
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or inputs[0].type != "tensor(float)":
            raise ModelError(f"{spec.model_path} must have one input of float32")
        self._input = inputs[0].name
        self._output = self._session.get_outputs()[0].name
        self._try()

    @property
    def name(self) -> str:
        return self._spec.name

    @property
    def temperature(self) -> float:
        return self._spec.temperature

    def classify(self, rgb: Pixels) -> Floats:
        values = self._run(prepare(rgb, self._spec.preprocessing))
        if self._spec.output == "probabilities":
            values = np.log(np.maximum(values, 1e-9))
        return softmax(values / self._spec.temperature)

    def _run(self, batch: Floats) -> Floats:
        return np.asarray(
            self._session.run([self._output], {self._input: batch})[0], dtype=np.float32
        ).reshape(-1)

    def _try(self) -> None:
        """One run, so that a model that does not fit is refused at the start and the first picture is not slow."""
        side = self._spec.preprocessing.crop
        path = self._spec.model_path
        try:
            values = self._run(prepare(np.zeros((side, side, 3), np.uint8), self._spec.preprocessing))
        except Exception as error:
            raise ModelError(f"{path} cannot be run with the preprocessing given: {error}") from error
        if values.size != len(self.vocabulary.labels):
            raise ModelError(
                f"{path} answers {values.size} classes; {self._spec.labels_path} names "
                f"{len(self.vocabulary.labels)}"
            )


def prepare(rgb: Pixels, how: Preprocessing) -> Floats:
    """A batch of one, as the model wants it."""
    height, width = rgb.shape[:2]
    factor = how.resize / min(height, width)
    size = max(how.crop, round(width * factor)), max(how.crop, round(height * factor))
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    scaled = np.asarray(cv2.resize(rgb, size, interpolation=method))
    top, left = (size[1] - how.crop) // 2, (size[0] - how.crop) // 2
    square = scaled[top : top + how.crop, left : left + how.crop]
    if how.colours == "BGR":
        square = square[:, :, ::-1]
    values = (square - np.array(how.mean, np.float32)) / np.array(how.std, np.float32)
    if how.layout == "NCHW":
        values = values.transpose(2, 0, 1)
    return np.ascontiguousarray(values[None], dtype=np.float32)


def softmax(values: Floats) -> Floats:
    exponentials = np.exp(values - values.max())
    return np.asarray(exponentials / exponentials.sum(), dtype=np.float32)


def _session(path: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ModelError(f"{path} is not a usable ONNX model: {error}") from error
