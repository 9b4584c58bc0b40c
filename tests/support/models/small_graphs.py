"""Small graphs by hand, for tests that need neither a training framework nor a file."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyml.ir.dtype import INT8, DType, dtype_of
from tinyml.ir.graph import Array, Graph, Op, Quant, Source, Tensor
from tinyml.ops.conv_2d import Conv2dAttrs
from tinyml.ops.depthwise_conv_2d import DepthwiseConv2dAttrs
from tinyml.ops.elementwise import BinaryAttrs
from tinyml.ops.fully_connected import FullyConnectedAttrs
from tinyml.ops.layout import ReshapeAttrs
from tinyml.ops.lookup import NoAttrs
from tinyml.ops.softmax import SoftmaxAttrs

SOURCE = Source("small.tflite", "0" * 64, 0)


def f32(value: float) -> float:
    """The float32 next to a value: what a model file can hold."""
    return float(np.float32(value))


class GraphBuilder:
    """Adds tensors and ops one by one; every method returns the index of the new tensor."""

    source = SOURCE

    def __init__(self, seed: int = 1) -> None:
        self.rng = np.random.default_rng(seed)
        self.tensors: list[Tensor] = []
        self.ops: list[Op] = []

    def value(
        self,
        name: str,
        shape: tuple[int, ...],
        quant: tuple[float, int] | None = (0.05, 3),
        dtype: DType = INT8,
    ) -> int:
        """A tensor that is computed at run time."""
        held = None if quant is None else Quant((f32(quant[0]),), (quant[1],))
        self.tensors.append(Tensor(name, dtype, shape, held))
        return len(self.tensors) - 1

    def constant(self, name: str, data: Array, quant: Quant | None = None) -> int:
        """A tensor with a value."""
        held = np.array(data, order="C")
        held.flags.writeable = False
        self.tensors.append(Tensor(name, dtype_of(held.dtype), held.shape, quant, held))
        return len(self.tensors) - 1

    def weights(self, name: str, shape: tuple[int, ...], axis: int, channels: int) -> int:
        """Random int8 weights, one scale per slice along ``axis``."""
        data = self.rng.integers(-127, 128, shape).astype(np.int8)
        scales = tuple(f32(s) for s in self.rng.uniform(0.001, 0.01, channels))
        return self.constant(name, data, Quant(scales, (0,) * channels, axis))

    def bias(self, name: str, channels: int) -> int:
        """Random int32 biases."""
        data = self.rng.integers(-500, 500, channels).astype(np.int32)
        return self.constant(name, data, Quant((f32(0.0001),), (0,)))

    def op(
        self, kind: str, inputs: tuple[int, ...], output: int | tuple[int, ...], attrs: Any
    ) -> int:
        """An op, named after its first output."""
        outputs = (output,) if isinstance(output, int) else output
        self.ops.append(Op(kind, self.tensors[outputs[0]].name, inputs, outputs, attrs))
        return outputs[0]

    def graph(self, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> Graph:
        """All of it, named as its file."""
        name = self.source.file_name.removesuffix(".tflite")
        return Graph(name, self.source, tuple(self.tensors), tuple(self.ops), inputs, outputs)


def small_network() -> Graph:
    """Every kind of thing that the reader meets: image [1, 6, 6, 3] -> 4 probabilities."""
    b = GraphBuilder()
    image = b.value("image", (1, 6, 6, 3))
    pads = b.constant("pads", np.array([[0, 0], [0, 1], [0, 1], [0, 0]], np.int32))
    padded = b.op("PAD", (image, pads), b.value("padded", (1, 7, 7, 3)), NoAttrs())
    conv = b.value("conv", (1, 3, 3, 5), (0.04, -7))
    operands = (padded, b.weights("conv/weights", (5, 3, 3, 3), 0, 5), b.bias("conv/bias", 5))
    b.op("CONV_2D", operands, conv, Conv2dAttrs("VALID", 2, 2))
    relu = b.op("RELU", (conv,), b.value("relu", (1, 3, 3, 5), (0.04, -7)), NoAttrs())
    depthwise = b.value("depthwise", (1, 3, 3, 5), (0.06, 0))
    operands = (relu, b.weights("depthwise/weights", (1, 3, 3, 5), 3, 5), b.bias("dw/bias", 5))
    b.op("DEPTHWISE_CONV_2D", operands, depthwise, DepthwiseConv2dAttrs(padding="SAME"))
    added = b.value("added", (1, 3, 3, 5), (0.08, 11))
    b.op("ADD", (relu, depthwise), added, BinaryAttrs("RELU"))
    shape = b.constant("shape", np.array([1, 45], np.int32))
    flat = b.value("flat", (1, 45), (0.08, 11))
    b.op("RESHAPE", (added, shape), flat, ReshapeAttrs((1, 45)))
    dense = b.value("dense", (1, 4), (0.1, 20))
    b.op("FULLY_CONNECTED", (flat, b.weights("w", (4, 45), 0, 1), -1), dense, FullyConnectedAttrs())
    out = b.op("SOFTMAX", (dense,), b.value("out", (1, 4), (1 / 256, -128)), SoftmaxAttrs(1.0))
    return b.graph((image,), (out,))
