"""What the model's tests need: a writer of torch's legacy files, and EfficientNet-Lite0 in plain numpy.

The network here is written from its description alone (batch norm unfolded, padding by hand), so that agreement with
the ONNX graph means something.
"""

import io
import pickle
import struct
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
State = Mapping[str, npt.NDArray[Any]]

# Kernel, stride, expansion, width in, width out, as in the published table.
BLOCKS = (
    [(3, 1, 1, 32, 16), (3, 2, 6, 16, 24), (3, 1, 6, 24, 24), (5, 2, 6, 24, 40), (5, 1, 6, 40, 40)]
    + [(3, 2, 6, 40, 80)] + [(3, 1, 6, 80, 80)] * 2
    + [(5, 1, 6, 80, 112)] + [(5, 1, 6, 112, 112)] * 2
    + [(5, 2, 6, 112, 192)] + [(5, 1, 6, 192, 192)] * 3
    + [(3, 1, 6, 192, 320)]
)  # fmt: skip


def random_state(seed: int = 1) -> dict[str, Array]:
    """A state dict of the right shapes that keeps activations in a useful range."""
    rng = np.random.default_rng(seed)
    state: dict[str, Array] = {}

    def conv(name: str, out: int, inside: int, size: int) -> None:
        spread = (2 / (inside * size * size)) ** 0.5
        state[f"{name}.weight"] = rng.normal(0, spread, (out, inside, size, size)).astype(np.float32)

    def norm(name: str, width: int) -> None:
        state[f"{name}.weight"] = rng.uniform(0.5, 1.5, width).astype(np.float32)
        state[f"{name}.bias"] = rng.normal(0, 0.2, width).astype(np.float32)
        state[f"{name}.running_mean"] = rng.normal(0, 0.2, width).astype(np.float32)
        state[f"{name}.running_var"] = rng.uniform(0.5, 1.5, width).astype(np.float32)

    conv("_conv_stem", 32, 3, 3)
    norm("_bn0", 32)
    for i, (kernel, _, expansion, inside, out) in enumerate(BLOCKS):
        wide = inside * expansion
        if expansion != 1:
            conv(f"_blocks.{i}._expand_conv", wide, inside, 1)
            norm(f"_blocks.{i}._bn0", wide)
        conv(f"_blocks.{i}._depthwise_conv", wide, 1, kernel)
        norm(f"_blocks.{i}._bn1", wide)
        conv(f"_blocks.{i}._project_conv", out, wide, 1)
        norm(f"_blocks.{i}._bn2", out)
    conv("_conv_head", 1280, 320, 1)
    norm("_bn1", 1280)
    state["_fc.weight"] = rng.normal(0, 0.05, (1000, 1280)).astype(np.float32)
    state["_fc.bias"] = rng.normal(0, 0.1, 1000).astype(np.float32)
    return state


def network(state: State, pixels: Array) -> dict[str, Array]:
    """Outputs of ``stem``, of each ``blockN`` and of ``logits`` for pixels ``(3, side, side)``."""
    seen: dict[str, Array] = {}
    at = _relu6(_norm(state, "_bn0", _dense(pixels, state["_conv_stem.weight"], 2)))
    seen["stem"] = at
    for i, (_, stride, expansion, inside, out) in enumerate(BLOCKS):
        name, before = f"_blocks.{i}", at
        if expansion != 1:
            at = _relu6(_norm(state, f"{name}._bn0", _dense(at, state[f"{name}._expand_conv.weight"], 1)))
        at = _depthwise(at, state[f"{name}._depthwise_conv.weight"], stride)
        at = _relu6(_norm(state, f"{name}._bn1", at))
        at = _norm(state, f"{name}._bn2", _dense(at, state[f"{name}._project_conv.weight"], 1))
        if stride == 1 and inside == out:
            at = at + before
        seen[f"block{i}"] = at
    at = _relu6(_norm(state, "_bn1", _dense(at, state["_conv_head.weight"], 1)))
    seen["logits"] = (state["_fc.weight"] @ at.mean(axis=(1, 2)) + state["_fc.bias"]).astype(np.float32)
    return seen


def _windows(values: Array, kernel: int, stride: int) -> Array:
    """``(channels, rows, columns, kernel, kernel)`` with TensorFlow's SAME padding."""
    side = values.shape[1]
    out = -(-side // stride)
    total = max((out - 1) * stride + kernel - side, 0)
    pad = total // 2, total - total // 2
    padded = np.pad(values, ((0, 0), pad, pad))
    return np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel), (1, 2))[:, ::stride, ::stride]


def _dense(values: Array, weight: Any, stride: int) -> Array:
    found: Array = np.einsum(
        "chwij,ocij->ohw", _windows(values, weight.shape[2], stride), weight, optimize=True
    )
    return found


def _depthwise(values: Array, weight: Any, stride: int) -> Array:
    found: Array = np.einsum("chwij,cij->chw", _windows(values, weight.shape[2], stride), weight[:, 0])
    return found


def _norm(state: State, name: str, values: Array) -> Array:
    scale, shift, mean, spread = (
        state[f"{name}.{part}"][:, None, None] for part in ("weight", "bias", "running_mean", "running_var")
    )
    return ((values - mean) / np.sqrt(spread + 1e-3) * scale + shift).astype(np.float32)


def _relu6(values: Array) -> Array:
    return np.clip(values, 0, 6)


class Global:
    """Pickles as a name that is looked up when read; called with ``arguments`` if there are any."""

    def __init__(self, module: str, name: str, arguments: tuple[Any, ...] | None = None) -> None:
        self.module, self.name, self.arguments = module, name, arguments


class Reference:
    """Pickles as a persistent id."""

    def __init__(self, pid: tuple[Any, ...]) -> None:
        self.pid = pid


_PurePickler: Any = pickle._Pickler


class _Writer(_PurePickler):  # type: ignore[misc]
    """Python's own pickler, taught to write names of modules that are not installed here."""

    def save(self, value: Any, save_persistent_id: bool = True) -> None:
        if isinstance(value, Global):
            self.write(f"c{value.module}\n{value.name}\n".encode())
            if value.arguments is not None:
                super().save(value.arguments)
                self.write(pickle.REDUCE)
            return
        super().save(value, save_persistent_id)

    def persistent_id(self, value: Any) -> Any:
        return value.pid if isinstance(value, Reference) else None


def pickled(value: Any) -> bytes:
    file = io.BytesIO()
    _Writer(file, 2).dump(value)
    return file.getvalue()


HEADER = pickled(0x1950A86A20F9469CFC6C) + pickled(1001)
MACHINE = pickled({"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2}})


def torch_file(state: State) -> bytes:
    """``state`` as torch's old ``save`` wrote it: one storage a tensor, float32."""
    kind = Global("torch", "FloatStorage")
    tensors: OrderedDict[str, Any] = OrderedDict()
    for i, (name, values) in enumerate(state.items()):
        storage = Reference(("storage", kind, str(i), "cpu", values.size, None))
        strides = tuple(int(np.prod(values.shape[axis + 1 :], dtype=int)) for axis in range(values.ndim))
        arguments: tuple[Any, ...] = (storage, 0, tuple(values.shape), strides, False, OrderedDict())
        tensors[name] = Global("torch._utils", "_rebuild_tensor_v2", arguments)
    raw = b"".join(
        struct.pack("<q", values.size) + values.astype("<f4").tobytes() for values in state.values()
    )
    keys = [str(i) for i in range(len(state))]
    return HEADER + MACHINE + pickled(tensors) + pickled(keys) + raw
