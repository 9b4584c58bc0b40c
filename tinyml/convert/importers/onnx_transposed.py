"""ONNX transposed convolutions: one operator and a crop, or, with groups, ordinary convolutions.

With a step of s, every s-th row of the result is an ordinary convolution with every s-th row of the
filter. So a layer with groups, which .tflite does not have, is s x s grouped convolutions, and a
move of what they give to the places in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinyml.convert.importers.onnx_protos import Attributes, Node
from tinyml.convert.importers.onnx_values import Handler, Reader
from tinyml.convert.importers.onnx_weighted import (
    VALID,
    Filters,
    as_image,
    convolved,
    from_image,
    pair,
)
from tinyml.ir.dtype import FLOAT32
from tinyml.ir.graph import Array

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Layer:
    """A layer on an image, its filter without gaps."""

    name: str
    image: int
    weights: Array  # [input channel, output channel of a group, rows, columns]
    bias: Array
    groups: int
    steps: Pair
    first: Pair  # row and column of the whole result that is the first to be kept
    sizes: Pair  # of what is kept


def conv_transpose(reader: Reader, node: Node, attrs: Attributes) -> int:
    """ConvTranspose of one or two dimensions."""
    weights, bias = reader.constant(node, 1, "the weights"), reader.constant(node, 2, "the bias")
    assert weights is not None
    image, is_line = as_image(reader, node)
    held = weights[:, :, None] if is_line else weights
    held = _spread(held, pair(attrs.integers("dilations"), 1, is_line))
    groups = attrs.integer("group", 1)
    channels = held.shape[1] * groups
    steps = pair(attrs.integers("strides"), 1, is_line)
    first, sizes = _kept(attrs, is_line, (reader.new.shape(image)[1:3], held.shape[2:], steps))
    reach = [f + n for f, n in zip(first, sizes, strict=True)]
    whole = _whole(reader.new.shape(image)[1:3], held.shape[2:], steps)
    beyond = [max(r - w, 0) for r, w in zip(reach, whole, strict=True)]
    held = np.pad(held, ((0, 0), (0, 0), (0, beyond[0]), (0, beyond[1])))
    layer = _Layer(
        node.output[0],
        image,
        held.astype(np.float32),
        np.zeros(channels, np.float32) if bias is None else bias.astype(np.float32),
        groups,
        steps,
        first,
        sizes,
    )
    whole_result = _in_one(reader, layer) if groups == 1 else _in_phases(reader, layer)
    return from_image(reader, _cropped(reader, layer, whole_result), is_line)


def _spread(weights: Array, spread: Pair) -> Array:
    """A dilated filter as one with zeros in the gaps."""
    rows, columns = weights.shape[2:]
    shape = ((rows - 1) * spread[0] + 1, (columns - 1) * spread[1] + 1)
    made = np.zeros((*weights.shape[:2], *shape), weights.dtype)
    made[:, :, :: spread[0], :: spread[1]] = weights
    return made


def _whole(sizes: Sequence[int], extents: Sequence[int], steps: Pair) -> list[int]:
    return [(n - 1) * s + k for n, s, k in zip(sizes, steps, extents, strict=True)]


def _kept(
    attrs: Attributes, is_line: bool, what: tuple[Sequence[int], Sequence[int], Pair]
) -> tuple[Pair, Pair]:
    """Where the result begins in the whole one, and its size; ``what`` has sizes, filter, steps.

    Source: onnx.ai, ConvTranspose, the formulas of total_padding.
    """
    sizes, _, steps = what
    extra = pair(attrs.integers("output_padding"), 0, is_line)
    whole = [n + e for n, e in zip(_whole(*what), extra, strict=True)]
    rule = attrs.text("auto_pad", "NOTSET")
    said = attrs.integers("output_shape")
    if said is None and rule in ("NOTSET", "VALID"):
        given = attrs.integers("pads") if rule == "NOTSET" else None
        pads = given or [0, 0] * (1 if is_line else 2)
        if is_line:
            pads = [0, pads[0], 0, pads[1]]
        return (pads[0], pads[1]), (whole[0] - pads[0] - pads[2], whole[1] - pads[1] - pads[3])
    wanted = (
        [n * s for n, s in zip(sizes, steps, strict=True)]
        if said is None
        else list(pair(said[-1:] if is_line else said[-2:], 1, is_line))
    )
    total = [max(w - n, 0) for w, n in zip(whole, wanted, strict=True)]
    first = [t // 2 if rule == "SAME_UPPER" else t - t // 2 for t in total]
    return (first[0], first[1]), (wanted[0], wanted[1])


def _in_one(reader: Reader, layer: _Layer) -> int:
    """TRANSPOSE_CONV."""
    new, name = reader.new, layer.name
    sizes = _whole(new.shape(layer.image)[1:3], layer.weights.shape[2:], layer.steps)
    shape = (1, *sizes, layer.weights.shape[1])
    inputs = (
        new.integers(f"{name}/shape", shape),
        new.constant(f"{name}/weights", layer.weights.transpose(1, 2, 3, 0)),
        layer.image,
        new.constant(f"{name}/bias", layer.bias),
    )
    fields = {"Padding": VALID, "StrideH": layer.steps[0], "StrideW": layer.steps[1]}
    result = new.op("TRANSPOSE_CONV", inputs, shape, name, **fields)
    new.retype(result, FLOAT32)
    return result


def _in_phases(reader: Reader, layer: _Layer) -> int:
    """A convolution for each row and column of a step, and their results side by side."""
    new, (down, right) = reader.new, layer.steps
    taps = [-(-k // s) for k, s in zip(layer.weights.shape[2:], layer.steps, strict=True)]
    full = [
        (0, t * s - k) for t, s, k in zip(taps, layer.steps, layer.weights.shape[2:], strict=True)
    ]
    filters = np.pad(layer.weights, ((0, 0), (0, 0), *full))
    border = np.array(((0, 0), (taps[0] - 1,) * 2, (taps[1] - 1,) * 2, (0, 0)), np.int32)
    shape = [n + int(row.sum()) for n, row in zip(new.shape(layer.image), border, strict=True)]
    wide = layer.image
    if border.any():
        pads = new.constant(f"{layer.name}/border", border)
        wide = new.op("PAD", (layer.image, pads), shape, f"{layer.name}/padded")
    parts = []
    for y in range(down):
        for x in range(right):
            part = filters[:, :, y::down, x::right][:, :, ::-1, ::-1]
            name = f"{layer.name}/phase_{y}_{x}"
            held = Filters(_by_output(part, layer.groups), layer.bias, layer.groups)
            parts.append(convolved(reader, wide, held, name))
    return _interleaved(reader, layer, parts)


def _by_output(weights: Array, groups: int) -> Array:
    """[input, output of a group, ..] as ordinary layers have it: [output, input of a group, ..]."""
    inputs, outputs, *window = weights.shape
    split = weights.reshape(groups, inputs // groups, outputs, *window)
    return split.swapaxes(1, 2).reshape(groups * outputs, inputs // groups, *window)


def _interleaved(reader: Reader, layer: _Layer, parts: Sequence[int]) -> int:
    """Images of one size as one whose pixels are theirs in turn: rows, and columns within them."""
    new, (down, right), name = reader.new, layer.steps, layer.name
    _, height, width, channels = new.shape(parts[0])
    joined = parts[0]
    if len(parts) > 1:
        shape = (1, height, width, channels * len(parts))
        joined = new.op("CONCATENATION", parts, shape, f"{name}/phases", Axis=3)
    rows = new.reshape(joined, (height, width, down, right * channels))
    moved = new.transpose(rows, (0, 2, 1, 3))
    return new.reshape(moved, (1, height * down, width * right, channels))


def _cropped(reader: Reader, layer: _Layer, whole: int) -> int:
    shape = reader.new.shape(whole)
    wanted = (1, *layer.sizes, shape[3])
    if shape == wanted:
        return whole
    begin = reader.new.integers(f"{layer.name}/begin", (0, *layer.first, 0))
    size = reader.new.integers(f"{layer.name}/size", wanted)
    return reader.new.op("SLICE", (whole, begin, size), wanted, f"{layer.name}/crop")


HANDLERS: dict[str, Handler] = {"ConvTranspose": conv_transpose}
