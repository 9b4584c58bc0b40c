"""SPACE_TO_BATCH_ND, convolution, BATCH_TO_SPACE_ND: a dilated one; sums pass crops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.support.nets.float_graphs import FloatBuilder
from tests.unit.test_convert_fixups import kinds, same
from tinyml.convert.fixups import prepare
from tinyml.convert.fixups.dilation import dilate_convolutions
from tinyml.convert.tables import options_of
from tinyml.ir.graph import Graph

_ONES = {"StrideH": 1, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1}


def _borders(size: int, block: int, reach: int) -> tuple[list[int], list[int]]:
    """Padding and crop of one axis, as TensorFlow writes them for padding SAME."""
    before, after = reach // 2, reach - reach // 2
    extra = -(size + before + after) % block
    return [before, after + extra], [0, extra]


def _image(kind: str, size: tuple[int, int], block: tuple[int, int], padding: int) -> Graph:
    """A convolution of 3x3 between the two; with padding SAME (0) inside it, or VALID (1)."""
    b = FloatBuilder()
    x = b.value("x", (1, *size, 3))
    reach = [2 * each if padding else 0 for each in block]
    pads, crops = zip(*map(_borders, size, block, reach), strict=True)
    deep = [(n + sum(p)) // k for n, p, k in zip(size, pads, block, strict=True)]
    many = block[0] * block[1]
    dealt = b.value("dealt", (many, *deep, 3))
    held = b.constant("block", list(block))
    b.op("SPACE_TO_BATCH_ND", (x, held, b.constant("pads", list(pads))), dealt)
    out = [n - 2 * padding for n in deep]
    weights = b.weights("w", *((4, 3, 3, 3) if kind == "CONV_2D" else (1, 3, 3, 3)))
    channels = 4 if kind == "CONV_2D" else 3
    more: dict[str, Any] = {} if kind == "CONV_2D" else {"DepthMultiplier": 1}
    attrs = options_of(kind, Padding=padding, **_ONES, **more)
    bias = b.weights("bias", channels)
    made = b.op(kind, (dealt, weights, bias), b.value("made", (many, *out, channels)), attrs)
    y = b.value("y", (1, *size, channels))
    b.op("BATCH_TO_SPACE_ND", (made, held, b.constant("crops", list(crops))), y)
    return b.graph((x,), (y,))


@pytest.mark.parametrize("kind", ["CONV_2D", "DEPTHWISE_CONV_2D"])
@pytest.mark.parametrize("size", [(13, 11), (8, 9)])
@pytest.mark.parametrize("block", [(2, 2), (3, 2), (1, 4)])
@pytest.mark.parametrize("padding", [0, 1])
def test_one_dilated_convolution(
    kind: str, size: tuple[int, int], block: tuple[int, int], padding: int
) -> None:
    """Such models were refused, with a hint to a runtime whose kernel is wrong there."""
    graph = _image(kind, size, block, padding)
    after = prepare(graph)[0]
    assert kinds(after) == [kind]
    attrs = after.ops[0].attrs
    assert (attrs.get("DilationHFactor"), attrs.get("DilationWFactor")) == block
    same(graph, after, 1e-6)


def test_a_dilated_layer_on_a_sequence() -> None:
    b = FloatBuilder()
    x = b.value("x", (1, 17, 3))
    held, pads = b.constant("block", [2]), b.constant("pads", [[4, 1]])  # causal
    dealt = b.op("SPACE_TO_BATCH_ND", (x, held, pads), b.value("dealt", (2, 11, 3)))
    image = b.value("image", (2, 1, 11, 3))
    b.op("EXPAND_DIMS", (dealt, b.constant("axis", np.int32(1))), image, options_of("EXPAND_DIMS"))
    made = b.conv("made", image, b.rng.normal(size=(4, 1, 3, 3)), (2, 1, 9, 4), Padding=1)
    flat = b.value("flat", (2, 9, 4))
    shape = b.constant("shape", [2, 9, 4])
    b.op("RESHAPE", (made, shape), flat, options_of("RESHAPE", NewShape=(2, 9, 4)))
    y = b.op(
        "BATCH_TO_SPACE_ND", (flat, held, b.constant("crops", [[0, 1]])), b.value("y", (1, 17, 4))
    )
    graph = b.graph((x,), (y,))
    after = dilate_convolutions(graph)
    assert kinds(after) == ["RESHAPE", "PAD", "CONV_2D", "RESHAPE"]
    same(graph, after, 1e-6)


def test_blocks_without_a_layer_stay() -> None:
    b = FloatBuilder()
    x = b.value("x", (1, 4, 6, 3))
    held, none = b.constant("block", [2, 2]), b.constant("none", [[0, 0], [0, 0]])
    dealt = b.op("SPACE_TO_BATCH_ND", (x, held, none), b.value("dealt", (4, 2, 3, 3)))
    y = b.op("BATCH_TO_SPACE_ND", (dealt, held, none), b.value("y", (1, 4, 6, 3)))
    alone = b.graph((x,), (y,))
    assert dilate_convolutions(alone) is alone


def test_normalisation_behind_a_cropped_layer_folds() -> None:
    """MUL and ADD stayed behind the SLICE that crops a transposed convolution."""
    b = FloatBuilder()
    x = b.value("x", (1, 3, 4, 2))
    inputs = (b.constant("size", [1, 7, 9, 5]), b.weights("w", 5, 3, 3, 2), x, b.weights("b", 5))
    held = options_of("TRANSPOSE_CONV", Padding=1, StrideH=2, StrideW=2)
    made = b.op("TRANSPOSE_CONV", inputs, b.value("made", (1, 7, 9, 5)), held)
    first, size = b.constant("first", [0, 1, 1, 0]), b.constant("count", [1, 5, 8, 5])
    crop = b.op("SLICE", (made, first, size), b.value("crop", (1, 5, 8, 5)), options_of("SLICE"))
    value = crop
    for kind in ("MUL", "ADD"):
        operand = b.weights(f"{kind}/c", 1, 1, 1, 5)
        value = b.op(kind, (value, operand), b.value(kind, (1, 5, 8, 5)), options_of(kind))
    y = b.op("RELU", (value,), b.value("y", (1, 5, 8, 5)))
    graph = b.graph((x,), (y,))
    after = prepare(graph)[0]
    assert kinds(after) == ["TRANSPOSE_CONV", "SLICE"]
    same(graph, after, 1e-5)


def test_sums_behind_a_crop_of_channels_stay() -> None:
    b = FloatBuilder()
    x = b.value("x", (1, 4, 4, 2))
    made = b.conv("conv", x, b.rng.normal(size=(5, 1, 1, 2)), (1, 4, 4, 5))
    first, size = b.constant("first", [0, 0, 0, 1]), b.constant("count", [1, 4, 4, 3])
    crop = b.op("SLICE", (made, first, size), b.value("crop", (1, 4, 4, 3)), options_of("SLICE"))
    other = b.weights("c", 3)
    y = b.op("ADD", (crop, other), b.value("y", (1, 4, 4, 3)), options_of("ADD"))
    after = prepare(b.graph((x,), (y,)))[0]
    assert kinds(after) == ["CONV_2D", "SLICE", "ADD"]
