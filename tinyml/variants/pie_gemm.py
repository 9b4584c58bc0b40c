"""Convolution and matrix products for the ESP32-S3's vector unit: sixteen channels at a time.

``firmware/kernels/pie/sums.h`` multiplies one input with the weights of sixteen channels in one
instruction. Its accumulators have 20 bits; where sums could leave them they are added up in memory
after some runs of inputs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tinyml.ir.dtype import INT8
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Overlap, Struct, Value
from tinyml.ir.requant import IntArray
from tinyml.ops.common import result
from tinyml.ops.extents import images, rows
from tinyml.ops.halves import cut_images, cut_rows
from tinyml.ops.weighted import INPUT, WEIGHTS, WeightedSum
from tinyml.ops.windows import blocks_overlap, filter_windows, image_overlap, window_struct
from tinyml.variants import Variant
from tinyml.variants.pie_rescale import (
    LANE_BITS,
    LANES,
    SUMS_BYTES,
    LaneScales,
    fits_lanes,
    lane_scales,
)

ISA = "pie"
TOGETHER = 4  # inputs: runs are filled up to a multiple
FURTHER = 4  # ways to cut rows that are tried, from the fewest runs on
MOST_WEIGHT = 1 << LANE_BITS - 8  # of a run: 128 times as much leaves a lane
CACHED_BYTES = 3 << 14  # weights: most of the data cache, 64 KB as sdkconfig.defaults sets it


def convolution(op: Op, graph: Graph, numbers: WeightedSum) -> KernelCall:
    """A CONV_2D; filters of groups see all channels, with weights of 0."""
    given, weights = graph.tensors[op.inputs[INPUT]].shape, graph.tensors[op.inputs[WEIGHTS]].shape
    if weights[3] != given[3]:
        numbers = numbers.once(over_all_channels, weights[3], given[3])
    rows, columns = filter_windows(op, graph)
    if all(
        (axis.kernel, axis.stride, axis.pad, axis.pad_after) == (1, 1, 0, 0)
        for axis in (rows, columns)
    ):
        return matrix_product(op, graph, numbers)
    return windows(op, graph, numbers)


def over_all_channels(numbers: WeightedSum, depth: int, given: int) -> WeightedSum:
    """Filters of ``depth`` of the ``given`` channels as filters of all, 0 for the others."""
    filters, taps = len(numbers.weights), numbers.weights.shape[1] // depth
    first = np.arange(filters) * (given // depth) // filters * depth
    weights = np.zeros((filters, taps, given), np.int64)
    seen = numbers.weights.reshape(filters, taps, depth)
    for channel in range(depth):
        weights[np.arange(filters), :, first + channel] = seen[:, :, channel]
    return replace(numbers, weights=weights.reshape(filters, -1))


def windows(op: Op, graph: Graph, numbers: WeightedSum) -> KernelCall:
    """Any filters over all channels of an image."""
    given = graph.tensors[op.inputs[INPUT]].shape
    rows, columns = filter_windows(op, graph)
    row, pixels = columns.kernel * given[3], rows.out_size * columns.out_size
    sums = None
    if columns.dilation > 1:
        sums = numbers.once(sums_apart, given[3], columns.kernel, pixels > 1)
    is_copied = columns.dilation > 1 and sums is None
    sums = sums or numbers.once(sums_of_rows, row, pixels > 1)
    inside = 0 if is_copied else rows.whole_outputs() * columns.whole_outputs()
    window = rows.kernel * row
    copied = (pixels - inside) * (40 * rows.kernel + 5 * window // 4)
    return sums.call(
        "conv_2d",
        (
            ("batches", given[0]),
            ("height", window_struct(rows)),
            ("width", window_struct(columns)),
            ("in_channels", given[3]),
            ("padding_value", numbers.input_zero_point),
            ("is_copied", is_copied),
        ),
        image_overlap(rows, columns, given, result(op, graph).shape),
        given[0] * sums.passes * (pixels * (40 + sums.cost()) + copied),
        window,
    )


def matrix_product(op: Op, graph: Graph, numbers: WeightedSum) -> KernelCall:
    """FULLY_CONNECTED of any number of rows."""
    filters, taps = numbers.weights.shape
    pixels = result(op, graph).elements // filters
    sums = numbers.once(sums_of_rows, taps, pixels > 1)
    return sums.call(
        "pointwise",
        (("pixels", pixels), ("in_channels", taps)),
        blocks_overlap(pixels, 1, taps, filters),
        pixels * sums.passes * (10 + sums.cost()),
    )


@dataclass(frozen=True, slots=True, eq=False)
class LaneSums:
    """The filters of a layer as sums.h wants them."""

    scales: LaneScales
    weights: IntArray  # [channels, runs, inputs of a run], which follow one another in memory
    row_runs: int  # runs of a row of the filter
    step: int  # inputs from run to run of a row
    runs_added: int  # before sums could leave 20 bits
    is_repeated: bool  # there are several windows

    @property
    def runs(self) -> int:
        """Of all rows of the filter."""
        return int(self.weights.shape[1])

    @property
    def run(self) -> int:
        """Inputs of a run."""
        return int(self.weights.shape[2])

    @property
    def lanes(self) -> int:
        """Channels of a group."""
        return self.scales.lanes(is_split=self.is_split)

    @property
    def is_split(self) -> bool:
        """Whether sums are added up in memory."""
        return self.runs_added < self.runs

    @property
    def taps(self) -> int:
        """Inputs of a run, filled up."""
        return -(-self.run // TOGETHER) * TOGETHER

    @property
    def together(self) -> int:
        """Channels of a pass over the image, whose weights stay in the cache."""
        channels = len(self.scales.weights)
        groups = -(-channels // self.lanes)
        if not self.is_repeated:
            return channels
        passes = -(-groups * LANES * self.runs * self.taps // CACHED_BYTES)
        return min(channels, -(-groups // min(passes, groups)) * self.lanes)

    @property
    def passes(self) -> int:
        """How often the image is gone through."""
        return -(-len(self.scales.weights) // self.together)

    def cost(self) -> int:
        """Instructions of the channels of a window in one pass."""
        taps = self.taps
        added = -(-self.runs // self.runs_added) - 1
        each = self.runs * (8 + 4 * -(-taps // 16) + taps) + 75 * added
        channels, lanes = self.together, self.lanes
        put = channels if channels % LANES else 2 + 5 * channels // LANES
        return -(-channels // lanes) * (12 + each + self.scales.cost(lanes)) + 6 + put

    # Six parameters: what differs between the two kernels.
    def call(
        self,
        name: str,
        fields: tuple[tuple[str, Value], ...],
        overlap: Overlap,
        instructions: int,
        window_bytes: int = 0,
    ) -> KernelCall:
        """A call of ``tml_pie_<name>_s8``."""
        filled = -(-len(self.scales.weights) // LANES) * LANES
        return KernelCall(
            f"tml_pie_{name}_s8",
            f"kernels/pie/{name}_s8.h",
            Struct(f"tml_pie_{name}_params", (*fields, ("sums", self._struct()))),
            (
                Arg("input", INPUT),
                *(Arg("constant", constant=item) for item in ("weights", "scales")),
                Arg("output"),
                Arg("scratch", dtype=INT8),
            ),
            (self._constant(), self.scales.constant(self.lanes)),
            scratch_bytes=SUMS_BYTES + filled + window_bytes,
            overlaps=(overlap,) if self.passes == 1 else (),
            cost=Cost(40 + instructions, code_bytes=900 + 200 * self.is_split),
            isa=ISA,
            note=self.scales.note(is_split=self.is_split),
            reads_constants_once=True,
        )

    def _struct(self) -> Struct:
        return Struct(
            "tml_pie_sums_params",
            (
                ("rows", self.runs // self.row_runs),
                ("runs", self.row_runs),
                ("run", self.run),
                ("step", self.step),
                ("taps", self.taps),
                ("runs_added", self.runs_added),
                ("out_channels", len(self.scales.weights)),
                ("lanes", self.lanes),
                ("together", self.together),
                ("rescale", self.scales.struct()),
            ),
        )

    def _constant(self) -> Constant:
        taps, groups = self.taps, -(-len(self.weights) // LANES)
        filled = np.zeros((groups * LANES, self.runs, taps), np.int8)
        filled[: len(self.weights), :, : self.run] = self.weights
        lanes = filled.reshape(groups, LANES, -1).transpose(0, 2, 1).reshape(-1)
        return Constant(
            "weights",
            np.concatenate([lanes, np.zeros(2 * LANES, np.int8)]),
            f"{LANES} channels side by side, input by input, runs of {self.run} filled up to "
            f"{taps}; the last {2 * LANES} bytes are read and not used",
            alignment=LANES,
        )


def sums_of_rows(numbers: WeightedSum, row: int, is_repeated: bool) -> LaneSums:
    """The layer, whose inputs lie in rows, which are cut into as many runs as is cheapest."""
    scales = numbers.once(lane_scales)
    in_rows = np.abs(scales.weights).reshape(len(scales.weights), -1, row)
    fewest = max(1, int(in_rows.sum(axis=2).max(initial=0)) // MOST_WEIGHT)
    choices: list[LaneSums] = []
    for count in range(fewest, row + 1):
        weights = _cut(scales.weights, row, count)
        added = runs_added(weights)
        if added:
            choices.append(LaneSums(scales, weights, count, row // count, added, is_repeated))
        if len(choices) == FURTHER:
            break
    return min(choices, key=LaneSums.cost)


def sums_apart(numbers: WeightedSum, run: int, row_runs: int, is_repeated: bool) -> LaneSums | None:
    """The layer, whose inputs lie in runs with gaps between them; None if one may be too long."""
    scales = numbers.once(lane_scales)
    weights = scales.weights.reshape(len(scales.weights), -1, run)
    added = runs_added(weights)
    return LaneSums(scales, weights, row_runs, run, added, is_repeated) if added else None


def _cut(weights: IntArray, row: int, count: int) -> IntArray:
    """Rows of so many inputs in ``count`` runs of one length: [channels, runs, inputs].

    The last one takes what a whole number of inputs for each leaves over. The others are as long,
    reach into their neighbours and have weights of 0 there.
    """
    step = row // count
    rows = weights.reshape(len(weights), -1, row)
    cut = np.zeros((*rows.shape[:2], count, row - (count - 1) * step), np.int64)
    for i in range(count - 1):
        cut[:, :, i, :step] = rows[:, :, i * step : (i + 1) * step]
    cut[:, :, -1] = rows[:, :, (count - 1) * step :]
    return cut.reshape(len(weights), -1, cut.shape[3])


def runs_added(runs: IntArray) -> int:
    """How many runs, [channels, runs, inputs], are added before sums are read; 0: not even one."""
    count = int(runs.shape[1])
    for parts in range(1, count + 1):
        added = -(-count // parts)
        if all(
            fits_lanes(runs[:, at : at + added].reshape(len(runs), -1))
            for at in range(0, count, added)
        ):
            return added
    return 0


EXTENTS = {
    "tml_pie_conv_2d_params": images("in_channels", "sums.out_channels"),
    "tml_pie_pointwise_params": rows("pixels", "in_channels", "sums.out_channels"),
}

HALVES = {
    "tml_pie_conv_2d_params": cut_images("in_channels", "sums.out_channels"),
    "tml_pie_pointwise_params": cut_rows("pixels", "in_channels", "sums.out_channels"),
}

VARIANTS = (
    Variant("pie/conv_2d", "CONV_2D", "s8", ISA, convolution),
    Variant("pie/fully_connected", "FULLY_CONNECTED", "s8", ISA, matrix_product),
)
