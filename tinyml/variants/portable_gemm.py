"""Convolution and matrix products for cores without DSP instructions: two products at a time.

``firmware/kernels/portable/pairs.h`` and ``fully_connected_s8.h`` hold two sums in one register.
Sums of a chunk of a few taps fit their 16-bit fields as long as the magnitudes of the weights add
up to at most 255, since inputs are at least -128 and at most 127. Weights for which they do not are
cut down (``cut_down``); the kernels add the rest, tap by tap.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Overlap, Struct, Value
from tinyml.ops import conv_2d, fully_connected
from tinyml.ops.common import result
from tinyml.ops.weighted import INPUT, WEIGHTS, WeightedSum
from tinyml.ops.windows import filter_windows, paired_windows_overlap, pairs_overlap, window_struct
from tinyml.variants import Variant
from tinyml.variants.families import FAMILIES, Family
from tinyml.variants.portable_rescale import IntArray, Rescale, rescale_of

FOUR = 4  # taps are filled up to fours
LARGEST_CHUNK = 255  # sum of magnitudes; 128 times that fits 16 bits


def convolution(family: Family, op: Op, graph: Graph) -> KernelCall | str:
    """A CONV_2D whose filters see all channels."""
    given, weights = graph.tensors[op.inputs[INPUT]], graph.tensors[op.inputs[WEIGHTS]]
    if weights.shape[3] != given.shape[3]:
        return "the convolution is grouped"
    numbers = conv_2d.layer(op, graph).tamed()
    rows, columns = filter_windows(op, graph)
    if all(
        (axis.kernel, axis.stride, axis.pad, axis.pad_after) == (1, 1, 0, 0)
        for axis in (rows, columns)
    ):
        return _pointwise(family, numbers, result(op, graph).elements // len(numbers.bias))
    return _convolve(family, op, graph, numbers)


def matrix_product(family: Family, op: Op, graph: Graph) -> KernelCall | str:
    """FULLY_CONNECTED of any number of rows."""
    numbers = fully_connected.layer(op, graph).tamed()
    rows = result(op, graph).elements // len(numbers.bias)
    return _row(family, numbers) if rows == 1 else _pointwise(family, numbers, rows)


def cut_down(weights: IntArray, chunk: int) -> tuple[IntArray, IntArray]:
    """Weights [filters, chunks of taps] whose chunks fit their fields, and the rest of them.

    Of a chunk that does not fit, its largest weights are cut until it does.
    """
    chunks = weights.reshape(len(weights), -1, chunk)
    magnitude = np.abs(chunks)
    over = magnitude.sum(axis=2) - LARGEST_CHUNK
    order = np.argsort(-magnitude, axis=2, kind="stable")
    cut = np.zeros_like(chunks)
    for place in range(chunk):
        at = order[:, :, place, None]
        value = np.take_along_axis(chunks, at, 2)
        less = np.minimum(np.maximum(over[:, :, None], 0), np.abs(value))
        np.put_along_axis(cut, at, np.sign(value) * less, 2)
        over -= less[:, :, 0]
    return (chunks - cut).reshape(weights.shape), cut.reshape(weights.shape)


def _pointwise(family: Family, numbers: WeightedSum, pixels: int) -> KernelCall:
    filters, channels = numbers.weights.shape
    pairs = _pairs(family, numbers, channels)
    return pairs.call(
        "pointwise",
        (("pixels", pixels), ("in_channels", channels)),
        copy_bytes=0,
        overlap=pairs_overlap(pixels, channels, filters),
        instructions=-(-pixels // 2) * (pairs.cost() + pairs.packing_cost()),
    )


def _convolve(family: Family, op: Op, graph: Graph, numbers: WeightedSum) -> KernelCall:
    given, made = graph.tensors[op.inputs[INPUT]].shape, result(op, graph).shape
    rows, columns = filter_windows(op, graph)
    row_taps = columns.kernel * given[3]
    is_whole = columns.dilation == 1 and row_taps % FOUR == 0
    pairs = _pairs(family, numbers, row_taps if is_whole else rows.kernel * row_taps)
    outputs = rows.out_size * columns.out_size
    inside = rows.whole_outputs() * columns.whole_outputs() if is_whole else 0
    copies = given[0] * (outputs - inside)
    copying = (30 + rows.kernel * (30 + 4 * row_taps)) * copies
    windows = given[0] * -(-outputs // 2)
    return pairs.call(
        "conv_2d",
        (
            ("batches", given[0]),
            ("height", window_struct(rows)),
            ("width", window_struct(columns)),
            ("in_channels", given[3]),
            ("padding_value", numbers.input_zero_point),
        ),
        copy_bytes=2 * pairs.taps,
        overlap=paired_windows_overlap(rows, columns, given, made),
        instructions=windows * (60 + pairs.cost() + pairs.packing_cost()) + copying,
    )


def _pairs(family: Family, numbers: WeightedSum, run: int) -> _Pairs:
    """The filters with the better size of chunks: time counts, and flash in proportion."""
    rescale = rescale_of(numbers, family)
    choices = [_Pairs(family, numbers, rescale, run, chunk) for chunk in (FOUR, FOUR // 2)]
    return min(
        choices, key=lambda pairs: pairs.cost() * (pairs.taps * pairs.filters + pairs.rest_bytes)
    )


class _Pairs:
    """The filters of a layer as pairs.h wants them."""

    def __init__(
        self, family: Family, numbers: WeightedSum, rescale: Rescale, run: int, chunk: int
    ) -> None:
        """``run`` is how many taps follow one another before they are filled up to fours."""
        filters, taps = numbers.weights.shape
        padded = -(-run // FOUR) * FOUR
        spread = np.zeros((filters, taps // run, padded), np.int64)
        spread[:, :, :run] = numbers.weights.reshape(filters, -1, run)
        self.family, self.filters, self.chunk, self.rescale = family, filters, chunk, rescale
        self.kept, self.rest = cut_down(spread.reshape(filters, -1), chunk)
        self.taps = int(self.kept.shape[1])
        self.chunks = self.taps // chunk
        self.rest_bytes = 4 * int(np.count_nonzero(self.rest)) + 2 * filters

    def call(
        self,
        name: str,
        fields: tuple[tuple[str, Value], ...],
        *,
        copy_bytes: int,
        overlap: Overlap,
        instructions: int,
    ) -> KernelCall:
        """A call of ``tml_portable_<name>_s8``."""
        pair = Struct(
            "tml_pair_params",
            (
                ("chunk", self.chunk),
                ("chunks", self.chunks),
                ("out_channels", self.filters),
                ("block", self.family.filters),
                ("has_rest", bool(self.rest.any())),
                ("rescale", self.rescale.struct),
            ),
        )
        blocks = -(-self.filters // self.family.filters)
        return KernelCall(
            f"tml_portable_{name}_s8",
            f"kernels/portable/{name}_s8.h",
            Struct(f"tml_portable_{name}_params", (*fields, ("pair", pair))),
            (
                Arg("input", INPUT),
                *(Arg("constant", constant=item) for item in ("weights", "scales", "rest")),
                Arg("output"),
                Arg("scratch", dtype="uint32"),
            ),
            (
                self._weights(blocks),
                self.rescale.constant(blocks * self.family.filters),
                _rest_constant(self.rest, lambda tap: tap + tap // self.chunk + 1),
            ),
            scratch_bytes=4 * (self.chunk + 1) * self.chunks + copy_bytes,
            overlaps=(overlap,),
            cost=Cost(instructions, code_bytes=600),
            isa=self.family.name,
            note=_note(self.rescale, self.rest),
        )

    def _weights(self, blocks: int) -> Constant:
        block = self.family.filters
        filled = np.zeros((blocks * block, self.kept.shape[1]), np.int64)
        filled[: self.filters] = self.kept
        packed = (filled + 128).reshape(blocks, block, -1).transpose(0, 2, 1)
        return Constant(
            "weights",
            packed.reshape(-1).astype(np.uint8),
            f"plus 128; {block} filters side by side, taps in fours",
        )

    def packing_cost(self) -> int:
        """Instructions of putting two pixels into the stream."""
        return 8 * self.taps + 30

    def cost(self) -> int:
        """Instructions of all filters over two pixels."""
        block = self.family.filters
        blocks = -(-self.filters // block)
        chunk = 4 + self.chunk * (2 + 3 * block) + 3 * block
        outputs = 2 * self.filters * (10 + rescale_cost(self.family, self.rescale))
        rest = 12 * int(np.count_nonzero(self.rest)) + 5 * self.filters * bool(self.rest.any())
        return int(blocks * (20 + self.chunks * chunk) + outputs + rest)


def _row(family: Family, numbers: WeightedSum) -> KernelCall:
    rescale = rescale_of(numbers, family)
    calls = [_quads(family, numbers, rescale, chunk) for chunk in (FOUR, 2 * FOUR)]
    return min(calls, key=lambda call: call.cost.instructions * call.constant_bytes())


def _quads(family: Family, numbers: WeightedSum, rescale: Rescale, chunk: int) -> KernelCall:
    outputs, features = numbers.weights.shape
    chunks, block = -(-features // chunk), 4 * family.quads
    spread = np.zeros((outputs, chunks * chunk), np.int64)
    spread[:, :features] = numbers.weights
    kept, rest = cut_down(spread, chunk)
    blocks = -(-outputs // block)
    filled = np.zeros((blocks * block, chunks * chunk), np.int64)
    filled[:outputs] = kept
    packed = (filled + 128).reshape(blocks, block, -1).transpose(0, 2, 1)
    each = 7 + chunk * (1 + 7 * family.quads) + 8 * family.quads
    per_output = 12 + rescale_cost(family, rescale) + 5 * bool(rest.any())
    work = blocks * (20 + chunks * each) + outputs * per_output
    return KernelCall(
        "tml_portable_fully_connected_s8",
        "kernels/portable/fully_connected_s8.h",
        Struct(
            "tml_portable_fully_connected_params",
            (
                ("in_features", features),
                ("out_features", outputs),
                ("chunk", chunk),
                ("quads", family.quads),
                ("has_rest", bool(rest.any())),
                ("rescale", rescale.struct),
            ),
        ),
        (
            Arg("input", INPUT),
            *(Arg("constant", constant=item) for item in ("weights", "scales", "rest")),
            Arg("output"),
            Arg("scratch", dtype="uint32"),
        ),
        (
            Constant(
                "weights",
                packed.reshape(-1).astype(np.uint8).view(np.uint32),
                f"plus 128; {block} outputs side by side, a byte each",
            ),
            rescale.constant(blocks * block),
            _rest_constant(rest, lambda tap: tap),
        ),
        scratch_bytes=4 * (chunk + 2) * chunks,
        cost=Cost(work + 8 * features + 7 * int(np.count_nonzero(rest)), code_bytes=500),
        isa=family.name,
        note=_note(rescale, rest),
    )


def rescale_cost(family: Family, rescale: Rescale) -> int:
    """Instructions to rescale one sum: rescale.h."""
    if rescale.form == "REFERENCE":
        return 13 if family.has_high_multiply else 40
    return 9 if rescale.form == "HIGH" else 16


def _rest_constant(rest: IntArray, place: Callable[[int], int]) -> Constant:
    data: list[int] = []
    for row in rest if rest.any() else ():
        (taps,) = np.nonzero(row)
        data.append(len(taps))
        for tap in taps.tolist():
            data += [place(tap), int(row[tap])]
    return Constant(
        "rest",
        np.array(data or [0], np.int16),
        "per filter: how many taps were cut down, then place and value of what is left to add",
    )


def _note(rescale: Rescale, rest: IntArray) -> str:
    return f"rescaling {rescale.form.lower()}, {np.count_nonzero(rest)} taps cut down"


VARIANTS = tuple(
    Variant(f"{family.name}/{name}", kind, family.name, partial(lower, family))
    for family in FAMILIES
    for name, kind, lower in (
        ("conv_2d", "CONV_2D", convolution),
        ("fully_connected", "FULLY_CONNECTED", matrix_product),
    )
)
