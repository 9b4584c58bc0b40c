"""Convolution and matrix products for the ESP32-S3's vector unit: sixteen products an instruction.

``firmware/kernels/pie/dot.h`` adds up all products of a window and a filter in one accumulator of
40 bits, so no sum can be too large for it; sums are rescaled as on other Xtensa cores.
"""

from __future__ import annotations

import numpy as np

from tinyml.ir.dtype import INT8
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Overlap, Struct, Value
from tinyml.ir.shapes import Window
from tinyml.ops.common import result
from tinyml.ops.extents import images, rows
from tinyml.ops.weighted import INPUT, WEIGHTS, WeightedSum
from tinyml.ops.windows import blocks_overlap, filter_windows, image_overlap, window_struct
from tinyml.variants import Variant
from tinyml.variants.families import FAMILIES
from tinyml.variants.portable_gemm import rescale_cost
from tinyml.variants.portable_rescale import Rescale, rescale_of

ISA = "pie"
LANES = 16  # products of an instruction
IN_REGISTERS = 4  # blocks of a window: dot.h
GROUP = 4  # filters whose sums are made before they are rescaled
XTENSA = next(family for family in FAMILIES if family.name == "xtensa")


def convolution(op: Op, graph: Graph, numbers: WeightedSum) -> KernelCall | str:
    """A CONV_2D whose filters see all channels."""
    given, weights = graph.tensors[op.inputs[INPUT]], graph.tensors[op.inputs[WEIGHTS]]
    if weights.shape[3] != given.shape[3]:
        return "the convolution is grouped"
    rows, columns = filter_windows(op, graph)
    row = columns.kernel * given.shape[3]
    if all(
        (axis.kernel, axis.stride, axis.pad, axis.pad_after) == (1, 1, 0, 0)
        for axis in (rows, columns)
    ):
        return matrix_product(op, graph, numbers)
    # Rows of the window begin at a multiple of 16, or all taps follow one another.
    spread = [-(-row // LANES) * LANES] if columns.dilation == 1 else []
    choices = [_convolve(op, graph, numbers, row_bytes) for row_bytes in (*spread, row)]
    return min(choices, key=lambda call: call.cost.instructions)


def _convolve(op: Op, graph: Graph, numbers: WeightedSum, row_bytes: int) -> KernelCall:
    """A convolution whose windows have rows of so many bytes."""
    given, made = graph.tensors[op.inputs[INPUT]].shape, result(op, graph).shape
    rows, columns = filter_windows(op, graph)
    dot = Dot(numbers.with_bounded_sums, columns.kernel * given[3], row_bytes)
    is_whole = row_bytes % LANES == 0 and columns.dilation == 1
    pixels = given[0] * rows.out_size * columns.out_size
    return dot.call(
        "conv_2d",
        (
            ("batches", given[0]),
            ("height", window_struct(rows)),
            ("width", window_struct(columns)),
            ("in_channels", given[3]),
            ("padding_value", numbers.input_zero_point),
            ("row_bytes", row_bytes),
        ),
        image_overlap(rows, columns, given, made),
        pixels * (30 + _window_cost(rows, columns, given[3], is_whole=is_whole) + dot.cost()),
    )


def matrix_product(op: Op, graph: Graph, numbers: WeightedSum) -> KernelCall:
    """FULLY_CONNECTED of any number of rows."""
    filters, taps = numbers.weights.shape
    dot = Dot(numbers.with_bounded_sums, taps, -(-taps // LANES) * LANES)
    pixels = result(op, graph).elements // filters
    return dot.call(
        "pointwise",
        (("pixels", pixels), ("in_channels", taps)),
        blocks_overlap(pixels, 1, taps, filters),
        pixels * (10 + _copy_cost(taps) + dot.cost()),
    )


def _copy_cost(nbytes: int) -> int:
    """Instructions of copy.h for lines."""
    return 8 + 5 * -(-nbytes // LANES)


def _window_cost(rows: Window, columns: Window, channels: int, *, is_whole: bool) -> int:
    """On average over the image; near its edges, and of dilated filters, bytes are copied."""
    row = columns.kernel * channels
    whole = columns.whole_outputs() / columns.out_size if is_whole else 0.0
    each = whole * _copy_cost(row) + (1 - whole) * (20 + 5 * row)
    return round(rows.kernel * (15 + each))


class Dot:
    """The filters of a layer as dot.h wants them."""

    def __init__(self, numbers: WeightedSum, run: int, run_bytes: int) -> None:
        """``run`` taps follow one another, filled up to ``run_bytes`` where that is more."""
        self.filters, self.taps = (int(count) for count in numbers.weights.shape)
        spread = np.zeros((self.filters, self.taps // run, run_bytes), np.int8)
        spread[:, :, :run] = numbers.weights.reshape(self.filters, -1, run)
        self._weights = spread.reshape(self.filters, -1)
        blocks = -(-self._weights.shape[1] // LANES)
        self.blocks = blocks if blocks <= IN_REGISTERS else blocks + blocks % 2
        self.rescale: Rescale = numbers.once(rescale_of, XTENSA)

    def cost(self) -> int:
        """Instructions of all filters over a window."""
        output = 3 + rescale_cost(XTENSA, self.rescale)
        if self.blocks <= IN_REGISTERS:
            groups = -(-self.filters // GROUP)
            return groups * (7 + 5 * self.blocks + 8) + self.filters * output
        per_four = 10 if self.blocks % 4 == 0 else 12
        return self.filters * (7 + per_four * self.blocks // 4 + output)

    def call(
        self, name: str, fields: tuple[tuple[str, Value], ...], overlap: Overlap, instructions: int
    ) -> KernelCall:
        """A call of ``tml_pie_<name>_s8``."""
        return KernelCall(
            f"tml_pie_{name}_s8",
            f"kernels/pie/{name}_s8.h",
            Struct(f"tml_pie_{name}_params", (*fields, ("dot", self._struct()))),
            (
                Arg("input", INPUT),
                *(Arg("constant", constant=item) for item in ("weights", "scales")),
                Arg("output"),
                Arg("scratch", dtype=INT8),
            ),
            (self._constant(), self.rescale.constant(self._padded_filters())),
            scratch_bytes=LANES * self.blocks,
            overlaps=(overlap,),
            cost=Cost(30 + instructions, code_bytes=700),
            isa=ISA,
            note=f"rescaling {self.rescale.form.lower()}",
        )

    def _struct(self) -> Struct:
        return Struct(
            "tml_pie_dot_params",
            (
                ("blocks", self.blocks),
                ("out_channels", self.filters),
                ("rescale", self.rescale.struct),
            ),
        )

    def _padded_filters(self) -> int:
        """Those whose weights are read: whole groups where a window is in registers."""
        is_grouped = self.blocks <= IN_REGISTERS
        return -(-self.filters // GROUP) * GROUP if is_grouped else self.filters

    def _constant(self) -> Constant:
        filled = np.zeros((self._padded_filters(), LANES * self.blocks), np.int8)
        filled[: self.filters, : self._weights.shape[1]] = self._weights
        return Constant(
            "weights",
            filled.reshape(-1),
            f"filter by filter, {self.taps} taps filled up to {LANES * self.blocks}",
            alignment=LANES,
        )


EXTENTS = {
    "tml_pie_conv_2d_params": images("in_channels", "dot.out_channels"),
    "tml_pie_pointwise_params": rows("pixels", "in_channels", "dot.out_channels"),
}

VARIANTS = (
    Variant("pie/conv_2d", "CONV_2D", "s8", ISA, convolution),
    Variant("pie/fully_connected", "FULLY_CONNECTED", "s8", ISA, matrix_product),
)
