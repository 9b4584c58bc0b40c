"""What depthwise kernels for Armv7E-M share: one channel at a time as int16 lines in scratch.

firmware/kernels/dsp/depthwise_plane.h reads a channel of the NHWC image once, before outputs are
written over it, so with one filter per channel the output may take the input's place. A line is a
row of the image, or a column where that is cheaper.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import KernelCall, Overlap, Struct, Value
from tinyml.ir.requant import Linear, Rescaling, Rounding, solve_linear, solve_rounding
from tinyml.ir.shapes import Window
from tinyml.ops.common import result
from tinyml.ops.weighted import INPUT, WeightedSum
from tinyml.ops.windows import filter_windows

IntArray = NDArray[np.int64]

FACTOR_LOG2 = 8  # of the kernels' sums
SCRATCH_BYTES = 1024  # a band takes no more, unless that were fewer than four output lines ...
MOST_SCRATCH_BYTES = 2048  # ... and then no more than this, unless one line needs it
IN_PLACE = "a channel's lines are read before the same channel's outputs replace them"
_SHIFT = 10  # N of the linear form, fixed in the kernels: serves factors below 1/8


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
    """Scratch lines for as many output lines as may be, evenly divided."""
    along, across = lines.along, lines.across
    count = min(along.in_size, (along.out_size - 1) * along.stride + along.extent - along.pad)
    pitch = -(-max(least_halfwords, lead + count) // 4) * 8
    four_lines = pitch * (across.extent + 3 * across.stride)
    allowed = max(SCRATCH_BYTES, min(MOST_SCRATCH_BYTES, four_lines))
    most = (allowed // pitch - across.extent) // across.stride + 1
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
    return (Overlap(INPUT, 0, reason=IN_PLACE),)


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
            ("padding", int32(padding | padding << 16)),
            ("stride", across.stride),
            ("out_step", lines.out_steps[0]),
            ("out_line_step", lines.out_steps[1]),
            ("out_lines", across.out_size),
            ("band", band.lines),
            ("in_bytes", sizes[0]),
            ("out_bytes", sizes[1]),
        ),
    )


def int32(word: int) -> int:
    """A 32-bit word as C sees it in a signed field."""
    return word - (1 << 32) if word >= 1 << 31 else word


def rescaling_of(numbers: WeightedSum) -> Rescaling:
    """What happens to the layer's sums."""
    low, high = numbers.sum_bounds
    return Rescaling(
        numbers.multiplier, numbers.shift, numbers.output_zero_point, numbers.bounds, low, high
    )


def solve(numbers: WeightedSum) -> Linear | Rounding | str:
    """The requantisation that the kernels can do, or why none of the two is exact here."""
    rescaling = rescaling_of(numbers)
    linear = solve_linear(rescaling, FACTOR_LOG2, (_SHIFT,))
    if isinstance(linear, Linear) and np.all(np.abs(linear.offset) < 1 << 23):
        return linear
    if np.any(~rescaling.is_dead() & (rescaling.reach() >= 1 << (31 - FACTOR_LOG2))):
        return f"sums times {1 << FACTOR_LOG2} do not fit 32 bits"
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


def filter_bias(numbers: WeightedSum, solved: Linear | Rounding) -> IntArray:
    """The bias of each filter as the kernels start their sums, with the factor."""
    delta = solved.delta if isinstance(solved, Linear) else np.zeros_like(numbers.bias)
    return np.asarray((numbers.folded_bias() + delta) << FACTOR_LOG2, np.int64)


def image_fields(op: Op, graph: Graph, numbers: WeightedSum) -> tuple[tuple[str, Value], ...]:
    """The fields on batches and filters that the kernels' params have in common."""
    given, made = graph.tensors[op.inputs[INPUT]], result(op, graph)
    batches, _, _, channels = given.shape
    return (
        ("batches", batches),
        ("in_next", given.elements // batches - channels),
        ("out_next", made.elements // batches - made.shape[3]),
        ("filters", made.shape[3]),
        ("multiplier", op.attrs.depth_multiplier),
        ("output_offset", numbers.output_zero_point),
    )


def cheapest(offers: list[KernelCall]) -> KernelCall:
    """The offer of least cost; one that does not work in place must be a fifth cheaper."""
    return min(offers, key=lambda call: call.cost.instructions * (5 if call.overlaps else 6))
