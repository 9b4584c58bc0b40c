"""FULLY_CONNECTED of few outputs for cores with DSP instructions: 16-bit weights, no scratch."""

from __future__ import annotations

import numpy as np

from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Struct
from tinyml.ops.common import clamp_struct, result
from tinyml.ops.extents import rows
from tinyml.ops.weighted import INPUT, WeightedSum
from tinyml.variants import Variant
from tinyml.variants.dsp_gemm import why_not_single
from tinyml.variants.dsp_streams import IntArray, stream_order

MOST = 7  # outputs: for more, byte pairs for four at a time take hardly more, and half the flash

# Instructions for two outputs and for one: few_outputs_s8.h.
_GROUP = {2: 68, 1: 48}
_PLAIN_RESCALE = 15  # more per output where a shift may be to the left
_STEP = {2: 31, 1: 21}  # of 16 inputs
_WORD = {2: 10, 1: 7}
_BYTE = {2: 9, 1: 6}


def fully_connected(op: Op, graph: Graph, layer: WeightedSum) -> KernelCall | str:
    """A call of ``tml_dsp_few_outputs_s8``."""
    outputs, features = layer.weights.shape
    count = result(op, graph).elements // outputs
    if outputs > MOST:
        return f"{outputs} outputs are more than {MOST}"
    if count > 1 and features % 4:
        return f"rows of {features} inputs are not aligned"
    return _call(layer.with_bounded_sums, count)


def single_pixel(op: Op, graph: Graph, layer: WeightedSum) -> KernelCall | str:
    """A convolution whose filter covers the whole input."""
    return why_not_single(op, graph) or fully_connected(op, graph, layer)


def _call(layer: WeightedSum, count: int) -> KernelCall:
    outputs, features = layer.weights.shape
    groups = [2] * (outputs // 2) + [1] * (outputs % 2)
    rescale = 0 if layer.shifts_right else _PLAIN_RESCALE
    per_row = (
        10
        + outputs * rescale
        + sum(
            _GROUP[size]
            + _STEP[size] * (features // 16)
            + _WORD[size] * (features % 16 // 4)
            + _BYTE[size] * (features % 4)
            for size in groups
        )
    )
    return KernelCall(
        "tml_dsp_few_outputs_s8",
        "kernels/dsp/few_outputs_s8.h",
        Struct(
            "tml_dsp_few_outputs_params",
            (
                ("rows", count),
                ("in_features", features),
                ("out_features", outputs),
                ("shifts_right", layer.shifts_right),
                ("output_offset", layer.output_zero_point),
                ("clamp", clamp_struct(layer.bounds)),
            ),
        ),
        (Arg("input", INPUT), Arg("constant", constant="weights"), Arg("output", 0)),
        (_stream(layer, groups),),
        cost=Cost(10 + count * per_row),
        isa="dsp",
        helpers=tuple(
            name
            for size, name in ((2, "tml_dsp_dot_pair"), (1, "tml_dsp_dot_single"))
            if size in groups
        ),
    )


def _stream(layer: WeightedSum, groups: list[int]) -> Constant:
    """Per group of outputs: biases, weights of words and of single bytes, factors."""
    bias, shift = layer.folded_bias(), layer.c_shift()
    features = layer.weights.shape[1]
    order = stream_order(1, features, 1)
    whole = features // 4 * 4
    parts: list[IntArray] = []
    first = 0
    for size in groups:
        own = slice(first, first + size)
        weights = layer.weights[own][:, order]
        words = weights[:, 0:whole:2] & 0xFFFF | weights[:, 1:whole:2] << 16
        parts += [bias[own], words.T.reshape(-1), weights[:, whole:].T.reshape(-1)]
        parts.append(np.stack((layer.multiplier[own], shift[own]), axis=1).reshape(-1))
        first += size
    held = np.concatenate(parts).astype(np.uint64).astype(np.uint32).view(np.int32)
    return Constant("weights", held, "per two outputs: biases, 16-bit weights, factors")


EXTENTS = {"tml_dsp_few_outputs_params": rows("rows", "in_features", "out_features")}

VARIANTS = (
    Variant(
        "dsp/few_outputs", "FULLY_CONNECTED", "s8", "dsp", fully_connected, is_streamable=False
    ),
    Variant("dsp/few_channels", "CONV_2D", "s8", "dsp", single_pixel, is_streamable=False),
)
