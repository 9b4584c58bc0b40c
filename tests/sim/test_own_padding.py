"""PAD of any sizes in front of convolutions becomes their padding; all stays equal."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.models.cases import Case, merge
from tests.support.models.small_graphs import GraphBuilder
from tests.support.running.emulated import run_on_board
from tests.support.running.executors import assert_equal, run_reference
from tinyml.ops.conv_2d import Conv2dAttrs
from tinyml.ops.depthwise_conv_2d import DepthwiseConv2dAttrs
from tinyml.ops.lookup import NoAttrs
from tinyml.passes.fuse import fuse_pad

LAYERS = 60
KERNELS = ((1, 3), (3, 3), (3, 1), (5, 5), (2, 2), (1, 7), (3, 5))


def layer(number: int) -> Case:
    """A random PAD and convolution."""
    rng = np.random.default_rng([7, number])

    def of(*items: Any) -> Any:
        return items[rng.integers(len(items))]

    kernel = of(*KERNELS)
    dilations = (1, 1) if number % 4 else (of(1, 2), of(1, 2, 4))
    strides = (1, 1) if max(dilations) > 1 else (of(1, 1, 2), of(1, 2, 2))
    reach = [(k - 1) * d for k, d in zip(kernel, dilations, strict=True)]
    size = (int(rng.integers(6, 13)) + reach[0] // 2, int(rng.integers(8, 13)) + reach[1])
    around = [[int(rng.integers(0, extent + 1)) for _ in (0, 1)] for extent in reach]
    is_depthwise = bool(number % 2)
    channels = of(4, 8, 3, 16, 12)
    b = GraphBuilder(number)
    zero = of(-128, 0, 5)
    image = b.value("image", (1, *size, channels), (0.05, zero))
    amounts = b.constant("amounts", np.array([[0, 0], *around, [0, 0]], np.int32))
    padded_size = [s + sum(pads) for s, pads in zip(size, around, strict=True)]
    padded = b.value("padded", (1, *padded_size, channels), (0.05, zero))
    b.op("PAD", (image, amounts), padded, NoAttrs())
    made_size = [
        (s - r - 1) // stride + 1 for s, r, stride in zip(padded_size, reach, strides, strict=True)
    ]
    filters = channels if is_depthwise else of(4, 8, 5, 16)
    shape = (1, *kernel, channels) if is_depthwise else (filters, *kernel, channels)
    weights = b.weights("weights", shape, 3 if is_depthwise else 0, filters)
    made = b.value("made", (1, *made_size, filters), (0.06, of(-128, 3)))
    kind, attrs = (
        ("DEPTHWISE_CONV_2D", DepthwiseConv2dAttrs) if is_depthwise else ("CONV_2D", Conv2dAttrs)
    )
    held = attrs(
        padding="VALID",
        stride_h=strides[0],
        stride_w=strides[1],
        dilation_h=dilations[0],
        dilation_w=dilations[1],
        activation=of("NONE", "RELU"),
    )
    b.op(kind, (padded, weights, b.bias("bias", filters)), made, held)
    vectors = tuple(
        (rng.integers(-128, 128, (1, *size, channels)).astype(np.int8),) for _ in (0, 1)
    )
    return Case(f"layer_{number}", b.graph((image,), (made,)), vectors)


@cache
def layers() -> Case:
    return merge([layer(i) for i in range(LAYERS)], "own_padding")


def test_most_paddings_disappear() -> None:
    fused = fuse_pad(layers().graph)
    kinds = [op.kind for op in fused.ops]
    assert kinds.count("PAD") < LAYERS / 10
    own = [op.attrs.pads for op in fused.ops if op.kind != "PAD" and op.attrs.pads is not None]
    assert len(own) > LAYERS / 2


@pytest.mark.sim
@pytest.mark.parametrize("board", ["nucleo_l4r5zi", "nucleo_g0b1re"])
def test_results_are_those_of_pad_and_convolution(board: str, tmp_path: Path) -> None:
    case = layers()
    expected = run_reference(case.graph, case.vectors)
    fused = fuse_pad(case.graph)
    assert_equal(case.graph, expected, run_reference(fused, case.vectors))
    found = run_on_board(fused, case.vectors, tmp_path, board=board, singly=True)
    assert_equal(case.graph, expected, found)
