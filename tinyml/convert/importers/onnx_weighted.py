"""ONNX convolutions and batch normalisation, and the images that they work on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinyml.convert.importers.onnx_protos import Attributes, Node, Unknown
from tinyml.convert.importers.onnx_values import Handler, Reader
from tinyml.ir.graph import Array

SAME, VALID = 0, 1  # Padding of .tflite
TO_LAST, TO_FIRST = (0, 2, 3, 1), (0, 3, 1, 2)


def conv(reader: Reader, node: Node, attrs: Attributes) -> int:
    """Conv of one or two dimensions, any number of groups."""
    weights = reader.constant(node, 1, "the weights")
    assert weights is not None
    bias = reader.constant(node, 2, "the bias")
    image, is_line = as_image(reader, node)
    if weights.ndim == 3:
        weights = weights[:, :, None]
    groups = attrs.integer("group", 1)
    steps, spread = (
        pair(attrs.integers("strides"), 1, is_line),
        pair(attrs.integers("dilations"), 1, is_line),
    )
    window = [(k - 1) * d + 1 for k, d in zip(weights.shape[2:], spread, strict=True)]
    image, padding = padded(reader, image, pads_of(attrs, is_line), (window, steps), node.output[0])
    zeros = np.zeros(weights.shape[0], np.float32)
    held = Filters(weights, zeros if bias is None else bias, groups, padding, steps, spread)
    return from_image(reader, convolved(reader, image, held, node.output[0]), is_line)


@dataclass(frozen=True, slots=True)
class Filters:
    """What a convolution does to an image."""

    weights: Array  # [output channel, input channel of a group, rows, columns]
    bias: Array
    groups: int = 1
    padding: int = VALID
    steps: tuple[int, int] = (1, 1)
    spread: tuple[int, int] = (1, 1)  # dilation


def convolved(reader: Reader, image: int, held: Filters, name: str) -> int:
    """CONV_2D or DEPTHWISE_CONV_2D."""
    weights, groups = held.weights, held.groups
    channels = reader.new.shape(image)[3]
    window = [(k - 1) * d + 1 for k, d in zip(weights.shape[2:], held.spread, strict=True)]
    sizes = out_sizes(reader.new.shape(image)[1:3], window, held.steps, held.padding)
    shape = (1, *sizes, weights.shape[0])
    bias = reader.new.constant(f"{name}/bias", held.bias.astype(np.float32))
    fields = {"Padding": held.padding, "StrideH": held.steps[0], "StrideW": held.steps[1]}
    fields |= {"DilationHFactor": held.spread[0], "DilationWFactor": held.spread[1]}
    if groups == channels > 1 or (groups == channels == 1 and weights.shape[0] == 1):
        moved = weights.transpose(1, 2, 3, 0)  # 1, height, width, output channel
        fields["DepthMultiplier"] = weights.shape[0] // channels
        kind = "DEPTHWISE_CONV_2D"
    else:
        moved = weights.transpose(0, 2, 3, 1)
        kind = "CONV_2D"
    constant = reader.new.constant(f"{name}/weights", moved.astype(np.float32))
    return reader.new.op(kind, (image, constant, bias), shape, name, **fields)


def batch_normalization(reader: Reader, node: Node, attrs: Attributes) -> int:
    """MUL and ADD; the fix-ups fold them into the layer before."""
    held = [reader.constant(node, i, "a parameter") for i in range(1, 5)]
    scale, shift, mean, variance = (np.asarray(item, np.float64) for item in held)
    factor = scale / np.sqrt(variance + attrs.number("epsilon", 1e-5))
    value = reader.value(node.input[0])
    shape = reader.new.shape(value)
    axes = (1, -1, *(1,) * (len(shape) - 2))
    name = node.output[0]
    parts = (("MUL", factor), ("ADD", shift - mean * factor))
    for kind, data in parts:
        constant = reader.new.constant(
            f"{name}/{kind.lower()}", data.reshape(axes).astype(np.float32)
        )
        value = reader.new.op(kind, (value, constant), shape, f"{name}/{kind.lower()}")
    return value


def as_image(reader: Reader, node: Node) -> tuple[int, bool]:
    """The first operand with channels last, and whether it has one dimension only."""
    value = reader.value(node.input[0])
    shape = reader.new.shape(value)
    if len(shape) == 3:
        value = reader.new.reshape(value, (shape[0], shape[1], 1, shape[2]))
    elif len(shape) != 4:
        raise Unknown(f"a value of {len(shape)} dimensions")
    return reader.new.transpose(value, TO_LAST), len(shape) == 3


def from_image(reader: Reader, value: int, is_line: bool) -> int:
    """Back to channels first, and to one dimension."""
    value = reader.new.transpose(value, TO_FIRST)
    if not is_line:
        return value
    batch, channels, _, length = reader.new.shape(value)
    return reader.new.reshape(value, (batch, channels, length))


def pair(values: Sequence[int] | None, default: int, is_line: bool) -> tuple[int, int]:
    """(vertical, horizontal) of an attribute."""
    if not values:
        return (default, default)
    return (1 if default else 0, values[0]) if is_line else (values[0], values[1])


def pads_of(attrs: Attributes, is_line: bool) -> tuple[int, int, int, int] | str:
    """(top, left, bottom, right), or the name of a rule."""
    rule = attrs.text("auto_pad", "NOTSET")
    if rule not in ("NOTSET", "VALID"):
        return str(rule)
    pads = attrs.integers("pads") or ([0, 0] if is_line else [0, 0, 0, 0])
    if rule == "VALID":
        return (0, 0, 0, 0)
    return (0, pads[0], 0, pads[1]) if is_line else (pads[0], pads[1], pads[2], pads[3])


def padded(
    reader: Reader,
    image: int,
    pads: tuple[int, int, int, int] | str,
    windows: tuple[Sequence[int], Sequence[int]],
    name: str,
) -> tuple[int, int]:
    """The image to which the window is put, and the padding rule that is left to the layer.

    ``windows`` are the extents of the window and its steps.
    """
    sizes = reader.new.shape(image)[1:3]
    same = [_same(n, k, s) for n, k, s in zip(sizes, *windows, strict=True)]
    if pads == "SAME_UPPER":
        return image, SAME
    if isinstance(pads, str):  # SAME_LOWER: the odd element goes first
        pads = (same[0][1], same[1][1], same[0][0], same[1][0])
    if not any(pads):
        return image, VALID
    if [(pads[0], pads[2]), (pads[1], pads[3])] == same:
        return image, SAME
    table = np.array(((0, 0), (pads[0], pads[2]), (pads[1], pads[3]), (0, 0)), np.int32)
    shape = [n + int(row.sum()) for n, row in zip(reader.new.shape(image), table, strict=True)]
    constant = reader.new.constant(f"{name}/pads", table)
    return reader.new.op("PAD", (image, constant), shape, f"{name}/pad"), VALID


def _same(size: int, window: int, step: int) -> tuple[int, int]:
    """What the rule SAME of .tflite adds before and after."""
    total = max((-(-size // step) - 1) * step + window - size, 0)
    return total // 2, total - total // 2


def out_sizes(
    sizes: Sequence[int], window: Sequence[int], steps: Sequence[int], padding: int
) -> tuple[int, int]:
    """Height and width of a result."""
    if padding == SAME:
        return -(-sizes[0] // steps[0]), -(-sizes[1] // steps[1])
    found = [(n - k) // s + 1 for n, k, s in zip(sizes, window, steps, strict=True)]
    return found[0], found[1]


HANDLERS: dict[str, Handler] = {"BatchNormalization": batch_normalization, "Conv": conv}
