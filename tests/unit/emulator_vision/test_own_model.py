"""A model of the user's own: an ONNX file, labels and a description."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import yaml
from onnx import TensorProto, helper

from emulators.vision.engine.analyzer import Engine
from emulators.vision.engine.classifier import OnnxClassifier, prepare
from emulators.vision.engine.models import ModelError, Preprocessing, read_spec
from emulators.vision.engine.types import Feature, Options
from tests.unit.emulator_vision.pictures import encoded, plain

SIDE = 16
DESCRIPTION: dict[str, Any] = {
    "name": "colour-1",
    "model": "model.onnx",
    "labels": "labels.txt",
    "preprocessing": {"crop": SIDE, "resize": SIDE},
}


def own_model(folder: Path, *, layout: str = "NCHW", outputs: int = 3, **change: Any) -> Path:
    """A classifier whose logits are ten times the mean of each colour: red, green, blue."""
    shape = ["batch", 3, SIDE, SIDE] if layout == "NCHW" else ["batch", SIDE, SIDE, 3]
    axes = [2, 3] if layout == "NCHW" else [1, 2]
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=axes, keepdims=0),
        helper.make_node("Mul", ["mean", "ten"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 3])],
        [helper.make_tensor("ten", TensorProto.FLOAT, [1], [10.0])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, str(folder / "model.onnx"))
    (folder / "labels.txt").write_text(
        "".join(f"{name}\n" for name in ("Dent", "Scratch", "Intact")[:outputs])
    )
    description = {**DESCRIPTION, **change}
    description["preprocessing"] = {**description["preprocessing"], "layout": layout}
    (folder / "model.yaml").write_text(yaml.safe_dump(description))
    return folder


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_it_classifies(tmp_path: Path, layout: str) -> None:
    classifier = OnnxClassifier(read_spec(own_model(tmp_path, layout=layout)))
    found = classifier.classify(np.asarray(plain((255, 0, 0))))
    assert found.sum() == pytest.approx(1, abs=1e-5)
    assert classifier.vocabulary.labels[int(found.argmax())] == "dent"


def test_the_description_may_be_named_itself(tmp_path: Path) -> None:
    folder = own_model(tmp_path)
    assert OnnxClassifier(read_spec(folder / "model.yaml")).name == "colour-1"


def test_bgr(tmp_path: Path) -> None:
    folder = own_model(tmp_path, preprocessing={**DESCRIPTION["preprocessing"], "colours": "BGR"})
    found = OnnxClassifier(read_spec(folder)).classify(np.asarray(plain((255, 0, 0))))
    assert int(found.argmax()) == 2


def test_temperature_makes_it_less_sure(tmp_path: Path) -> None:
    cool = OnnxClassifier(read_spec(own_model(tmp_path))).classify(np.asarray(plain((255, 0, 0))))
    warm = OnnxClassifier(read_spec(own_model(tmp_path, temperature=5.0))).classify(
        np.asarray(plain((255, 0, 0)))
    )
    assert warm.max() < cool.max()


def test_its_words_are_the_tags(tmp_path: Path) -> None:
    (tmp_path / "map.yaml").write_text("categories: {damage: 0-1}")
    engine = Engine(OnnxClassifier(read_spec(own_model(tmp_path, categories="map.yaml"))))
    found = engine.analyze(
        encoded(striped((255, 0, 0)), "PNG"), frozenset({Feature.TAGS, Feature.CAPTION}), Options()
    )
    assert found.tags is not None
    assert {"dent", "damage"} <= {tag.name for tag in found.tags}
    assert found.caption is not None
    assert found.caption.text == "a dent"
    assert found.model_version.startswith("colour-1+")


def striped(colour: tuple[int, int, int]) -> Any:
    image = plain(colour)
    image.paste(tuple(value // 2 for value in colour), (0, 0, 320, 60))
    return image


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"model": "gone.onnx"}, "gone.onnx.*does not exist"),
        ({"labels": "gone.txt"}, "gone.txt.*does not exist"),
        ({"categories": "gone.yaml"}, "gone.yaml.*does not exist"),
        ({"temperature": 0}, "temperature"),
        ({"output": "scores"}, "output"),
        ({"flavour": "sweet"}, "flavour"),
        ({"name": "two words"}, "name"),
        ({"preprocessing": {"crop": 32, "resize": 16}}, "resize must not be below crop"),
        ({"preprocessing": {"crop": 16, "resize": 16, "std": [1, 0, 1]}}, "std must not be 0"),
    ],
)
def test_bad_descriptions(tmp_path: Path, change: dict[str, Any], why: str) -> None:
    own_model(tmp_path, **change)
    with pytest.raises(ModelError, match=why):
        read_spec(tmp_path)


@pytest.mark.parametrize("text", ["- 1", "a: [", ""])
def test_no_mapping(tmp_path: Path, text: str) -> None:
    (tmp_path / "model.yaml").write_text(text)
    with pytest.raises(ModelError, match=r"model\.yaml"):
        read_spec(tmp_path)
    with pytest.raises(ModelError, match="cannot be read"):
        read_spec(tmp_path / "elsewhere")


def test_models_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="answers 3 classes"):
        OnnxClassifier(read_spec(own_model(tmp_path, outputs=2)))
    folder = own_model(tmp_path, preprocessing={"crop": 20, "resize": 20})
    with pytest.raises(ModelError, match="cannot be run with the preprocessing"):
        OnnxClassifier(read_spec(folder))
    (tmp_path / "model.onnx").write_bytes(b"no model")
    with pytest.raises(ModelError, match="not a usable ONNX model"):
        OnnxClassifier(read_spec(tmp_path))


def test_preprocessing() -> None:
    rgb = np.zeros((40, 80, 3), np.uint8)
    rgb[:, 40:] = 255
    how = Preprocessing(crop=16, resize=20, mean=(127, 127, 127), std=(128, 128, 128))
    batch = prepare(rgb, how)
    assert batch.shape == (1, 3, 16, 16)
    assert batch.min() == pytest.approx(-127 / 128)
    assert batch.max() == pytest.approx(1.0)
    # Cut from the middle: half of it is white.
    assert (batch > 0).mean() == pytest.approx(0.5, abs=0.07)


def test_probabilities_are_taken_as_they_are(tmp_path: Path) -> None:
    folder = own_model(tmp_path, output="probabilities")
    found = OnnxClassifier(read_spec(folder)).classify(np.asarray(plain((255, 255, 0))))
    assert found == pytest.approx([0.5, 0.5, 0.0], abs=1e-5)
