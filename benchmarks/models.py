"""Models of our own to measure: shapes that the public ones lack, with made-up weights.

Speed and memory depend on shapes, not on what a network has learnt, so weights are random; scales
are chosen so that values spread over int8 and nothing saturates away.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tinyml.ir.dtype import INT8, INT32
from tinyml.ir.graph import Graph, Op, Quant, Source, Tensor
from tinyml.model.writer import write
from tinyml.ops.conv_2d import Conv2dAttrs
from tinyml.ops.depthwise_conv_2d import DepthwiseConv2dAttrs
from tinyml.ops.elementwise import BinaryAttrs
from tinyml.ops.fully_connected import FullyConnectedAttrs
from tinyml.ops.pool_2d import Pool2dAttrs

SPREAD = 40.0  # standard deviation of values that a layer aims at, in steps of int8
WEIGHT_SCALE = 0.01
VALUE_SCALE = 0.05


@dataclass(slots=True)
class Sequence:
    """A network under construction; each method appends a layer to the running value."""

    name: str
    shape: tuple[int, ...]
    generator: np.random.Generator
    tensors: list[Tensor] = field(default_factory=list)
    ops: list[Op] = field(default_factory=list)
    value: int = 0  # index of the running value

    def __post_init__(self) -> None:
        self.value = self._tensor("input", self.shape, VALUE_SCALE, 0)

    def conv(self, filters: int, kernel: int, stride: int = 1, relu: bool = True) -> Sequence:
        """A SAME convolution."""
        depth = self.shape[3]
        attrs = Conv2dAttrs("SAME", stride, stride, activation="RELU" if relu else "NONE")
        shape = (1, -(-self.shape[1] // stride), -(-self.shape[2] // stride), filters)
        weights = (filters, kernel, kernel, depth)
        return self._weighted("CONV_2D", attrs, weights, 0, filters, shape, kernel**2 * depth)

    def depthwise(self, kernel: int, stride: int = 1) -> Sequence:
        """A SAME depthwise convolution with fused ReLU."""
        channels = self.shape[3]
        attrs = DepthwiseConv2dAttrs("SAME", stride, stride, 1, activation="RELU")
        shape = (1, -(-self.shape[1] // stride), -(-self.shape[2] // stride), channels)
        weights = (1, kernel, kernel, channels)
        return self._weighted("DEPTHWISE_CONV_2D", attrs, weights, 3, channels, shape, kernel**2)

    def dense(self, features: int) -> Sequence:
        """A fully connected layer on the flattened value."""
        depth = int(np.prod(self.shape))
        attrs = FullyConnectedAttrs()
        return self._weighted(
            "FULLY_CONNECTED", attrs, (features, depth), None, features, (1, features), depth
        )

    def add(self, other: int) -> Sequence:
        """Adds an earlier value of the same shape."""
        scales = [quant.scale for i in (self.value, other) if (quant := self.tensors[i].quant)]
        result = self._tensor(f"add_{len(self.ops)}", self.shape, 1.4 * max(scales), 0)
        return self._append("ADD", BinaryAttrs(), (self.value, other), result)

    def pool(self) -> Sequence:
        """A global average pool."""
        height, width = self.shape[1:3]
        attrs = Pool2dAttrs("VALID", height, width, height, width)
        quant = self.tensors[self.value].quant
        assert quant is not None
        shape = (1, 1, 1, self.shape[3])
        result = self._tensor(f"pool_{len(self.ops)}", shape, quant.scale, quant.zero_point)
        return self._append("AVERAGE_POOL_2D", attrs, (self.value,), result)

    def graph(self) -> Graph:
        """The finished network."""
        source = Source(f"{self.name}.tflite", "0" * 64, 0)
        return Graph(self.name, source, tuple(self.tensors), tuple(self.ops), (0,), (self.value,))

    def _weighted(
        self,
        kind: str,
        attrs: object,
        weight_shape: tuple[int, ...],
        axis: int | None,
        channels: int,
        shape: tuple[int, ...],
        taps: int,
    ) -> Sequence:
        name = f"{kind.lower()}_{len(self.ops)}"
        given = self.tensors[self.value].quant
        assert given is not None
        count = 1 if axis is None else channels
        scales = tuple(
            float(np.float32(WEIGHT_SCALE * (0.5 + (7 * i % 11) / 11))) for i in range(count)
        )
        weights = self.generator.integers(-127, 128, weight_shape).astype(np.int8)
        bias = self.generator.integers(-2000, 2000, channels).astype(np.int32)
        self.tensors += [
            Tensor(
                f"{name}/w", INT8, weight_shape, Quant(scales, (0,) * count, axis or 0), weights
            ),
            Tensor(f"{name}/b", INT32, (channels,), None, bias),
        ]
        operands = (self.value, len(self.tensors) - 2, len(self.tensors) - 1)
        sums = np.sqrt(taps) * 73.0 * 60.0 * given.scale * float(np.mean(scales))
        is_positive = getattr(attrs, "activation", "NONE") == "RELU"
        result = self._tensor(name, shape, sums / SPREAD, -128 if is_positive else 0)
        return self._append(kind, attrs, operands, result)

    def _tensor(self, name: str, shape: tuple[int, ...], scale: float, zero_point: int) -> int:
        quant = Quant((float(np.float32(scale)),), (zero_point,))
        self.tensors.append(Tensor(name, INT8, shape, quant))
        return len(self.tensors) - 1

    def _append(self, kind: str, attrs: object, operands: tuple[int, ...], result: int) -> Sequence:
        made = self.tensors[result]
        self.ops.append(Op(kind, made.name, operands, (result,), attrs))
        self.value, self.shape = result, made.shape
        return self


def large_kernels() -> Graph:
    """Inverted bottlenecks with 3x3, 5x5 and 7x7 depthwise, as found by architecture search."""
    net = Sequence("large_kernels", (1, 48, 48, 3), np.random.default_rng(1)).conv(8, 3, 2)
    for filters, kernel, stride in ((12, 3, 2), (16, 5, 1), (16, 7, 1), (24, 5, 2), (24, 7, 1)):
        before, shape = net.value, net.shape
        net = net.conv(4 * filters, 1).depthwise(kernel, stride).conv(filters, 1, relu=False)
        if shape == net.shape:
            net = net.add(before)
    return net.pool().dense(10).graph()


def residuals() -> Graph:
    """A small residual network: stride-1 3x3 convolutions and additions."""
    net = Sequence("residuals", (1, 24, 24, 3), np.random.default_rng(2)).conv(16, 3)
    for filters, stride in ((16, 1), (16, 1), (32, 2), (32, 1)):
        if stride > 1:
            net = net.conv(filters, 3, stride)
        before = net.value
        net = net.conv(filters, 3).conv(filters, 3, relu=False).add(before)
    return net.pool().dense(10).graph()


def many_channels() -> Graph:
    """Few pixels, many channels: the end of a large network."""
    net = Sequence("many_channels", (1, 6, 6, 64), np.random.default_rng(3))
    net = net.conv(192, 1).depthwise(3).conv(192, 1).depthwise(3, 2).conv(256, 1)
    return net.pool().dense(100).graph()


def write_models(folder: Path) -> list[Path]:
    """Writes all of them as .tflite files."""
    paths = []
    for make in (large_kernels, residuals, many_channels):
        graph = make()
        path = folder / graph.source.file_name
        path.write_bytes(write(graph))
        paths.append(path)
    return paths
