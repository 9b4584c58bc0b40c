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
    dot = Dot(numbers.with_bounded_sums)
    if all(
        (axis.kernel, axis.stride, axis.pad, axis.pad_after) == (1, 1, 0, 0)
        for axis in (rows, columns)
    ):
        return _pointwise(dot, result(op, graph).elements // dot.filters)
    made = result(op, graph).shape
    pixels = given.shape[0] * rows.out_size * columns.out_size
    return dot.call(
        "conv_2d",
        (
            ("batches", given.shape[0]),
            ("height", window_struct(rows)),
            ("width", window_struct(columns)),
            ("in_channels", given.shape[3]),
            ("padding_value", numbers.input_zero_point),
        ),
        image_overlap(rows, columns, given.shape, made),
        pixels * (30 + _window_cost(rows, columns, given.shape[3]) + dot.cost()),
    )


def matrix_product(op: Op, graph: Graph, numbers: WeightedSum) -> KernelCall:
    """FULLY_CONNECTED of any number of rows."""
    dot = Dot(numbers.with_bounded_sums)
    return _pointwise(dot, result(op, graph).elements // dot.filters)


def _pointwise(dot: Dot, pixels: int) -> KernelCall:
    return dot.call(
        "pointwise",
        (("pixels", pixels), ("in_channels", dot.taps)),
        blocks_overlap(pixels, 1, dot.taps, dot.filters),
        pixels * (10 + _copy_cost(dot.taps, is_aligned=True) + dot.cost()),
    )


def _copy_cost(nbytes: int, *, is_aligned: bool) -> int:
    """Instructions of copy.h."""
    lines = max(0, nbytes // LANES - 1) if is_aligned else 0
    rest = nbytes - LANES * lines
    return 12 + 5 * lines + (5 * (rest // 4) if rest % 4 == 0 else 5 * rest)


def _window_cost(rows: Window, columns: Window, channels: int) -> int:
    row_bytes = columns.kernel * channels
    return rows.kernel * (25 + _copy_cost(row_bytes, is_aligned=row_bytes % LANES == 0))


class Dot:
    """The filters of a layer as dot.h wants them."""

    def __init__(self, numbers: WeightedSum) -> None:
        self.filters, self.taps = (int(count) for count in numbers.weights.shape)
        blocks = -(-self.taps // LANES)
        self.blocks = blocks if blocks <= IN_REGISTERS else blocks + blocks % 2
        self.rescale: Rescale = numbers.once(rescale_of, XTENSA)
        self._weights = numbers.weights

    def cost(self) -> int:
        """Instructions of all filters over a window."""
        output = 3 + rescale_cost(XTENSA, self.rescale)
        if self.blocks <= IN_REGISTERS:
            groups = -(-self.filters // GROUP)
            return groups * (7 + 5 * self.blocks + 8) + self.filters * output
        return self.filters * (7 + 3 * self.blocks + output)

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
        filled[: self.filters, : self.taps] = self._weights
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
