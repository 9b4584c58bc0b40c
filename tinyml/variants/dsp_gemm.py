"""Matrix kernels for cores with DSP instructions: pointwise convolution and several rows of FC.

Each lowering proves its kernel exact for the layer (``choose_form``) or says why it is not, packs
the weights and states the cost in instructions on a Cortex-M4, counted from the kernel's code.
"""

from __future__ import annotations

from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Cost, KernelCall, Overlap, Struct, Value, row_overlap
from tinyml.ops import conv_2d, fully_connected
from tinyml.ops.common import clamp_struct, result
from tinyml.ops.weighted import INPUT, WEIGHTS, WeightedSum
from tinyml.ops.windows import filter_windows
from tinyml.variants import Variant
from tinyml.variants.dsp_streams import (
    LINEAR,
    ROUNDING,
    SUMS,
    WIDE_ROUNDING,
    WIDE_SUMS,
    Form,
    choose_form,
    pair_stream,
    pair_words,
    stream_order,
    unrolled,
)

_UNROLL = 8  # steps, in gemm_block.h
_STEP_BYTES = {False: 68, True: 64}
_PAIR = {LINEAR: 35, ROUNDING: 51, SUMS: 23, WIDE_ROUNDING: 48, WIDE_SUMS: 20}
_RESCALE = 32  # instructions per output of the C code


def pointwise(op: Op, graph: Graph) -> KernelCall | str:
    """A 1x1 convolution with stride 1."""
    given, weights = graph.tensors[op.inputs[INPUT]], graph.tensors[op.inputs[WEIGHTS]]
    rows, columns = filter_windows(op, graph)
    if weights.shape[1:3] != (1, 1):
        return "the filter is larger than 1x1"
    if weights.shape[3] != given.shape[3]:
        return "the convolution is grouped"
    if rows.stride != 1 or columns.stride != 1:
        return "the stride is not 1"
    return _rows_times_filters(conv_2d.layer(op, graph), result(op, graph).elements)


def fully_connected_rows(op: Op, graph: Graph) -> KernelCall | str:
    """FULLY_CONNECTED, three rows at a time."""
    return _rows_times_filters(fully_connected.layer(op, graph), result(op, graph).elements)


def _rows_times_filters(layer: WeightedSum, outputs: int) -> KernelCall:
    filters, channels = layer.weights.shape
    pixels = outputs // filters
    form = choose_form(layer)
    order = stream_order(1, channels, 4)
    params = Struct(
        "tml_dsp_pointwise_params",
        (
            ("pixels", pixels),
            ("in_channels", channels),
            ("gemm", gemm_params(form, layer, len(order))),
        ),
    )
    triples = -(-pixels // 3)
    widen = 30 + 13 * (channels // 4) + 9 * (channels % 4)
    return KernelCall(
        "tml_dsp_pointwise_s8",
        "kernels/dsp/pointwise_s8.h",
        params,
        (
            Arg("input", 0),
            Arg("constant", constant="weights"),
            Arg("output", 0),
            Arg("scratch", dtype="int32"),
        ),
        (pair_stream(form, order),),
        scratch_bytes=gemm_scratch(form, len(order)),
        overlaps=(_chasing(pixels, channels, filters),),
        cost=Cost(40 + triples * (widen + gemm_cost(form, len(order)))),
        isa="dsp",
        note=form.name,
    )


def _chasing(pixels: int, channels: int, filters: int) -> Overlap:
    # Three pixels are read completely, then their outputs are written: two steps per triple.
    steps: list[tuple[int, int]] = []
    for first in range(0, pixels, 3):
        end = min(first + 3, pixels)
        steps += [(first * filters, end * channels), (end * filters, end * channels)]
    return row_overlap(0, tuple(steps))


def gemm_params(form: Form, layer: WeightedSum, taps: int) -> Value:
    """The ``tml_dsp_gemm_params`` of a layer whose taps are filled up to 4."""
    loops, entry = unrolled(taps // 4, _UNROLL, _STEP_BYTES[form.is_wide])
    return Struct(
        "tml_dsp_gemm_params",
        (
            ("form", form.kind),
            ("shift", form.shift),
            ("out_channels", len(form.weights)),
            ("loops", loops),
            ("entry", entry),
            ("pair_words", pair_words(form, taps)),
            ("sums", taps * 3 // 2 if form.leaves_sums else 0),
            ("output_offset", layer.output_zero_point),
            ("clamp", clamp_struct(layer.bounds)),
        ),
    )


def gemm_scratch(form: Form, taps: int) -> int:
    """Bytes for the widened inputs of three pixels, and for their sums where they are left."""
    filters = len(form.weights) + len(form.weights) % 2
    return 6 * taps + (12 * filters if form.leaves_sums else 0)


def gemm_cost(form: Form, taps: int) -> int:
    """Instructions of all filters over three pixels: gemm_run.h."""
    filters = len(form.weights)
    loops, _ = unrolled(taps // 4, _UNROLL, 0)
    pair = _PAIR[form.kind] + (16 if form.is_wide else 17) * (taps // 4) + 2 * loops
    rescale = (20 + 3 * _RESCALE) * filters if form.leaves_sums else 0
    return 35 + -(-filters // 2) * pair + rescale + (30 if filters % 2 else 0)


VARIANTS = (
    Variant("dsp/pointwise", "CONV_2D", "dsp", pointwise),
    Variant("dsp/rows", "FULLY_CONNECTED", "dsp", fully_connected_rows),
)
