"""ADD and SUB for the ESP32-S3's vector unit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinyml.ir.dtype import INT8
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Struct
from tinyml.ops.common import INT8_MAX, INT8_MIN, activation_range, clamp_struct, quant_of, result
from tinyml.ops.extents import Extent, Fields
from tinyml.ops.halves import cut_row_pairs
from tinyml.ops.operands import input_argument
from tinyml.variants import Variant
from tinyml.variants.dsp_elementwise import Limits, PairForm, pair_form
from tinyml.variants.dsp_mul import in_place, rows_extent, rows_of

LANES = 16
PAIRS_BYTES = 3 * LANES  # of scratch: sixteen elements of both inputs and the output
_LOW_BITS = 15  # of the offset: the rest is a factor of -2**15


def lower_sum(op: Op, graph: Graph) -> KernelCall | str:
    """A call of ``tml_pie_add_s8``: the linear form of the kernel for DSP instructions."""
    walk = rows_of(op, graph)
    if isinstance(walk, str):
        return walk
    bounds = activation_range(op.attrs.activation, quant_of(result(op, graph)))
    form = pair_form(op, graph, Limits((1 << 23) - 256, 1 << 30, bounds))
    if isinstance(form, str):
        return form
    if form.shift < 8:
        return "outputs are larger than their inputs by far"
    arguments, arrays = zip(*(input_argument(op, graph, i) for i in range(2)), strict=True)
    constants = (replace(item, alignment=LANES) for group in arrays for item in group)
    is_bounded = (bounds[0] > INT8_MIN) + (bounds[1] < INT8_MAX)
    return KernelCall(
        "tml_pie_add_s8",
        "kernels/pie/add_s8.h",
        Struct(
            "tml_pie_add_params",
            (
                ("pairs", Struct("tml_pie_pairs", walk)),
                ("shift", form.shift - 8),
                ("clamp", clamp_struct(bounds)),
            ),
        ),
        (
            *arguments,
            Arg("constant", constant="halves"),
            Arg("output"),
            Arg("scratch", dtype=INT8),
        ),
        (*constants, _halves(form, bounds)),
        scratch_bytes=PAIRS_BYTES,
        overlaps=in_place(op, graph),
        cost=Cost(pairs_cost(walk, 28 + 2 * is_bounded), code_bytes=400),
        isa="pie",
        note=f"one linear form, shift {form.shift}",
    )


def pairs_cost(walk: tuple[tuple[str, int], ...], each: int) -> int:
    """Instructions of pairs.h, of which a block of sixteen elements takes ``each``."""
    sizes = dict(walk)
    rows, count = sizes["rows"], sizes["count"]
    blocks = -(-count // LANES)
    copied = 0 if count % LANES == 0 else blocks if rows > 1 else 1
    return 40 + rows * (15 + blocks * each + copied * 60)


def pairs_extent(fields: Fields) -> Extent:
    """Of any call of pairs.h."""
    return rows_extent(fields["pairs"])


def _halves(form: PairForm, bounds: tuple[int, int]) -> Constant:
    """Factors times 2**8, as products are with bytes times 2**8, in halves; the offset in two."""
    factors = (form.factor1, form.factor2)
    low = [((factor << 8) + (1 << 15) & 0xFFFF) - (1 << 15) for factor in factors]
    high = [(factor << 8) - part >> 16 for factor, part in zip(factors, low, strict=True)]
    parts = [-(form.offset >> _LOW_BITS), form.offset & (1 << _LOW_BITS) - 1]
    cut = np.array(bounds, np.int8).view(np.int16)
    return Constant(
        "halves",
        np.array([*low, *high, *parts, -(1 << _LOW_BITS), 1, *cut], np.int16),
        "of the factors, low and high; the offset as a factor of -2^15 and a rest; -2^15, 1; "
        "the bounds, a byte each",
        alignment=LANES,
    )


EXTENTS = {"tml_pie_add_params": pairs_extent}

HALVES = {"tml_pie_add_params": cut_row_pairs("pairs.")}

VARIANTS = (
    Variant("pie/add", "ADD", "s8", "pie", lower_sum),
    Variant("pie/sub", "SUB", "s8", "pie", lower_sum),
)
