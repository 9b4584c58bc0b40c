"""ONNX normalisations over what a sample itself holds: means, differences, and one over a root."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from tinyml.convert.importers.onnx_elementwise import scalar, two
from tinyml.convert.importers.onnx_protos import Attributes, Node, Unknown
from tinyml.convert.importers.onnx_values import Handler, Reader
from tinyml.convert.importers.onnx_weighted import TO_FIRST, TO_LAST, Filters, convolved
from tinyml.ir.graph import Array


@dataclass(frozen=True, slots=True)
class _Norm:
    """What is normalised over which axes."""

    reader: Reader
    name: str
    axes: tuple[int, ...]
    epsilon: float

    def mean(self, value: int, what: str) -> int:
        """The mean over the axes, which stay with one element."""
        return self.reduced("MEAN", value, what)

    def reduced(self, kind: str, value: int, what: str) -> int:
        """A reduction over the axes, which stay with one element."""
        new, name = self.reader.new, f"{self.name}/{what}"
        shape = [1 if i in self.axes else n for i, n in enumerate(new.shape(value))]
        axes = new.integers(f"{name}/axes", self.axes)
        return new.op(kind, (value, axes), shape, name, KeepDims=True)

    def centred(self, value: int) -> int:
        """The value less its mean."""
        return two(self.reader, "SUB", (value, self.mean(value, "mean")), f"{self.name}/centred")

    def scaled(self, value: int) -> int:
        """The value over the root of its mean square."""
        square = two(self.reader, "MUL", (value, value), f"{self.name}/square")
        spread = self.mean(square, "spread")
        root = scalar(self.reader, "ADD", spread, self.epsilon, f"{self.name}/spread_above_0")
        shape = self.reader.new.shape(root)
        factor = self.reader.new.op("RSQRT", (root,), shape, f"{self.name}/factor")
        return two(self.reader, "MUL", (value, factor), f"{self.name}/scaled")

    def affine(self, value: int, scale: Array | None, shift: Array | None) -> int:
        """With a factor and an addend that broadcast; the last of them gives the result's name."""
        for kind, data in (("MUL", scale), ("ADD", shift)):
            if data is not None:
                name = f"{self.name}/{kind.lower()}"
                constant = self.reader.new.constant(f"{name}_by", data.astype(np.float32))
                value = two(self.reader, kind, (value, constant), name)
        return value


def layer_norm(reader: Reader, node: Node, attrs: Attributes) -> int:
    """LayerNormalization over the last axes."""
    value, norm = _last_axes(reader, node, attrs)
    scale, shift = (reader.constant(node, i, "a parameter") for i in (1, 2))
    return norm.affine(norm.scaled(norm.centred(value)), scale, shift)


def rms_norm(reader: Reader, node: Node, attrs: Attributes) -> int:
    """RMSNormalization over the last axes."""
    value, norm = _last_axes(reader, node, attrs)
    return norm.affine(norm.scaled(value), reader.constant(node, 1, "the scale"), None)


def _last_axes(reader: Reader, node: Node, attrs: Attributes) -> tuple[int, _Norm]:
    value = reader.value(node.input[0])
    rank = len(reader.new.shape(value))
    axes = tuple(range(attrs.integer("axis", -1) % rank, rank))
    return value, _Norm(reader, node.output[0], axes, attrs.number("epsilon", 1e-5))


def instance_norm(reader: Reader, node: Node, attrs: Attributes) -> int:
    """InstanceNormalization: each channel over its image."""
    value = reader.value(node.input[0])
    rank = len(reader.new.shape(value))
    norm = _Norm(reader, node.output[0], tuple(range(2, rank)), attrs.number("epsilon", 1e-5))
    held = [reader.constant(node, i, "a parameter") for i in (1, 2)]
    scale, shift = (None if v is None else _along_channels(v, rank) for v in held)
    return norm.affine(norm.scaled(norm.centred(value)), scale, shift)


def _along_channels(data: Array, rank: int) -> Array:
    return data.reshape((1, -1) + (1,) * (rank - 2))


def group_norm(reader: Reader, node: Node, attrs: Attributes) -> int:
    """GroupNormalization: groups of channels, each over its images."""
    value, groups = reader.value(node.input[0]), attrs.integer("num_groups")
    shape = reader.new.shape(value)
    scale, shift = (reader.constant(node, i, "a parameter") for i in (1, 2))
    assert scale is not None
    assert shift is not None
    if reader.opset < 21:  # one number per group
        scale, shift = (np.repeat(v, shape[1] // groups) for v in (scale, shift))
    return grouped(reader, (value, groups, attrs.number("epsilon", 1e-5)), (scale, shift), node)


def grouped(
    reader: Reader, what: tuple[int, int, float], by: tuple[Array, Array], node: Node
) -> int:
    """``what`` = (value, groups, epsilon) normalised over groups of channels, then ``by``.

    With channels last: a mean over pixels, then over the channels of a group, [1, g, c / g].
    """
    value, groups, epsilon = what
    shape, name, rank = reader.new.shape(value), node.output[0], len(reader.new.shape(value))
    pixels = prod(shape[2:])
    flat = reader.new.reshape(value, (1, groups, shape[1] // groups, pixels))
    norm = _Norm(reader, f"{name}/groups", (2, 3), epsilon)
    made = reader.new.reshape(norm.scaled(norm.centred(flat)), shape)
    scale, shift = (_along_channels(v, rank) for v in by)
    return _Norm(reader, name, (), 0.0).affine(made, scale, shift)


def mean_variance(reader: Reader, node: Node, attrs: Attributes) -> int:
    """MeanVarianceNormalization."""
    value = reader.value(node.input[0])
    axes = tuple(attrs.integers("axes") or (0, 2, 3))
    norm = _Norm(reader, node.output[0], axes, 1e-9)
    return norm.scaled(norm.centred(value))


def lp_normalization(reader: Reader, node: Node, attrs: Attributes) -> int:
    """LpNormalization of the second degree: L2_NORMALIZATION along the last axis."""
    if attrs.integer("p", 2) != 2:
        raise Unknown(f"degree {attrs.integer('p', 2)}")
    value, name = reader.value(node.input[0]), node.output[0]
    rank = len(reader.new.shape(value))
    axis = attrs.integer("axis", -1) % rank
    order = [i for i in range(rank) if i != axis] + [axis]
    moved = reader.new.transpose(value, order)
    made = reader.new.op("L2_NORMALIZATION", (moved,), reader.new.shape(moved), name)
    return reader.new.transpose(made, [order.index(i) for i in range(rank)])


def local_response(reader: Reader, node: Node, attrs: Attributes) -> int:
    """LRN: over a root of the squares of neighbouring channels, summed by a 1x1 convolution."""
    value, name = reader.value(node.input[0]), node.output[0]
    channels, size = reader.new.shape(value)[1], attrs.integer("size")
    alpha, beta = attrs.number("alpha", 1e-4), attrs.number("beta", 0.75)
    first = np.arange(channels) - (size - 1) // 2
    others = np.arange(channels)[None]
    near = (others >= first[:, None]) & (others < first[:, None] + size)
    square = two(reader, "MUL", (value, value), f"{name}/squares")
    image = reader.new.transpose(square, TO_LAST)
    weights = near.astype(np.float32)[:, :, None, None] * np.float32(alpha / size)
    bias = np.full(channels, attrs.number("bias", 1.0), np.float32)
    spread = convolved(reader, image, Filters(weights, bias), f"{name}/spread")
    factor = scalar(reader, "POW", reader.new.transpose(spread, TO_FIRST), -beta, f"{name}/factor")
    return two(reader, "MUL", (value, factor), name)


HANDLERS: dict[str, Handler] = {
    "GroupNormalization": group_norm,
    "InstanceNormalization": instance_norm,
    "LRN": local_response,
    "LayerNormalization": layer_norm,
    "LpNormalization": lp_normalization,
    "MeanVarianceNormalization": mean_variance,
    "RMSNormalization": rms_norm,
}
