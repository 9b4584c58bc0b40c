"""Depthwise convolution with 3x3 taps for Armv7E-M: shared by layers, or cut to a small image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyml.ir.dtype import CHAR, INT16
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Overlap, Struct
from tinyml.ir.requant import Linear, Rounding
from tinyml.ir.shapes import Window
from tinyml.ops import spec_of
from tinyml.ops.common import result
from tinyml.ops.extents import Extent, Fields, dense, planes
from tinyml.ops.weighted import INPUT, WeightedSum
from tinyml.ops.windows import filter_windows
from tinyml.variants import Variant
from tinyml.variants.dsp_planes import (
    IN_PLACE,
    Band,
    Lines,
    band_of,
    cheapest,
    extra_bits,
    filter_bias,
    gather_cost,
    image_fields,
    int32,
    layouts,
    overlaps_of,
    plane_struct,
    solve,
)

MAX_SMALL = 8  # elements of a line that are worth code of its own
LEAST_SHARE = 0.015  # of the model's work, for which 500 bytes are worth a fifth of the time
SMALL_PITCH = 16  # halfwords of a scratch line of the kernel for small images, at most


def _why_not_3x3(op: Op, rows: Window, columns: Window) -> str:
    if (rows.kernel, columns.kernel) != (3, 3):
        return f"{rows.kernel}x{columns.kernel} taps, not 3x3"
    if rows.stride != columns.stride or rows.stride not in (1, 2):
        return f"strides {rows.stride} and {columns.stride}, not both 1 or both 2"
    if (rows.dilation, columns.dilation) != (1, 1):
        return "the taps are dilated"
    return ""


def lower_3x3(op: Op, graph: Graph, numbers: WeightedSum) -> KernelCall | str:
    """A call of one of the 3x3 kernels, lines along the cheaper axis."""
    rows, columns = filter_windows(op, graph)
    reason = _why_not_3x3(op, rows, columns)
    if reason:
        return reason
    solved = numbers.once(solve)
    if isinstance(solved, str):
        return solved
    return cheapest([_call_3x3(op, graph, numbers, solved, lines) for lines in layouts(op, graph)])


def _call_3x3(
    op: Op, graph: Graph, numbers: WeightedSum, solved: Linear | Rounding, lines: Lines
) -> KernelCall:
    band, form = _band_3x3(lines), "rounding" if isinstance(solved, Rounding) else "linear"
    batches, channels = graph.tensors[op.inputs[INPUT]].shape[0], result(op, graph).shape[3]
    instructions = 100 + batches * channels * _cost_3x3(lines, band, form)
    suffix = "_rounding" if form == "rounding" else ""
    return KernelCall(
        f"tml_depthwise_3x3_s{lines.along.stride}{suffix}_s8",
        "kernels/dsp/depthwise_3x3_s8.h",
        _params_3x3(op, graph, numbers, lines, band),
        (
            Arg("input", INPUT),
            Arg("constant", constant="filters"),
            Arg("output"),
            Arg("scratch", dtype=CHAR),
        ),
        (_filters_3x3(numbers, solved, lines.is_transposed),),
        scratch_bytes=band.scratch_bytes,
        overlaps=overlaps_of(op, lines, band),
        cost=Cost(instructions, code_bytes=300),
        isa="dsp",
        note=f"{'columns' if lines.is_transposed else 'rows'} as lines, {form} form",
        helpers=("tml_plane_load",),
    )


def _band_3x3(lines: Lines) -> Band:
    along, stride = lines.along, lines.along.stride
    fours, tail = divmod(along.out_size, 4)
    # Stride 1 starts at the odd halfword before the first window.
    lead = along.pad + 1 if stride == 1 else along.pad
    least = 4 * fours * stride + (4, 4, 6, 8)[tail] + (2 if stride == 2 else 0)
    return band_of(lines, lead, least)


def _params_3x3(op: Op, graph: Graph, numbers: WeightedSum, lines: Lines, band: Band) -> Struct:
    stride = lines.along.stride
    fours, tail = divmod(lines.along.out_size, 4)
    step = 4 * fours + (tail & 2)  # outputs that the lines' pointers pass
    sizes = (graph.tensors[op.inputs[INPUT]].nbytes, result(op, graph).nbytes)
    return Struct(
        "tml_depthwise_3x3_params",
        (
            ("plane", plane_struct(numbers, lines, band, sizes)),
            *image_fields(op, graph, numbers),
            ("first_end", 8 * stride * fours - stride * band.pitch),
            ("line_bytes", stride * band.pitch),
            ("tail", tail),
            ("skip", stride * (band.pitch - 2 * step)),
            ("out_skip", lines.out_steps[1] - step * lines.out_steps[0]),
        ),
    )


def _cost_3x3(lines: Lines, band: Band, form: str) -> int:
    """Instructions per channel."""
    along = lines.along
    fours, tail = divmod(along.out_size, 4)
    per_line = 20 + fours * (49 + 3 * along.stride) + (0, 20, 30, 50)[tail]
    per_line += 3 * along.out_size if form == "rounding" else 0
    counted = 110 + lines.across.out_size * per_line + gather_cost(lines, band)
    return counted * 15 // 16 if along.stride == 2 else counted  # measured: 5 to 10 % less


def _filters_3x3(numbers: WeightedSum, solved: Linear | Rounding, is_transposed: bool) -> Constant:
    """Five words per filter, as depthwise_3x3_s8.h describes them."""
    count = len(numbers.bias)
    taps = (numbers.weights & 0xFF).reshape(count, 3, 3)
    if is_transposed:
        taps = taps.transpose(0, 2, 1)
    extra = extra_bits(solved, numbers.output_zero_point)
    words = np.zeros((count, 5), np.int64)
    for row in range(3):
        first, second, third = taps[:, row].T
        words[:, row] = second | first << 8 | third << 16 | (extra >> 8 * row & 0xFF) << 24
    words[:, 3], words[:, 4] = filter_bias(numbers, solved), solved.multiplier
    return Constant(
        "filters",
        (words & 0xFFFFFFFF).astype(np.uint32).reshape(-1),
        "per filter: three rows of taps w1 w0 w2 with a byte of the offset, bias, multiplier",
    )


def lower_small(op: Op, graph: Graph, numbers: WeightedSum) -> KernelCall | str:
    """A call of the kernel for 3x3 taps over narrow images, specialised for the shape."""
    rows, columns = filter_windows(op, graph)
    reason = _why_not_3x3(op, rows, columns)
    if reason:
        return reason
    if op.attrs.depth_multiplier != 1:
        return "several filters per channel"
    channels = result(op, graph).shape[3]
    if channels >= 1 << 11:
        return "too many channels for the offsets in instructions"
    solved = numbers.once(solve)
    if not isinstance(solved, Linear):
        return solved if isinstance(solved, str) else "the kernel has no rounding form"
    image = _Small(rows, columns, band_of(layouts(op, graph)[0], 0, 0).count)
    if max(columns.in_size, columns.out_size) > MAX_SMALL:
        return f"lines of more than {MAX_SMALL} elements gain too little for their code"
    if image.pitch > SMALL_PITCH:
        return f"lines of more than {SMALL_PITCH} elements with their padding"
    if channels * image.per_channel < LEAST_SHARE * _macs(graph):
        return "too small a part of the model for code of its own"
    return _call_small(op, graph, numbers, image, _filters_3x3(numbers, solved, False))


@dataclass(frozen=True, slots=True)
class _Small:
    """A narrow image as its kernel sees it."""

    rows: Window
    columns: Window
    in_count: int  # elements of a line that are read

    @property
    def pitch(self) -> int:
        """Halfwords of a scratch line."""
        stride, (pairs, odd) = self.columns.stride, divmod(self.columns.out_size, 2)
        used = 2 * stride * pairs + (4 if odd else 2 if stride == 1 else 1)
        return -(-max(self.columns.pad + self.in_count, used) // 4) * 4

    @property
    def height(self) -> int:
        """Lines with their padding."""
        return (self.rows.out_size - 1) * self.rows.stride + 3

    @property
    def in_lines(self) -> int:
        """Lines that are read."""
        return min(self.rows.in_size, self.height - self.rows.pad)

    @property
    def per_line(self) -> int:
        """Instructions of a line of outputs."""
        pairs, odd = divmod(self.columns.out_size, 2)
        return pairs * (21 + 3 * self.columns.stride) + 15 * odd + 4

    @property
    def per_channel(self) -> int:
        """Instructions."""
        filling = self.in_lines * (2 * self.in_count + 4)
        return 46 + self.rows.out_size * self.per_line + filling


def _call_small(
    op: Op, graph: Graph, numbers: WeightedSum, image: _Small, filters: Constant
) -> KernelCall:
    batches, _, _, channels = graph.tensors[op.inputs[INPUT]].shape
    return KernelCall(
        "tml_depthwise_small_s8",
        "kernels/dsp/depthwise_small_s8.h",
        _params_small(op, graph, image, numbers.input_zero_point & 0xFFFF),
        (
            Arg("input", INPUT),
            Arg("constant", constant="filters"),
            Arg("output"),
            Arg("scratch", dtype=INT16),
        ),
        (filters,),
        scratch_bytes=2 * image.height * image.pitch,
        overlaps=(Overlap(INPUT, 0, reason=IN_PLACE),),
        cost=Cost(
            instructions=100 + batches * channels * image.per_channel,
            code_bytes=250 + 4 * (image.per_line + 2 * image.in_count),
        ),
        isa="dsp",
        note="specialised for its shape, linear form",
    )


def _params_small(op: Op, graph: Graph, image: _Small, padding: int) -> Struct:
    given, made = graph.tensors[op.inputs[INPUT]], result(op, graph)
    rows, columns = image.rows, image.columns
    return Struct(
        "tml_depthwise_small_params",
        (
            ("batches", given.shape[0]),
            ("channels", given.shape[3]),
            ("stride", columns.stride),
            ("in_height", rows.in_size),
            ("in_width", columns.in_size),
            ("in_lines", image.in_lines),
            ("in_count", image.in_count),
            ("pitch", image.pitch),
            ("lead", columns.pad),
            ("pad_lines", rows.pad),
            ("rows", image.height),
            ("out_lines", rows.out_size),
            ("out_width", columns.out_size),
            ("padding", int32(padding | padding << 16)),
            ("in_bytes", given.nbytes),
            ("out_bytes", made.nbytes),
        ),
    )


def _macs(graph: Graph) -> int:
    """Products of the whole model, about as many as instructions."""
    return sum(spec_of(op.kind).macs(op, graph) for op in graph.ops)


def _line_width(f: Fields) -> int:
    """Outputs of a line: those that the pointers pass, and what is left of the last four."""
    passed = (f["plane"]["out_line_step"] - f["out_skip"]) // f["plane"]["out_step"]
    return int(passed - (f["tail"] & 2) + f["tail"])


def _extent_small(f: Fields) -> Extent:
    given = f["batches"] * f["in_height"] * f["in_width"] * f["channels"]
    return dense(given, made=f["batches"] * f["out_lines"] * f["out_width"] * f["channels"])


EXTENTS = {
    "tml_depthwise_3x3_params": planes(_line_width),
    "tml_depthwise_small_params": _extent_small,
}

VARIANTS = (
    Variant("dsp/depthwise_3x3", "DEPTHWISE_CONV_2D", "s8", "dsp", lower_3x3),
    Variant("dsp/depthwise_small", "DEPTHWISE_CONV_2D", "s8", "dsp", lower_small),
)
