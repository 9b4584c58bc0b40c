"""Depthwise convolution with filters of any size for Armv7E-M."""

from __future__ import annotations

import numpy as np

from tinyml.ir.dtype import CHAR
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Struct
from tinyml.ir.requant import Linear, Rounding
from tinyml.ir.shapes import Window
from tinyml.ops.common import result
from tinyml.ops.extents import planes
from tinyml.ops.weighted import INPUT, WeightedSum
from tinyml.variants import Variant
from tinyml.variants.dsp_planes import (
    Band,
    Lines,
    band_of,
    cheapest,
    extra_bits,
    filter_bias,
    gather_cost,
    image_fields,
    layouts,
    overlaps_of,
    plane_struct,
    solve,
)

_SHORT = (2, 3, 4)  # words of a row that the kernels have blocks for
_PER_ROW = {1: {2: 15, 3: 20, 4: 26}, 2: {2: 15, 3: 20, 4: 25}}


def lower_rows(op: Op, graph: Graph, numbers: WeightedSum) -> KernelCall | str:
    """A call of one of the kernels for any filter, lines along the cheaper axis."""
    solved = numbers.once(solve)
    if isinstance(solved, str):
        return solved
    return cheapest([_call(op, graph, numbers, solved, lines) for lines in layouts(op, graph)])


def _words(along: Window) -> tuple[int, int]:
    """Which kernel (by stride; 3 is any) and how many words a row of its stream has."""
    if along.stride == 1:
        words = max(_SHORT[0], along.extent // 2 + 1)
        return 1, words if words in _SHORT else (words + 2) // 2 * 2
    words = (along.extent + 1) // 2
    if along.stride == 2 and words <= _SHORT[-1]:
        return 2, max(_SHORT[0], words)
    return 3, words


def _band(lines: Lines) -> Band:
    along = lines.along
    kind, words = _words(along)
    fours = -(-along.out_size // 4)
    reach = {1: 4 * fours - 4 + 2 * words + 2, 2: 8 * fours - 8 + 2 * words + 6}
    least = reach.get(kind, (along.out_size - 1) * along.stride + 2 * words)
    return band_of(lines, along.pad, least)


def _params(op: Op, graph: Graph, numbers: WeightedSum, lines: Lines, band: Band) -> Struct:
    along, across = lines.along, lines.across
    sizes = (graph.tensors[op.inputs[INPUT]].nbytes, result(op, graph).nbytes)
    return Struct(
        "tml_depthwise_rows_params",
        (
            ("plane", plane_struct(numbers, lines, band, sizes)),
            *image_fields(op, graph, numbers),
            ("kernel_rows", across.kernel),
            ("pairs", (along.extent + 1) // 2),
            ("words", _words(along)[1]),
            ("row_bytes", across.dilation * band.pitch),
            ("line_bytes", across.stride * band.pitch),
            ("out_width", along.out_size),
            ("stride", along.stride),
        ),
    )


def _instructions(lines: Lines, band: Band, *, is_rounding: bool) -> int:
    """Per filter."""
    along, across = lines.along, lines.across
    kind, words = _words(along)
    if kind == 3:
        per_line = along.out_size * (across.kernel * (7 * words + 8) + 16)
    else:
        long_row = 13 * words // 2 + 14
        per_row = _PER_ROW[kind].get(words, long_row)
        per_line = -(-along.out_size // 4) * (across.kernel * per_row + 45)
    per_line += 20 + (3 * along.out_size if is_rounding else 0)
    packing = 80 + across.kernel * (13 * words + 5)
    return packing + across.out_size * per_line + gather_cost(lines, band)


def _call(
    op: Op, graph: Graph, numbers: WeightedSum, solved: Linear | Rounding, lines: Lines
) -> KernelCall:
    kind, words = _words(lines.along)
    band, is_rounding = _band(lines), isinstance(solved, Rounding)
    stream_bytes = lines.across.kernel * words * (8 if kind == 1 else 4)
    batches, filters = graph.tensors[op.inputs[INPUT]].shape[0], result(op, graph).shape[3]
    per_filter = _instructions(lines, band, is_rounding=is_rounding)
    name = {1: "s1", 2: "s2", 3: "any"}[kind] + ("_rounding" if is_rounding else "")
    return KernelCall(
        f"tml_depthwise_rows_{name}_s8",
        "kernels/dsp/depthwise_rows_s8.h",
        _params(op, graph, numbers, lines, band),
        (
            Arg("input", INPUT),
            Arg("constant", constant="taps"),
            Arg("constant", constant="ends"),
            Arg("output"),
            Arg("scratch", dtype=CHAR),
        ),
        _filters(numbers, solved, lines),
        scratch_bytes=band.scratch_bytes + stream_bytes,
        overlaps=overlaps_of(op, lines, band),
        cost=Cost(instructions=100 + batches * filters * per_filter, code_bytes=400),
        isa="dsp",
        note=f"{'columns' if lines.is_transposed else 'rows'} as lines, "
        f"{'rounding' if is_rounding else 'linear'} form",
        helpers=("tml_plane_load",),
    )


def _filters(
    numbers: WeightedSum, solved: Linear | Rounding, lines: Lines
) -> tuple[Constant, Constant]:
    """Taps with zeros between dilated ones and up to an even number; the three words behind."""
    along, across = lines.along, lines.across
    count = len(numbers.bias)
    shape = (along.kernel, across.kernel) if lines.is_transposed else (across.kernel, along.kernel)
    taps = numbers.weights.reshape(count, *shape)
    if lines.is_transposed:
        taps = taps.transpose(0, 2, 1)
    spread = np.zeros((count, across.kernel, (along.extent + 1) // 2 * 2), np.int8)
    spread[:, :, : along.extent : along.dilation] = taps
    extra = extra_bits(solved, numbers.output_zero_point) << 8
    ends = np.stack((filter_bias(numbers, solved), solved.multiplier, extra), axis=1)
    return (
        Constant("taps", spread.reshape(-1), "per filter: rows of taps, each of an even number"),
        Constant(
            "ends",
            (ends & 0xFFFFFFFF).astype(np.uint32).view(np.int32).reshape(-1),
            "per filter: 256 * bias, multiplier, 24 bits that give offset and shift",
        ),
    )


EXTENTS = {"tml_depthwise_rows_params": planes(lambda f: int(f["out_width"]))}

VARIANTS = (Variant("dsp/depthwise_rows", "DEPTHWISE_CONV_2D", "s8", "dsp", lower_rows),)
