"""TRANSPOSE_CONV for cores with DSP instructions: one small convolution per phase of the output."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tinyml.ir.dtype import INT32
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Constant, KernelCall, Overlap, Struct, field_value, row_overlap
from tinyml.ops.extents import Extent, Fields, dense
from tinyml.ops.spreads import INPUT, WEIGHTS, Spread, spreads
from tinyml.ops.weighted import WeightedSum
from tinyml.variants import Variant
from tinyml.variants.dsp_gemm import (
    MatrixKernel,
    gemm_cost,
    gemm_params,
    gemm_scratch,
    matrix_call,
    unrolled_steps,
)
from tinyml.variants.dsp_streams import (
    Form,
    IntArray,
    choose_pair_form,
    group_words,
    pair_stream,
    stream_order,
)
from tinyml.variants.needs import Needs


@dataclass(frozen=True, slots=True)
class Phase:
    """Outputs of an axis whose index has the same remainder by the stride.

    Output ``stride * i + remainder`` hears the inputs ``i + first`` and on through ``taps``, in
    this order. Where it hears none there is one tap, -1, which is no weight.
    """

    first: int
    taps: tuple[int, ...]
    count: int  # outputs


@dataclass(frozen=True, slots=True)
class Axis:
    """The phases of an axis, and the inputs around i that any of them hears."""

    phases: tuple[Phase, ...]
    low: int  # at most 0
    high: int


def axis_of(spread: Spread) -> Axis:
    """The phases of one image axis."""
    phases = []
    for remainder in range(spread.stride):
        shift, tap = divmod(remainder + spread.pad, spread.stride)
        taps = tuple(range(tap, spread.kernel, spread.stride))[::-1]
        count = -(-(spread.out_size - remainder) // spread.stride)
        phases.append(Phase(shift - max(len(taps), 1) + 1, taps or (-1,), count))
    low = min(0, *(phase.first for phase in phases))
    return Axis(tuple(phases), low, max(item.first + len(item.taps) - 1 for item in phases))


@dataclass(frozen=True, slots=True)
class _Layer:
    """A layer as the kernel sees it."""

    rows: Axis
    columns: Axis
    kernel: tuple[int, int]
    channels: int
    numbers: WeightedSum
    form: Form

    @property
    def band_rows(self) -> int:
        """Rows that stand in the band."""
        return self.rows.high - self.rows.low + 1

    def order(self, column: Phase) -> IntArray:
        """The taps of all rows of the band in the order in which they are widened."""
        return stream_order(self.band_rows, len(column.taps) * self.channels, 4)

    def kept(self, row: Phase, column: Phase) -> tuple[int, int]:
        """First tap, and number, of what a phase reads of the widened taps."""
        segment = len(column.taps) * self.channels
        if segment % 4:
            return 0, len(self.order(column))
        return (row.first - self.rows.low) * segment, len(row.taps) * segment

    def stream(self, row: Phase, column: Phase) -> Constant:
        """The weights of a phase."""
        filters = len(self.numbers.weights)
        whole = self.numbers.weights.reshape(filters, *self.kernel, self.channels)
        own = np.zeros((filters, self.band_rows, len(column.taps), self.channels), np.int64)
        for at, k_y in enumerate(row.taps, row.first - self.rows.low):
            for k_x_at, k_x in enumerate(column.taps):
                if min(k_y, k_x) >= 0:
                    own[:, at, k_x_at] = whole[:, k_y, k_x]
        weights = own.reshape(filters, -1)
        absent = self.numbers.weights.sum(axis=1) - weights.sum(axis=1)
        bias = self.form.bias + self.numbers.input_zero_point * absent
        first, count = self.kept(row, column)
        order = self.order(column)[first : first + count]
        return pair_stream(replace(self.form, weights=weights, bias=bias), order)

    def tables(self) -> tuple[Constant, Constant]:
        """The weights of all phases, and the table that says where they are."""
        streams: list[IntArray] = []
        table: list[int] = []
        words = 0
        for column in self.columns.phases:
            segment = len(column.taps) * self.channels
            start = (column.first - self.columns.low) * self.channels
            table += [start, segment, column.count]
            for row in self.rows.phases:
                first, taps = self.kept(row, column)
                loops, entry = unrolled_steps(self.form, taps)
                table += [first * 3 // 2, loops, entry, group_words(self.form, taps, 2), words]
                stream = self.stream(row, column).data
                streams.append(stream)
                words += len(stream)
        return (
            Constant(
                "weights",
                np.concatenate(streams),
                "per phase and two filters: biases, weights, rescaling",
            ),
            Constant("phases", np.array(table, np.int32), "per column: windows; per row: weights"),
        )

    def instructions(self) -> int:
        """Of all phases over one row of inputs."""
        total = 0
        for column in self.columns.phases:
            segment = len(column.taps) * self.channels
            widen = 80 + self.band_rows * (6 + 13 * (segment // 4) + 12 * (segment % 4))
            runs = (gemm_cost(self.form, self.kept(row, column)[1]) for row in self.rows.phases)
            total += -(-column.count // 3) * (widen + sum(40 + run for run in runs))
        return total


def lower(op: Op, graph: Graph, numbers: WeightedSum) -> KernelCall | str:
    """A call of ``tml_dsp_transpose_conv_s8``."""
    axes = spreads(op, graph)
    form = numbers.once(choose_pair_form)
    if form.leaves_sums:
        return "no rescaling beside the block is exact"
    _, *kernel, channels = graph.tensors[op.inputs[WEIGHTS]].shape
    rows, columns = (axis_of(axis) for axis in axes)
    layer = _Layer(rows, columns, (kernel[0], kernel[1]), channels, numbers, form)
    return _call(layer, axes, graph.tensors[op.inputs[INPUT]].shape[0])


def _call(layer: _Layer, axes: tuple[Spread, Spread], batches: int) -> KernelCall:
    height, width = axes
    form = layer.form
    most = max(len(layer.order(column)) for column in layer.columns.phases)
    scratch = -(-gemm_scratch(form, most) // 4) * 4
    band = _band(layer, axes)
    pitch = int(field_value(band, "pitch"))
    constants = layer.tables()
    positions = -(-height.out_size // height.stride)
    moved = width.in_size * layer.channels // 16 * 10 * (layer.band_rows + 1) + 150
    call = matrix_call(
        MatrixKernel("transpose_conv"),
        (
            ("batches", batches),
            ("band", band),
            ("band_offset", scratch),
            ("in_channels", layer.channels),
            ("out_rows", height.out_size),
            ("out_columns", width.out_size),
            ("strides", (height.stride, width.stride)),
            ("gemm", gemm_params(form, layer.numbers, most)),
        ),
        constants[0],
        form,
        Needs(
            scratch + layer.band_rows * pitch,
            _overlap(layer, axes, batches),
            60 + batches * positions * (layer.instructions() + moved),
        ),
    )
    arguments = (
        Arg("input", INPUT),
        *(Arg("constant", constant=item.name) for item in constants),
        Arg("output", 0),
        Arg("scratch", dtype=INT32),
    )
    triples = -(-layer.columns.phases[0].count // 3)
    times = batches * positions * triples
    return replace(call, arguments=arguments, constants=constants, times_read=times)


def _band(layer: _Layer, axes: tuple[Spread, Spread]) -> Struct:
    """A ``tml_dsp_band_params`` that moves by one row of inputs."""
    height, width = axes
    positions = [-(-axis.out_size // axis.stride) for axis in axes]
    columns = positions[1] + layer.columns.high - layer.columns.low
    return Struct(
        "tml_dsp_band_params",
        (
            ("in_rows", height.in_size),
            ("in_row_bytes", width.in_size * layer.channels),
            ("pad_rows", -layer.rows.low),
            ("pad_bytes", -layer.columns.low * layer.channels),
            ("padding_value", layer.numbers.input_zero_point),
            ("out_rows", positions[0]),
            ("at_once", 1),
            ("rows", layer.band_rows),
            ("step", 1),
            ("pitch", -(-columns * layer.channels // 4) * 4),
        ),
    )


def _overlap(layer: _Layer, axes: tuple[Spread, Spread], batches: int) -> Overlap:
    """All rows under a position of the band are read, then its outputs are written."""
    height, width = axes
    row_bytes = width.in_size * layer.channels
    made_bytes = width.out_size * len(layer.numbers.weights)
    steps: list[tuple[int, int]] = []
    for batch in range(batches):
        read, made = batch * height.in_size * row_bytes, batch * height.out_size * made_bytes
        for first in range(0, height.out_size, height.stride):
            last = min(first + height.stride, height.out_size)
            below = first // height.stride + layer.rows.high + 1
            if last == height.out_size:
                below = height.in_size
            keep = read + min(max(below, 0), height.in_size) * row_bytes
            steps += [(made + first * made_bytes, keep), (made + last * made_bytes, keep)]
    return replace(row_overlap(0, tuple(steps)), input=INPUT)


def _extent(f: Fields) -> Extent:
    band = f["band"]
    given = f["batches"] * band["in_rows"] * band["in_row_bytes"]
    made = f["batches"] * f["out_rows"] * f["out_columns"] * f["gemm"]["out_channels"]
    return dense(given, made=made)


EXTENTS = {"tml_dsp_transpose_conv_params": _extent}

VARIANTS = (Variant("dsp/transpose_conv", "TRANSPOSE_CONV", "s8", "dsp", lower),)
