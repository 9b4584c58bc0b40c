"""Depthwise filters along a line: where the kernel is offered, and what it is given."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.models.lowered import lowered
from tests.support.models.random_parts import activations, one_op, output
from tinyml.ir.dtype import INT8, INT32
from tinyml.ir.graph import Graph, Quant, Tensor
from tinyml.ir.kernel import KernelCall
from tinyml.ops import spec_of
from tinyml.ops.depthwise_conv_2d import DepthwiseConv2dAttrs
from tinyml.variants.dsp_depthwise_column import lower_column
from tinyml.variants.dsp_depthwise_line import lower_line

_ATTRS = DepthwiseConv2dAttrs("VALID", 1, 1, 1, 1, 1, "NONE")


@pytest.mark.parametrize(
    ("given", "kernel", "attrs", "reason"),
    [
        ((9, 9, 8), (3, 3), _ATTRS, "3x3 taps, neither one row nor one column"),
        ((20, 1, 8), (5, 1), replace(_ATTRS, stride_h=2), "stride or dilation"),
        ((1, 20, 8), (1, 5), replace(_ATTRS, dilation_w=2), "stride or dilation"),
        ((20, 1, 8), (5, 1), replace(_ATTRS, depth_multiplier=2), "several filters per channel"),
        ((20, 1, 3), (5, 1), _ATTRS, "fewer than four channels"),
    ],
)
def test_why_not(
    given: tuple[int, ...], kernel: tuple[int, int], attrs: DepthwiseConv2dAttrs, reason: str
) -> None:
    said = _lowered(_layer(given, kernel, attrs))
    assert isinstance(said, str)
    assert reason in said


@pytest.mark.parametrize(
    ("kernel", "zeros", "words"), [(3, 1, 6), (5, 0, 6), (4, 1, 6), (9, 0, 10)]
)
def test_padding_in_front_is_even(kernel: int, zeros: int, words: int) -> None:
    """A tap of 0 in front of each filter makes up for an odd number of pixels of padding."""
    graph = _layer((20, 1, 4), (kernel, 1), replace(_ATTRS, padding="SAME"))
    call = _lowered(graph)
    assert isinstance(call, KernelCall)
    fields = dict(call.params.fields)
    pad = (kernel - 1) // 2
    assert (fields["taps"], fields["lead_words"]) == (kernel + zeros, 2 * (pad + zeros))
    assert fields["pair_words"] == words
    taps = next(item.data for item in call.constants if item.name == "taps").reshape(4, -1)
    assert not taps[:, :zeros].any()
    np.testing.assert_array_equal(taps[:, zeros:], graph.tensors[1].data.reshape(kernel, 4).T)  # type: ignore[union-attr]


def test_a_line_of_outputs_beats_single_ones() -> None:
    """The kernel that reads its input as it is wins where there are few outputs to share data."""
    for height, best in ((24, lower_line), (5, lower_column)):
        graph = _layer((height, 1, 128), (5, 1), _ATTRS)
        costs = {}
        for lower in (lower_line, lower_column):
            call = lowered(lower, graph.ops[0], graph)
            assert isinstance(call, KernelCall)
            costs[lower] = call.cost.instructions
        assert min(costs, key=lambda lower: costs[lower]) is best


def test_in_place_only_without_channels_twice() -> None:
    """The last four of six channels overlap those before them, which then must be there still."""
    for channels, count in ((8, 1), (6, 0)):
        call = _lowered(_layer((20, 1, channels), (5, 1), _ATTRS))
        assert isinstance(call, KernelCall)
        assert len(call.overlaps) == count


def _lowered(graph: Graph) -> KernelCall | str:
    return lowered(lower_line, graph.ops[0], graph)


def _layer(given: tuple[int, ...], kernel: tuple[int, int], attrs: DepthwiseConv2dAttrs) -> Graph:
    rng = np.random.default_rng(1)
    channels = given[2] * attrs.depth_multiplier
    weights = rng.integers(-127, 128, (1, *kernel, channels)).astype(np.int8)
    bias = rng.integers(-3000, 3000, (channels,), np.int32)
    for data in (weights, bias):
        data.flags.writeable = False
    per = (0,) * channels
    operands = (
        activations("x", (1, *given), rng),
        Tensor("w", INT8, weights.shape, Quant((0.01,) * channels, per, 3), weights),
        Tensor("b", INT32, (channels,), Quant((0.0002,) * channels, per), bias),
    )
    graph = one_op("DEPTHWISE_CONV_2D", attrs, operands, output(rng, 0.05, "NONE"))
    (shape,) = spec_of("DEPTHWISE_CONV_2D").infer(graph.ops[0], graph)
    return replace(graph, tensors=(*graph.tensors[:-1], replace(graph.tensors[-1], shape=shape)))
