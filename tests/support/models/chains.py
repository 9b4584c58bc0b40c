"""Random chains of image layers, with branches that meet again: what can be streamed."""

from __future__ import annotations

import numpy as np

from tests.support.models.cases import Vector
from tests.support.models.small_graphs import GraphBuilder
from tinyml.ir.dtype import INT8, INT16
from tinyml.ir.graph import Graph, Quant, check
from tinyml.ir.shapes import window
from tinyml.ops.conv_2d import Conv2dAttrs
from tinyml.ops.depthwise_conv_2d import DepthwiseConv2dAttrs
from tinyml.ops.elementwise import BinaryAttrs
from tinyml.ops.layout import ConcatenationAttrs
from tinyml.ops.lookup import NoAttrs
from tinyml.ops.pool_2d import Pool2dAttrs

_KINDS = (
    "conv",
    "conv",
    "depthwise",
    "depthwise",
    "max_pool",
    "average_pool",
    "tanh",
    "add",
    "join",
)
_WIDE_KINDS = ("conv", "conv", "depthwise", "depthwise", "average_pool", "add", "add", "join")


class _Chain(GraphBuilder):
    """A graph that grows at its end."""

    def __init__(self, seed: int, *, is_wide: bool = False) -> None:
        super().__init__(seed)
        self.dtype = INT16 if is_wide else INT8
        shape = (1, self.pick(6, 9, 12), self.pick(4, 5, 8), self.pick(1, 3, 4, 8))
        self.values = [self.image("input", shape, self.quant())]

    def pick(self, *items: int) -> int:
        return int(self.rng.choice(items))

    def quant(self) -> tuple[float, int]:
        if self.dtype == INT16:
            return 0.0002, 0
        return 0.05, self.pick(-128, 127, 0, 5)

    def image(self, name: str, shape: tuple[int, ...], quant: tuple[float, int]) -> int:
        return self.value(name, shape, quant, self.dtype)

    def bias(self, name: str, channels: int) -> int:
        if self.dtype == INT8:
            return super().bias(name, channels)
        data = self.rng.integers(-(1 << 22), 1 << 22, channels)
        return self.constant(name, data, Quant((0.000001,), (0,)))

    def shape(self) -> tuple[int, ...]:
        return self.tensors[self.values[-1]].shape

    def grow(self, kind: str) -> None:
        made = getattr(self, f"_{kind}")(f"v{len(self.values)}")
        if made is not None:
            self.values.append(made)

    def _conv(self, name: str) -> int:
        channels, filters = self.shape()[3], self.pick(4, 5, 8)
        kernel = (self.pick(1, 3, 2), self.pick(1, 3))
        attrs = Conv2dAttrs(*self._window(kernel), activation="RELU")
        weights = self.weights(f"{name}/w", (filters, *kernel, channels), 0, filters)
        operands = (self.values[-1], weights, self.bias(f"{name}/b", filters))
        made = self.image(name, self._made(kernel, attrs, filters), self.quant())
        return self.op("CONV_2D", operands, made, attrs)

    def _depthwise(self, name: str) -> int:
        multiplier = self.pick(1, 1, 2)
        filters = self.shape()[3] * multiplier
        kernel = (self.pick(3, 5), 3)
        padding, stride_h, stride_w = self._window(kernel)
        attrs = DepthwiseConv2dAttrs(padding, stride_h, stride_w, multiplier)
        weights = self.weights(f"{name}/w", (1, *kernel, filters), 3, filters)
        operands = (self.values[-1], weights, self.bias(f"{name}/b", filters))
        made = self.image(name, self._made(kernel, attrs, filters), self.quant())
        return self.op("DEPTHWISE_CONV_2D", operands, made, attrs)

    def _max_pool(self, name: str) -> int:
        return self._pool("MAX_POOL_2D", name, "SAME")

    def _average_pool(self, name: str) -> int:
        return self._pool("AVERAGE_POOL_2D", name, "VALID")

    def _pool(self, kind: str, name: str, padding: str) -> int:
        attrs = Pool2dAttrs(padding, self.pick(1, 2), 1, min(2, self.shape()[1]), 1)
        given = self.tensors[self.values[-1]]
        assert given.quant is not None
        shape = self._made((attrs.kernel_h, 1), attrs, given.shape[3])
        made = self.image(name, shape, (given.quant.scale, given.quant.zero_point))
        return self.op(kind, (self.values[-1],), made, attrs)

    def _tanh(self, name: str) -> int:
        made = self.image(name, self.shape(), (1 / 128, 0))
        return self.op("TANH", (self.values[-1],), made, NoAttrs())

    def _add(self, name: str) -> int | None:
        """A residual: the end plus the latest earlier value of its shape."""
        alike = [i for i in self.values[:-1] if self.tensors[i].shape == self.shape()]
        if not alike:
            return None
        made = self.image(name, self.shape(), self.quant())
        return self.op("ADD", (alike[-1], self.values[-1]), made, BinaryAttrs())

    def _join(self, name: str) -> int:
        """Two convolutions of the end, channels beside channels."""
        _, height, width, channels = self.shape()
        quant, parts = self.quant(), []
        for part, kernel in (("a", 1), ("b", 3)):
            filters = self.pick(3, 4, 8)
            weights = self.weights(
                f"{name}/{part}w", (filters, kernel, kernel, channels), 0, filters
            )
            operands = (self.values[-1], weights, self.bias(f"{name}/{part}b", filters))
            made = self.image(f"{name}/{part}", (1, height, width, filters), quant)
            parts.append(self.op("CONV_2D", operands, made, Conv2dAttrs("SAME", 1, 1)))
        joined = sum(self.tensors[i].shape[3] for i in parts)
        made = self.image(name, (1, height, width, joined), quant)
        return self.op("CONCATENATION", tuple(parts), made, ConcatenationAttrs(3))

    def _window(self, kernel: tuple[int, int]) -> tuple[str, int, int]:
        fits = kernel[0] <= self.shape()[1] and kernel[1] <= self.shape()[2]
        padding = "VALID" if fits and self.pick(0, 0, 1) else "SAME"
        return padding, self.pick(1, 1, 2), self.pick(1, 1, 2)

    def _made(
        self, kernel: tuple[int, int], attrs: object, channels: int
    ) -> tuple[int, int, int, int]:
        padding, strides = attrs.padding, (attrs.stride_h, attrs.stride_w)  # type: ignore[attr-defined]
        rows, columns = (
            window(padding, self.shape()[1 + i], kernel[i], strides[i]).out_size for i in (0, 1)
        )
        return 1, rows, columns, channels


def random_chain(seed: int, *, is_wide: bool = False) -> Graph:
    """A graph of three to seven layers; some end in an average over the whole image.

    ``is_wide``: of int16 values.
    """
    chain = _Chain(seed, is_wide=is_wide)
    length = chain.pick(3, 4, 5, 6) + is_wide
    while len(chain.values) <= length:
        chain.grow(str(chain.rng.choice(_WIDE_KINDS if is_wide else _KINDS)))
    if chain.pick(0, 1):
        given = chain.tensors[chain.values[-1]]
        _, height, width, channels = given.shape
        assert given.quant is not None
        mean = chain.image("mean", (1, 1, 1, channels), (given.quant.scale, given.quant.zero_point))
        attrs = Pool2dAttrs("VALID", 1, 1, height, width)
        chain.values.append(chain.op("AVERAGE_POOL_2D", (chain.values[-1],), mean, attrs))
    used = {i for op in chain.ops for i in op.inputs}
    ends = tuple(i for i in chain.values if i not in used)
    return check(chain.graph((chain.values[0],), ends))


def vectors_of(graph: Graph, count: int) -> list[Vector]:
    """Random inputs over the whole range."""
    rng = np.random.default_rng(5)
    given = graph.tensors[graph.inputs[0]]
    low, high = given.dtype.limits
    draw = (rng.integers(low, high + 1, given.shape) for _ in range(count))
    return [(values.astype(given.dtype.numpy),) for values in draw]
