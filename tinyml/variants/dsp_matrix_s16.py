"""Convolution and matrix times vector of int16 values for cores with DSP instructions.

Windows are gathered as for int8 values (dsp_conv_2d.py), in bytes; what is summed and how it is
rescaled is in dsp_s16.py. Convolutions come with weights of 8 bits in flash and of 16, which save
a fifth of the instructions: the planner weighs them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tinyml.ir.dtype import INT32
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Struct, Value, scaled_overlap
from tinyml.ops.common import result
from tinyml.ops.extents import Extent, Fields, dense, of_width, rows
from tinyml.ops.weighted import WeightedSum
from tinyml.ops.windows import blocks_overlap, filter_windows
from tinyml.variants import Variant
from tinyml.variants.dsp_conv_2d import (
    Shape,
    band_cost,
    choose_band,
    gather_struct,
    overlap_of,
    shape_of,
    triples,
    walk_of,
)
from tinyml.variants.dsp_gemm import Tail, why_not_dense
from tinyml.variants.dsp_s16 import (
    LONG,
    ONCE,
    SHIFTED,
    TWICE,
    Form,
    choose_form,
    group_words,
    matrix_stream,
    row_group,
    row_stream,
    tap_order,
)
from tinyml.variants.dsp_streams import unrolled
from tinyml.variants.needs import Needs

_BYTES = 2  # of a value
# Instructions per group of filters besides its steps: gemm_block_s16.h, row_block_s16.h.
_MATRIX = {ONCE: 29, SHIFTED: 38, TWICE: 50, LONG: 34}
_ROW = {ONCE: 26, SHIFTED: 34, TWICE: 38, LONG: 33}
_ROW_STEP_BYTES = {ONCE: 76, SHIFTED: 76, TWICE: 76, LONG: 44}


def convolution(op: Op, graph: Graph, layer: WeightedSum) -> KernelCall | str:
    """Any convolution that is not grouped."""
    return _convolution(op, graph, layer, is_wide=False)


def wide_convolution(op: Op, graph: Graph, layer: WeightedSum) -> KernelCall | str:
    """The same with weights of 16 bits in flash."""
    return _convolution(op, graph, layer, is_wide=True)


def filters_of_one_channel(op: Op, graph: Graph, layer: WeightedSum) -> KernelCall | str:
    """A depthwise convolution of a single channel, which is a convolution."""
    shape = shape_of(op, graph)
    if shape.channels > 1:
        return "there are several channels"
    form = layer.once(choose_form)
    return form if isinstance(form, str) else _windows(form, shape)


def fully_connected_rows(op: Op, graph: Graph, layer: WeightedSum) -> KernelCall | str:
    """FULLY_CONNECTED, three rows of inputs at a time."""
    form = layer.once(choose_form)
    return form if isinstance(form, str) else _pointwise(form, result(op, graph).elements)


def single_pixel(op: Op, graph: Graph, layer: WeightedSum) -> KernelCall | str:
    """A convolution whose filter covers the whole input: one output pixel per image."""
    reason = why_not_dense(op, graph)
    if reason is not None:
        return reason
    for axis in filter_windows(op, graph):
        if axis.kernel != axis.in_size or axis.out_size != 1 or axis.dilation != 1:
            return "the filter does not cover the input"
    return fully_connected_row(op, graph, layer)


def fully_connected_row(op: Op, graph: Graph, layer: WeightedSum) -> KernelCall | str:
    """FULLY_CONNECTED, one row of inputs at a time."""
    form = layer.once(choose_form)
    if isinstance(form, str):
        return form
    filters, features = form.weights.shape
    count, group = result(op, graph).elements // filters, row_group(form)
    order = tap_order(1, features, 4)
    taps = len(order)
    _, entry = unrolled(taps // 4, 4, _ROW_STEP_BYTES[form.kind])
    is_copied = features % 4 != 0
    step = 11 if form.is_long else 19
    block = _ROW[form.kind] + step * (taps // 4) + 3 * -(-taps // 16)
    per_row = 60 + (5 * features // 8 if is_copied else 0) - (-filters // group) * block
    overlap = blocks_overlap(count, 1, features, filters, is_direct=not is_copied)
    return _call(
        "fully_connected",
        (
            ("rows", count),
            ("in_features", features),
            ("gemm", form.struct((taps // 2, entry), group_words(form, taps, group))),
        ),
        row_stream(form, order),
        _Work(form, "row"),
        Needs(
            _BYTES * taps if is_copied else 4,
            scaled_overlap(overlap, _BYTES),
            40 + count * (per_row + _clamping(form)),
        ),
    )


def _convolution(op: Op, graph: Graph, layer: WeightedSum, *, is_wide: bool) -> KernelCall | str:
    reason = why_not_dense(op, graph)
    if reason is not None:
        return reason
    form = layer.once(choose_form)
    if isinstance(form, str):
        return form
    if is_wide:
        if form.is_long:
            return "sums need 64 bits"
        form = replace(form, is_wide=True)
    shape = shape_of(op, graph)
    if all((axis.kernel, axis.stride) == (1, 1) for axis in (shape.rows, shape.columns)):
        return _pointwise(form, result(op, graph).elements)
    return _windows(form, shape)


def _pointwise(form: Form, outputs: int) -> KernelCall:
    filters, channels = form.weights.shape
    pixels = outputs // filters
    order = tap_order(1, channels, form.multiple)
    gathering = 75 + 6 * (channels // 2) + 12 * (channels % 2)
    overlap = blocks_overlap(pixels, 3, channels, filters)
    return _call(
        "pointwise",
        (
            ("pixels", pixels),
            ("in_channels", channels),
            ("gemm", _matrix_struct(form, len(order))),
        ),
        matrix_stream(form, order),
        _Work(form, "gemm"),
        Needs(
            3 * _BYTES * len(order),
            scaled_overlap(overlap, _BYTES),
            60 + -(-pixels // 3) * (gathering + _matrix_cost(form, len(order))),
        ),
    )


def _windows(form: Form, shape: Shape) -> KernelCall:
    rows, columns = shape.rows, shape.columns
    in_bytes = replace(shape, channels=_BYTES * shape.channels)
    walk = walk_of(shape)
    band = choose_band(rows, columns, in_bytes.channels)
    order = tap_order(walk.groups * walk.segments, walk.length, form.multiple)
    gathered = 3 * _BYTES * len(order)
    per_segment = 6 + 6 * (walk.length // 2) + 12 * (walk.length % 2)
    per_three = 70 + walk.groups * (35 + walk.segments * per_segment)
    per_three += _matrix_cost(form, len(order))
    work = triples(band, rows, columns) * per_three
    work += band_cost(band, rows, columns, in_bytes.channels)
    return _call(
        "conv_2d",
        (
            ("batches", shape.batches),
            ("band", band.struct(rows, columns, in_bytes.channels, 0)),
            ("band_offset", gathered),
            ("window", gather_struct(in_bytes, band, Tail())),
            ("gemm", _matrix_struct(form, len(order))),
        ),
        matrix_stream(form, order),
        _Work(form, "gemm"),
        Needs(
            gathered + band.nbytes,
            scaled_overlap(overlap_of(shape, band), _BYTES),
            60 + shape.batches * work,
        ),
    )


def _matrix_struct(form: Form, taps: int) -> Struct:
    steps, step_bytes = taps // form.multiple, 32 if form.is_wide else 40
    loop = unrolled(steps, 8, 44 if form.is_long else step_bytes)
    return form.struct(loop, group_words(form, taps, 1 if form.is_long else 2))


def _matrix_cost(form: Form, taps: int) -> int:
    """Instructions of all filters over three pixels: gemm_run_s16.h."""
    filters, steps = len(form.weights), taps // form.multiple
    step = 11 if form.is_long else 8 if form.is_wide else 10
    block = _MATRIX[form.kind] + step * steps + 2 * -(-steps // 8)
    blocks = filters if form.is_long else -(-filters // 2)
    odd = 30 if filters % 2 and not form.is_long else 0
    return 35 + blocks * block + odd + 3 * _clamping(form)


def _clamping(form: Form) -> int:
    """Instructions per pixel to cut outputs once more."""
    return 10 + 5 * len(form.weights) if form.is_clamped else 0


@dataclass(frozen=True, slots=True)
class _Work:
    """What a kernel runs."""

    form: Form
    block: str  # first word in the name of its block

    def helpers(self) -> tuple[str, ...]:
        """The functions that kernels have in common."""
        own = f"tml_dsp_{self.block}_s16_{self.form.block}"
        return (own, "tml_dsp_clamp_s16") if self.form.is_clamped else (own,)


def _call(
    name: str,
    fields: tuple[tuple[str, Value], ...],
    weights: Constant,
    work: _Work,
    needs: Needs,
) -> KernelCall:
    """The call of a kernel: input, weights, output, scratch."""
    header = "fully_connected" if name == "fully_connected" else "conv_2d"
    return KernelCall(
        f"tml_dsp_{name}_s16",
        f"kernels/dsp/{header}_s16.h",
        Struct(f"tml_dsp_{name}_s16_params", fields),
        (
            Arg("input", 0),
            Arg("constant", constant=weights.name),
            Arg("output", 0),
            Arg("scratch", dtype=INT32),
        ),
        (weights,),
        scratch_bytes=needs.scratch_bytes,
        overlaps=(needs.overlap,),
        cost=Cost(needs.instructions),
        isa="dsp",
        note=work.form.name,
        pixels_at_once=1 if name == "fully_connected" else 3,
        helpers=work.helpers(),
    )


def _banded(f: Fields) -> Extent:
    """Rows of bytes become values."""
    band = f["band"]
    made = band["out_rows"] * f["window"]["out_columns"] * f["gemm"]["out_channels"]
    given = band["in_rows"] * band["in_row_bytes"]
    return dense(f["batches"] * given, made=f["batches"] * _BYTES * made)


EXTENTS = {
    "tml_dsp_conv_2d_s16_params": _banded,
    "tml_dsp_pointwise_s16_params": of_width(
        rows("pixels", "in_channels", "gemm.out_channels"), _BYTES, _BYTES
    ),
    "tml_dsp_fully_connected_s16_params": of_width(
        rows("rows", "in_features", "gemm.out_channels"), _BYTES, _BYTES
    ),
}

VARIANTS = (
    Variant("dsp/conv_2d_s16", "CONV_2D", "s16", "dsp", convolution),
    Variant("dsp/conv_2d_s16_wide", "CONV_2D", "s16", "dsp", wide_convolution),
    Variant("dsp/one_channel_s16", "DEPTHWISE_CONV_2D", "s16", "dsp", filters_of_one_channel),
    Variant("dsp/row_s16", "FULLY_CONNECTED", "s16", "dsp", fully_connected_row),
    Variant("dsp/rows_s16", "FULLY_CONNECTED", "s16", "dsp", fully_connected_rows),
    Variant("dsp/single_pixel_s16", "CONV_2D", "s16", "dsp", single_pixel),
)
