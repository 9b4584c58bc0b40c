"""Depthwise convolution with one row or column of taps and stride 1 for Armv7E-M."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tinyml.ir.dtype import UINT32
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Struct
from tinyml.ir.requant import Rounding, solve_rounding
from tinyml.ir.shapes import Window
from tinyml.ops.common import result
from tinyml.ops.extents import Extent, Fields, walked
from tinyml.ops.weighted import INPUT, WeightedSum
from tinyml.variants import Variant
from tinyml.variants.dsp_planes import Band, Lines, int32, layouts, overlaps_of, rescaling_of
from tinyml.variants.dsp_streams import unrolled

_HALF = 1 << 30
_STEP_BYTES = 24  # of code
_PIXEL_PAIR_BYTES = 16  # of scratch, for four channels


def lower_line(op: Op, graph: Graph, numbers: WeightedSum) -> KernelCall | str:
    """A call of ``tml_depthwise_line_s8``."""
    by_rows, by_columns = layouts(op, graph)
    lines = by_columns if by_columns.across.kernel == 1 else by_rows
    along, across = lines.along, lines.across
    if across.kernel != 1:
        return f"{across.kernel}x{along.kernel} taps, neither one row nor one column"
    if (along.stride, along.dilation) != (1, 1):
        return "stride or dilation along the taps is not 1"
    if op.attrs.depth_multiplier != 1:
        return "several filters per channel"
    if graph.tensors[op.inputs[INPUT]].shape[3] < 4:
        return "fewer than four channels"
    solved = solve_rounding(numbers.once(rescaling_of))
    return solved if isinstance(solved, str) else _call(op, graph, numbers, solved, lines)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of inputs in scratch and how it is worked through."""

    taps: int  # an odd padding is filled up to an even one, with a tap of zero
    lead: int  # pixels of padding in front
    count: int  # pixels that are read
    steps: int  # pairs of taps
    fours: int  # of outputs
    pairs: int  # of pixels, with padding
    passes: int  # over the unrolled steps
    entry: int  # bytes of them that the first pass skips


def _line(along: Window) -> _Line:
    taps = along.kernel + along.pad % 2
    lead = along.pad + along.pad % 2
    count = min(along.in_size, along.out_size + along.kernel - 1 - along.pad)
    steps = taps // 2 + 1
    fours = -(-along.out_size // 4)
    pairs = max((lead + count + 1) // 2, 2 * fours - 1 + steps)
    return _Line(taps, lead, count, steps, fours, pairs, *unrolled(steps, 4, _STEP_BYTES))


def _params(op: Op, graph: Graph, numbers: WeightedSum, lines: Lines, line: _Line) -> Struct:
    along, across = lines.along, lines.across
    given, made = graph.tensors[op.inputs[INPUT]], result(op, graph)
    batches = given.shape[0]
    is_padded = along.pad > 0 or along.pad_after > 0
    return Struct(
        "tml_depthwise_line_params",
        (
            ("batches", batches),
            ("in_batch", given.elements // batches),
            ("out_batch", made.elements // batches),
            ("channels", given.shape[3]),
            ("taps", line.taps),
            ("lines", across.out_size),
            ("in_line_step", across.stride * lines.in_steps[1]),
            ("out_line_step", lines.out_steps[1]),
            ("in_step", lines.in_steps[0]),
            ("out_step", lines.out_steps[0]),
            ("in_count", line.count),
            ("out_count", along.out_size),
            ("lead_words", 2 * line.lead),
            ("padded_words", 4 * line.pairs if is_padded else 0),
            ("line_words", 4 * line.pairs),
            ("pair_words", 2 * line.steps),
            ("entry", line.entry),
            ("back", _PIXEL_PAIR_BYTES * (line.steps - 1)),
            ("in_end", 32 * (along.out_size // 4) + (1 if along.out_size % 4 else 0)),
            ("twice_offset", 2 * numbers.output_zero_point + 1),
            ("padding", int32((numbers.input_zero_point & 0xFF) * 0x01010101)),
            ("padding_pair", int32((numbers.input_zero_point & 0xFFFF) * 0x00010001)),
            ("in_bytes", given.nbytes),
            ("out_bytes", made.nbytes),
        ),
    )


def _call(op: Op, graph: Graph, numbers: WeightedSum, solved: Rounding, lines: Lines) -> KernelCall:
    batches, _, _, channels = graph.tensors[op.inputs[INPUT]].shape
    line = _line(lines.along)
    constants = _constants(numbers, solved, lines.along.pad % 2)
    groups = -(-channels // 4)
    per_channel = 68 + 6 * line.taps + line.fours * (34 + 6 * line.steps + 2 * line.passes)
    per_line = 20 + 18 * -(-line.count // 2) + 4 * per_channel
    instructions = 60 + groups * batches * lines.across.out_size * per_line
    return KernelCall(
        "tml_depthwise_line_s8",
        "kernels/dsp/depthwise_line_s8.h",
        _params(op, graph, numbers, lines, line),
        (
            Arg("input", INPUT),
            *(Arg("constant", constant=constant.name) for constant in constants),
            Arg("output"),
            Arg("scratch", dtype=UINT32),
        ),
        constants,
        scratch_bytes=_PIXEL_PAIR_BYTES * line.pairs + 8 * line.steps + 4,
        overlaps=() if channels % 4 else overlaps_of(op, lines, Band(1, 1, 0, 0, 0)),
        cost=Cost(instructions, code_bytes=250),
        isa="dsp",
        note="four outputs of a channel at a time",
    )


def _constants(numbers: WeightedSum, solved: Rounding, zeros: int) -> tuple[Constant, ...]:
    """Taps per channel; a channel whose output never changes gets sums that lead to it."""
    dead = solved.multiplier == 0
    distance = (solved.offset >> 1) - numbers.output_zero_point  # offset is 2 * output + 1 there
    taps = np.where(dead[:, None], 0, numbers.weights)
    return (
        Constant(
            "taps", np.pad(taps, ((0, 0), (zeros, 0))).astype(np.int8).reshape(-1), "per channel"
        ),
        Constant(
            "bias",
            (2 * np.where(dead, 4 * distance, numbers.folded_bias())).astype(np.int32),
            "per channel: twice (bias - input zero point * sum of taps)",
        ),
        Constant(
            "multiplier",
            np.where(dead, _HALF, solved.multiplier).astype(np.int32),
            "rescaling, per channel",
        ),
        Constant("shift", solved.shift.astype(np.uint8), "to the right, per channel"),
    )


def _extent(f: Fields) -> Extent:
    images = (f["batches"], f["lines"])
    read = walked(
        (*images, f["in_count"]), (f["in_batch"], f["in_line_step"], f["in_step"]), f["channels"]
    )
    steps = (f["out_batch"], f["out_line_step"], f["out_step"])
    written = walked((*images, f["out_count"]), steps, f["channels"])
    settled = (read[0], max(read[1], f["in_bytes"]))
    return Extent((settled,), written, math.prod(images) * f["out_count"] * f["channels"])


EXTENTS = {"tml_depthwise_line_params": _extent}

VARIANTS = (Variant("dsp/depthwise_line", "DEPTHWISE_CONV_2D", "s8", "dsp", lower_line),)
