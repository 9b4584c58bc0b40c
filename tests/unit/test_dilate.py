"""A layer between SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND becomes one dilated layer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.models.small_graphs import GraphBuilder
from tests.support.running.tflm import needs_tflm, run_in_tflm
from tinyml.ir.graph import Graph
from tinyml.model.file import model_file
from tinyml.model.reader import load
from tinyml.model.writer import write
from tinyml.ops.conv_2d import Conv2dAttrs
from tinyml.ops.depthwise_conv_2d import DepthwiseConv2dAttrs
from tinyml.ops.lookup import NoAttrs
from tinyml.ops.reference import outputs
from tinyml.passes import run_passes

QUANT = (0.05, 3)
Sides = tuple[tuple[int, int], tuple[int, int]]


def dealt_out(
    block: tuple[int, int],
    around: Sides,
    cut: Sides,
    *,
    kind: str = "CONV_2D",
    padding: str = "VALID",
) -> Graph:
    """A 3x3 layer on every n-th pixel of an image of 8 x 9."""
    b = GraphBuilder()
    image = b.value("image", (1, 8, 9, 3), QUANT)
    numbers = b.constant("block", np.array(block, np.int32))
    borders = b.constant("around", np.array(around, np.int32))
    crops = b.constant("cut", np.array(cut, np.int32))
    rows, columns = ((n + sum(s)) // k for n, s, k in zip((8, 9), around, block, strict=True))
    area = block[0] * block[1]
    small = b.value("small", (area, rows, columns, 3), QUANT)
    b.op("SPACE_TO_BATCH_ND", (image, numbers, borders), small, NoAttrs())
    lost = 2 if padding == "VALID" else 0
    is_full = kind == "CONV_2D"
    filters = 4 if is_full else 3
    weights = b.weights("w", (4, 3, 3, 3), 0, 4) if is_full else b.weights("w", (1, 3, 3, 3), 3, 3)
    attrs = (Conv2dAttrs if is_full else DepthwiseConv2dAttrs)(padding)
    made = b.value("made", (area, rows - lost, columns - lost, filters), (0.1, -5))
    b.op(kind, (small, weights, b.bias("b", filters)), made, attrs)
    sizes = ((n - lost) * k - sum(s) for n, k, s in zip((rows, columns), block, cut, strict=True))
    out = b.value("out", (1, *sizes, filters), (0.1, -5))
    b.op("BATCH_TO_SPACE_ND", (made, numbers, crops), out, NoAttrs())
    return b.graph((image,), (out,))


def image(seed: int) -> np.ndarray:  # type: ignore[type-arg]
    return np.random.default_rng(seed).integers(-128, 128, (1, 8, 9, 3)).astype(np.int8)


NOTHING: Sides = ((0, 0), (0, 0))


@pytest.mark.parametrize("kind", ["CONV_2D", "DEPTHWISE_CONV_2D"])
@pytest.mark.parametrize(
    ("block", "around", "cut"),
    [
        ((2, 3), NOTHING, NOTHING),
        ((2, 2), ((2, 2), (2, 3)), ((0, 0), (0, 1))),  # SAME: 9 columns are no multiple of 2
        ((2, 1), ((2, 2), (1, 1)), NOTHING),
        ((2, 3), ((2, 4), (3, 3)), ((1, 0), (0, 2))),
    ],
)
def test_one_dilated_layer_stands_for_three(
    kind: str, block: tuple[int, int], around: Sides, cut: Sides
) -> None:
    graph = dealt_out(block, around, cut, kind=kind)
    made = run_passes(graph)
    assert [op.kind for op in made.ops] == [kind]
    assert (made.ops[0].attrs.dilation_h, made.ops[0].attrs.dilation_w) == block
    for seed in range(3):
        (expected,) = outputs(graph, (image(seed),))
        np.testing.assert_array_equal(outputs(made, (image(seed),))[0], expected)


def test_behind_a_free_batch_size_one_image_is_declared() -> None:
    """A dilated convolution of a Keras model in int8 was refused: 'blocks of [2, 2] in 1 batches'.

    Converters declare 1 for sizes that they do not know, which are four images here.
    """
    graph = dealt_out((2, 2), ((2, 2), (2, 3)), ((0, 0), (0, 1)))
    declared = tuple(
        replace(t, shape=(1, *t.shape[1:])) if t.name in ("small", "made") else t
        for t in graph.tensors
    )
    read = load(model_file("m.tflite", write(replace(graph, tensors=declared))))
    assert [op.kind for op in run_passes(read).ops] == ["CONV_2D"]
    for seed in range(2):
        (expected,) = outputs(graph, (image(seed),))
        np.testing.assert_array_equal(outputs(read, (image(seed),))[0], expected)


@needs_tflm
def test_the_layer_is_what_tflm_computes() -> None:
    graph = dealt_out((2, 3), NOTHING, ((1, 0), (0, 1)))
    made = run_passes(graph)
    for seed in range(2):
        ((found,),) = run_in_tflm(graph, [(image(seed),)])
        np.testing.assert_array_equal(outputs(made, (image(seed),))[0], found)


def test_what_no_dilated_layer_does_stays() -> None:
    """A crop beyond the border, a layer with padding between the pixels of an image."""
    for graph in (
        dealt_out((2, 3), NOTHING, ((1, 0), (0, 1))),
        dealt_out((2, 3), NOTHING, NOTHING, padding="SAME"),
    ):
        made = run_passes(graph)
        assert "CONV_2D" in [op.kind for op in made.ops]
        assert len(made.ops) >= 3
        (expected,) = outputs(graph, (image(7),))
        np.testing.assert_array_equal(outputs(made, (image(7),))[0], expected)
