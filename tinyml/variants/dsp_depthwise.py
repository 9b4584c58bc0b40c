"""Depthwise convolution for Armv7E-M: one channel at a time as padded int16 lines in scratch.

The kernels (firmware/kernels/dsp/depthwise_*.h) read a channel of the NHWC image once, before they
write over it, so with one filter per channel the output may take the input's place. A line is a
row of the image, or a column where that is cheaper.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Overlap, Struct
from tinyml.ir.requant import Linear, Rescaling, Rounding, solve_linear, solve_rounding
from tinyml.ir.shapes import Window
from tinyml.ops.common import result
from tinyml.ops.depthwise_conv_2d import layer
from tinyml.ops.weighted import INPUT, WeightedSum
from tinyml.ops.windows import filter_windows
from tinyml.variants import Variant

IntArray = NDArray[np.int64]

SCRATCH_BYTES = 1024  # a band takes no more than this, if at all possible
MAX_SMALL = 8  # elements of a line that are worth code of its own
SMALL_PITCH = 16  # halfwords of a scratch line of the kernel for small images
_IN_PLACE = "a channel's lines are read before the same channel's outputs replace them"
_SHIFT = 11  # N of the linear form, fixed in the kernels
_FACTOR_LOG2 = 8  # of the kernels' sums


@dataclass(frozen=True, slots=True)
class Lines:
    """How a channel is brought into lines: lengths in elements, steps in bytes."""

    along: Window  # the axis that a line runs along
    across: Window
    in_steps: tuple[int, int]  # along, across
    out_steps: tuple[int, int]
    is_transposed: bool


@dataclass(frozen=True, slots=True)
class Band:
    """The scratch lines of a channel."""

    lines: int  # output lines served at once
    rows: int
    pitch: int  # bytes
    lead: int  # halfwords before the first element
    count: int  # elements gathered per line

    @property
    def scratch_bytes(self) -> int:
        """Size of the band."""
        return self.rows * self.pitch


def layouts(op: Op, graph: Graph) -> tuple[Lines, Lines]:
    """Rows as lines, and columns as lines."""
    rows, columns = filter_windows(op, graph)
    channels, filters = graph.tensors[op.inputs[INPUT]].shape[3], result(op, graph).shape[3]
    in_steps = (channels, columns.in_size * channels)
    out_steps = (filters, columns.out_size * filters)
    return (
        Lines(columns, rows, in_steps, out_steps, False),
        Lines(rows, columns, in_steps[::-1], out_steps[::-1], True),
    )


def band_of(lines: Lines, lead: int, least_halfwords: int) -> Band:
    """Scratch lines for as many output lines as ``SCRATCH_BYTES`` hold, evenly divided."""
    along, across = lines.along, lines.across
    count = min(along.in_size, (along.out_size - 1) * along.stride + along.extent - along.pad)
    pitch = -(-max(least_halfwords, lead + count) // 4) * 8
    most = (SCRATCH_BYTES // pitch - across.extent) // across.stride + 1
    bands = -(-across.out_size // max(1, most))
    height = -(-across.out_size // bands)
    return Band(height, (height - 1) * across.stride + across.extent, pitch, lead, count)


def is_safe_in_place(lines: Lines, band: Band) -> bool:
    """Whether no output of a band lands on an element that a later band still reads.

    Both lie on the same channel: output (o, i) of line o takes the place of the element that is as
    many elements from the start of the image as it is outputs.
    """
    across = lines.across
    height, width = across, lines.along
    for start in range(0, across.out_size - band.lines, band.lines):
        loaded = min(across.in_size, start * across.stride - across.pad + band.rows)
        written = start + band.lines
        if loaded >= across.in_size:
            return True
        if lines.is_transposed:
            # Column by column: safe only where outputs have their inputs' places.
            if (height.out_size, width.out_size) != (height.in_size, width.in_size):
                return False
            if written > loaded:
                return False
        elif written * width.out_size > loaded * width.in_size:
            return False
    return True


def overlaps_of(op: Op, lines: Lines, band: Band) -> tuple[Overlap, ...]:
    """In place, when each channel has one filter."""
    if op.attrs.depth_multiplier != 1 or not is_safe_in_place(lines, band):
        return ()
    return (Overlap(INPUT, 0, reason=_IN_PLACE),)


def plane_struct(numbers: WeightedSum, lines: Lines, band: Band, sizes: tuple[int, int]) -> Struct:
    """A ``tml_depthwise_plane``; ``sizes`` of input and output in bytes."""
    across = lines.across
    padding = numbers.input_zero_point & 0xFFFF
    head = band.lead & 1
    fours, tail = divmod(band.count - head, 4)
    passed = head + 4 * fours + (tail & 2)  # elements that the kernel's pointers pass
    return Struct(
        "tml_depthwise_plane",
        (
            ("in_step", lines.in_steps[0]),
            ("in_line_step", lines.in_steps[1]),
            ("in_lines", across.in_size),
            ("pad_lines", across.pad),
            ("lead", 2 * band.lead),
            ("fours", 8 * fours),
            ("ends", head << 2 | tail),
            ("in_skip", lines.in_steps[1] - passed * lines.in_steps[0]),
            ("skip", band.pitch - 2 * passed),
            ("pitch", band.pitch),
            ("rows", band.rows),
            ("kept", max(0, across.extent - across.stride)),
            ("padding", _int32(padding | padding << 16)),
            ("stride", across.stride),
            ("out_step", lines.out_steps[0]),
            ("out_line_step", lines.out_steps[1]),
            ("out_lines", across.out_size),
            ("band", band.lines),
            ("in_bytes", sizes[0]),
            ("out_bytes", sizes[1]),
        ),
    )


def _int32(word: int) -> int:
    return word - (1 << 32) if word >= 1 << 31 else word


def solve(numbers: WeightedSum, factor_log2: int) -> Linear | Rounding | str:
    """The requantisation that the kernels can do, or why none of the two is exact here."""
    low, high = numbers.sum_bounds()
    rescaling = Rescaling(
        numbers.multiplier, numbers.shift, numbers.output_zero_point, numbers.bounds, low, high
    )
    if np.any(np.maximum(-low, high) >= np.int64(1) << (31 - factor_log2)):
        return f"sums times {1 << factor_log2} do not fit 32 bits"
    linear = solve_linear(rescaling, factor_log2, (_SHIFT,))
    if isinstance(linear, Linear) and np.all(np.abs(linear.offset) < 1 << 23):
        return linear
    rounding = solve_rounding(rescaling)
    if isinstance(rounding, Rounding):
        extra = rounding.offset - _usual_offset(rounding, numbers.output_zero_point)
        if np.any(np.abs(extra) >= 1 << 15):
            return "an output that never changes is too far from the zero point"
    return rounding


def _usual_offset(rounding: Rounding, zero_point: int) -> IntArray:
    """The offset of the rounding form, but for channels whose output never changes."""
    return np.asarray((2 * zero_point + 1) << (rounding.shift - 1), np.int64)


def extra_bits(solved: Linear | Rounding, zero_point: int) -> IntArray:
    """The 24 bits per channel from which the kernels make offset and shift."""
    if isinstance(solved, Linear):
        return solved.offset & 0xFFFFFF
    return solved.shift | ((solved.offset - _usual_offset(solved, zero_point)) & 0xFFFF) << 8


def gather_cost(lines: Lines, band: Band) -> int:
    """Instructions to bring one channel into scratch."""
    head = band.lead & 1
    fours, tail = divmod(band.count - head, 4)
    per_line = 30 + 4 * head + 9 * fours + (0, 4, 6, 9)[tail]
    bands = -(-lines.across.out_size // band.lines)
    refilled = 0 if bands == 1 else band.pitch // 2 + 10
    moved = (bands - 1) * max(0, lines.across.extent - lines.across.stride) * (band.pitch // 2)
    padding = bands * band.rows - lines.across.in_size
    return lines.across.in_size * per_line + max(0, padding) * refilled + moved + 40 * bands


def _why_not_3x3(op: Op, rows: Window, columns: Window) -> str:
    if (rows.kernel, columns.kernel) != (3, 3):
        return f"{rows.kernel}x{columns.kernel} taps, not 3x3"
    if rows.stride != columns.stride or rows.stride not in (1, 2):
        return f"strides {rows.stride} and {columns.stride}, not both 1 or both 2"
    if (rows.dilation, columns.dilation) != (1, 1):
        return "the taps are dilated"
    return ""


def lower_3x3(op: Op, graph: Graph) -> KernelCall | str:
    """A call of one of the 3x3 kernels, lines along the cheaper axis."""
    rows, columns = filter_windows(op, graph)
    reason = _why_not_3x3(op, rows, columns)
    if reason:
        return reason
    numbers = layer(op, graph)
    solved = solve(numbers, _FACTOR_LOG2)
    if isinstance(solved, str):
        return solved
    offers = [_call_3x3(op, graph, numbers, solved, lines) for lines in layouts(op, graph)]
    # A kernel that works in place beats one that does not, unless it costs a fifth more.
    return min(offers, key=lambda call: call.cost.instructions * (5 if call.overlaps else 6))


def _call_3x3(
    op: Op, graph: Graph, numbers: WeightedSum, solved: Linear | Rounding, lines: Lines
) -> KernelCall:
    along, stride = lines.along, lines.along.stride
    fours, tail = divmod(along.out_size, 4)
    # Stride 1 starts at the odd halfword before the first window.
    lead = along.pad + 1 if stride == 1 else along.pad
    least = 4 * fours * stride + (4, 4, 6, 8)[tail] + (2 if stride == 2 else 0)
    band = band_of(lines, lead, least)
    is_rounding = isinstance(solved, Rounding)
    step = 4 * fours + (tail & 2)  # outputs that the lines' pointers pass
    given, made = graph.tensors[op.inputs[INPUT]], result(op, graph)
    batches, _, _, channels = given.shape
    sizes = (given.nbytes, made.nbytes)
    params = Struct(
        "tml_depthwise_3x3_params",
        (
            ("plane", plane_struct(numbers, lines, band, sizes)),
            ("batches", batches),
            ("in_next", given.elements // batches - channels),
            ("out_next", made.elements // batches - made.shape[3]),
            ("filters", made.shape[3]),
            ("multiplier", op.attrs.depth_multiplier),
            ("output_offset", numbers.output_zero_point),
            ("first_end", 8 * stride * fours - stride * band.pitch),
            ("line_bytes", stride * band.pitch),
            ("tail", tail),
            ("skip", stride * (band.pitch - 2 * step)),
            ("out_skip", lines.out_steps[1] - step * lines.out_steps[0]),
        ),
    )
    form = "_rounding" if is_rounding else ""
    per_line = 20 + fours * (49 + 3 * stride) + (0, 20, 30, 50)[tail]
    per_line += 3 * along.out_size if is_rounding else 0
    per_channel = 110 + lines.across.out_size * per_line + gather_cost(lines, band)
    return KernelCall(
        f"tml_depthwise_3x3_s{stride}{form}_s8",
        "kernels/dsp/depthwise_3x3_s8.h",
        params,
        (
            Arg("input", INPUT),
            Arg("constant", constant="filters"),
            Arg("output"),
            Arg("scratch", dtype="char"),
        ),
        (_filters_3x3(numbers, solved, lines.is_transposed),),
        scratch_bytes=band.scratch_bytes,
        overlaps=overlaps_of(op, lines, band),
        cost=Cost(instructions=100 + batches * made.shape[3] * per_channel, code_bytes=300),
        isa="dsp",
        note=f"{'columns' if lines.is_transposed else 'rows'} as lines, "
        f"{'rounding' if is_rounding else 'linear'} form",
    )


def _filters_3x3(numbers: WeightedSum, solved: Linear | Rounding, is_transposed: bool) -> Constant:
    """Five words per filter, as depthwise_3x3_s8.h describes them."""
    count = len(numbers.bias)
    taps = (numbers.weights & 0xFF).reshape(count, 3, 3)
    if is_transposed:
        taps = taps.transpose(0, 2, 1)
    delta = solved.delta if isinstance(solved, Linear) else np.zeros(count, np.int64)
    bias = (numbers.folded_bias() + delta) << _FACTOR_LOG2
    extra = extra_bits(solved, numbers.output_zero_point)
    words = np.zeros((count, 5), np.int64)
    for row in range(3):
        first, second, third = taps[:, row].T
        words[:, row] = second | first << 8 | third << 16 | (extra >> 8 * row & 0xFF) << 24
    words[:, 3], words[:, 4] = bias, solved.multiplier
    return Constant(
        "filters",
        (words & 0xFFFFFFFF).astype(np.uint32).reshape(-1),
        "per filter: three rows of taps w1 w0 w2 with a byte of the offset, bias, multiplier",
    )


def lower_small(op: Op, graph: Graph) -> KernelCall | str:
    """A call of the kernel for 3x3 taps over narrow images, specialised for the shape."""
    rows, columns = filter_windows(op, graph)
    reason = _why_not_3x3(op, rows, columns)
    if reason:
        return reason
    if op.attrs.depth_multiplier != 1:
        return "several filters per channel"
    if result(op, graph).shape[3] >= 1 << 11:
        return "too many channels for the offsets in instructions"
    numbers = layer(op, graph)
    solved = solve(numbers, _FACTOR_LOG2)
    if not isinstance(solved, Linear):
        return solved if isinstance(solved, str) else "the kernel has no rounding form"
    stride, (pairs, odd) = columns.stride, divmod(columns.out_size, 2)
    lines = layouts(op, graph)[0]
    used = 2 * stride * pairs + (4 if odd else 2 if stride == 1 else 1)
    count = band_of(lines, 0, 0).count
    if max(columns.in_size, columns.out_size) > MAX_SMALL:
        return f"lines of more than {MAX_SMALL} elements gain too little for their code"
    if max(columns.pad + count, used) > SMALL_PITCH:
        return f"lines of more than {SMALL_PITCH} elements with their padding"
    height = (rows.out_size - 1) * stride + 3
    in_lines = min(rows.in_size, height - rows.pad)
    given, made = graph.tensors[op.inputs[INPUT]], result(op, graph)
    batches, _, _, channels = given.shape
    padding = numbers.input_zero_point & 0xFFFF
    params = Struct(
        "tml_depthwise_small_params",
        (
            ("batches", batches),
            ("channels", channels),
            ("stride", stride),
            ("in_height", rows.in_size),
            ("in_width", columns.in_size),
            ("in_lines", in_lines),
            ("in_count", count),
            ("lead", columns.pad),
            ("pad_lines", rows.pad),
            ("rows", height),
            ("out_lines", rows.out_size),
            ("out_width", columns.out_size),
            ("padding", _int32(padding | padding << 16)),
            ("in_bytes", given.nbytes),
            ("out_bytes", made.nbytes),
        ),
    )
    per_line = pairs * (21 + 3 * stride) + 15 * odd + 3
    per_channel = 46 + rows.out_size * per_line + in_lines * (2 * count + 4)
    return KernelCall(
        "tml_depthwise_small_s8",
        "kernels/dsp/depthwise_small_s8.h",
        params,
        (
            Arg("input", INPUT),
            Arg("constant", constant="filters"),
            Arg("output"),
            Arg("scratch", dtype="int16"),
        ),
        (_filters_3x3(numbers, solved, False),),
        scratch_bytes=2 * height * SMALL_PITCH,
        overlaps=(Overlap(INPUT, 0, reason=_IN_PLACE),),
        cost=Cost(
            instructions=100 + batches * channels * per_channel,
            code_bytes=250 + 4 * (per_line + 2 * count),
        ),
        isa="dsp",
        note="specialised for its shape, linear form",
    )


VARIANTS = (
    Variant("dsp/depthwise_3x3", "DEPTHWISE_CONV_2D", "dsp", lower_3x3),
    Variant("dsp/depthwise_small", "DEPTHWISE_CONV_2D", "dsp", lower_small),
)
