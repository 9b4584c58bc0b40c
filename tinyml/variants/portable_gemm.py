"""Convolution for cores without DSP instructions: two products at a time.

``firmware/kernels/portable/pairs.h`` holds two sums in one register. Sums of a chunk of a few taps
fit their 16-bit fields as long as the magnitudes of the weights add up to at most 255, since inputs
are at least -128 and at most 127. Weights for which they do not are cut down (``cut_down``); the
kernels add the rest, tap by tap.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from tinyml.ir.dtype import UINT32
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Overlap, Struct, Value
from tinyml.ops.common import result
from tinyml.ops.extents import images, rows
from tinyml.ops.halves import cut_images, cut_rows
from tinyml.ops.weighted import INPUT, WEIGHTS, WeightedSum
from tinyml.ops.windows import blocks_overlap, filter_windows, paired_windows_overlap, window_struct
from tinyml.target.cores import Family
from tinyml.variants import Variant
from tinyml.variants.families import FAMILIES
from tinyml.variants.portable_rescale import IntArray, Rescale, rescale_of

FOUR = 4  # taps are filled up to fours
LARGEST_CHUNK = 255  # sum of magnitudes; 128 times that fits 16 bits


def convolution(family: Family, op: Op, graph: Graph, numbers: WeightedSum) -> KernelCall | str:
    """A CONV_2D whose filters see all channels."""
    given, weights = graph.tensors[op.inputs[INPUT]], graph.tensors[op.inputs[WEIGHTS]]
    if weights.shape[3] != given.shape[3]:
        return "the convolution is grouped"
    numbers = numbers.with_bounded_sums
    rows, columns = filter_windows(op, graph)
    if all(
        (axis.kernel, axis.stride, axis.pad, axis.pad_after) == (1, 1, 0, 0)
        for axis in (rows, columns)
    ):
        return pointwise(family, numbers, result(op, graph).elements // len(numbers.bias))
    return _convolve(family, op, graph, numbers)


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


def pointwise(family: Family, numbers: WeightedSum, pixels: int) -> KernelCall:
    """A matrix product with every pixel, or row, of the input."""
    filters, channels = numbers.weights.shape
    pairs = _pairs(family, numbers, channels)
    return pairs.call(
        "pointwise",
        (("pixels", pixels), ("in_channels", channels)),
        copy_bytes=0,
        overlap=blocks_overlap(pixels, 2, channels, filters),
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
    rescale = numbers.once(rescale_of, family)
    choices = [
        _Pairs(family, numbers, rescale, run, (chunk, block))
        for chunk in (FOUR, FOUR // 2)
        for block in family.filters
    ]
    return min(choices, key=lambda pairs: pairs.cost() * (pairs.weight_bytes() + pairs.rest_bytes))


class _Pairs:
    """The filters of a layer as pairs.h wants them."""

    def __init__(
        self,
        family: Family,
        numbers: WeightedSum,
        rescale: Rescale,
        run: int,
        size: tuple[int, int],
    ) -> None:
        """``run``: how many taps follow one another before they are filled up to fours.

        ``size``: taps of a chunk, filters of a block.
        """
        chunk, self.block = size
        filters, taps = numbers.weights.shape
        padded = -(-run // FOUR) * FOUR
        spread = np.zeros((filters, taps // run, padded), np.int64)
        spread[:, :, :run] = numbers.weights.reshape(filters, -1, run)
        self.family, self.filters, self.chunk, self.rescale = family, filters, chunk, rescale
        self.kept, self.rest = cut_down(spread.reshape(filters, -1), chunk)
        self.taps = int(self.kept.shape[1])
        self.chunks = self.taps // chunk
        self.blocks = -(-filters // self.block)
        self.chunk_words = chunk + (not family.has_signed_loads)  # of the stream
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
        return KernelCall(
            f"tml_portable_{name}_s8",
            f"kernels/portable/{name}_s8.h",
            Struct(f"tml_portable_{name}_params", (*fields, ("pair", self._struct()))),
            (
                Arg("input", INPUT),
                *(Arg("constant", constant=item) for item in ("weights", "scales", "rest")),
                Arg("output"),
                Arg("scratch", dtype=UINT32),
            ),
            (
                self._weights(),
                self.rescale.constant(self.blocks * self.block),
                rest_constant(self.rest, self._place),
            ),
            scratch_bytes=4 * self.chunk_words * self.chunks + copy_bytes,
            overlaps=(overlap,),
            cost=Cost(instructions, code_bytes=600),
            isa=self.family.name,
            note=note(self.rescale, self.rest),
            pixels_at_once=2,
        )

    def _struct(self) -> Struct:
        return Struct(
            "tml_pair_params",
            (
                ("chunk", self.chunk),
                ("chunks", self.chunks),
                ("out_channels", self.filters),
                ("block", self.block),
                ("is_signed", self.family.has_signed_loads),
                ("has_rest", bool(self.rest.any())),
                ("rescale", self.rescale.struct),
            ),
        )

    def _weights(self) -> Constant:
        filled = np.zeros((self.blocks * self.block, self.kept.shape[1]), np.int64)
        filled[: self.filters] = self.kept
        stored = filled if self.family.has_signed_loads else filled + 128
        packed = stored.reshape(self.blocks, self.block, -1).transpose(0, 2, 1)
        return Constant(
            "weights",
            packed.reshape(-1).astype(np.uint8),
            f"{'signed' if self.family.has_signed_loads else 'plus 128'}; {self.block} filters "
            "side by side, taps in fours",
        )

    def _place(self, tap: int) -> int:
        """Of a tap in the stream, where starts may stand before chunks."""
        starts = self.chunk_words - self.chunk
        return tap + starts * (tap // self.chunk + 1)

    def weight_bytes(self) -> int:
        """Bytes of the constant."""
        return int(self.taps * self.blocks * self.block)

    def packing_cost(self) -> int:
        """Instructions of putting two pixels into the stream."""
        return (6 if self.family.has_signed_loads else 8) * self.taps + 30

    def cost(self) -> int:
        """Instructions of all filters over two pixels."""
        loads = 3 + self.chunk if self.family.has_signed_loads else 4 + 2 * self.chunk
        chunk = loads + 3 * self.block * (self.chunk + 1)
        outputs = 2 * self.filters * (10 + rescale_cost(self.family, self.rescale))
        rest = 12 * int(np.count_nonzero(self.rest)) + 5 * self.filters * bool(self.rest.any())
        return int(self.blocks * (20 + self.chunks * chunk) + outputs + rest)


def rescale_cost(family: Family, rescale: Rescale) -> int:
    """Instructions to rescale one sum: rescale.h."""
    if rescale.form == "REFERENCE":
        return 13 if family.has_high_multiply else 40
    return {"HIGH": 9, "SIGNED": 12, "SPLIT": 16}[rescale.form]


def rest_constant(rest: IntArray, place: Callable[[int], int]) -> Constant:
    """What ``cut_down`` cut off, as the kernels read it; ``place`` is a tap's in the stream."""
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


def note(rescale: Rescale, rest: IntArray) -> str:
    """For the report."""
    cut = int(np.count_nonzero(rest))
    return f"rescaling {rescale.form.lower()}" + (f", {cut} taps cut down" if cut else "")


EXTENTS = {
    "tml_portable_conv_2d_params": images("in_channels", "pair.out_channels"),
    "tml_portable_pointwise_params": rows("pixels", "in_channels", "pair.out_channels"),
}

HALVES = {
    "tml_portable_conv_2d_params": cut_images("in_channels", "pair.out_channels"),
    "tml_portable_pointwise_params": cut_rows("pixels", "in_channels", "pair.out_channels"),
}

VARIANTS = tuple(
    Variant(f"{family.name}/conv_2d", "CONV_2D", "s8", family.name, partial(convolution, family))
    for family in FAMILIES
)
