"""ADD and SUB that are not one linear form: what one operand gives comes from a table.

The reference rounds each operand before it adds them, so where many sums lie halfway between two
outputs the signs of these roundings decide, and no linear form has them. But the operand of the
larger scale is only shifted. With the other one's contribution in a table of 256 words, what is
left is linear in the first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Overlap, Struct
from tinyml.ops.common import INT8_MAX, INT8_MIN, result
from tinyml.ops.extents import pairwise
from tinyml.variants import Variant
from tinyml.variants.dsp_elementwise import (
    BYTES,
    STRETCHES,
    IntArray,
    are_pairs,
    pair_form,
    slopes_of,
    table_of,
)

_LARGEST_SHIFT = 23
_SHIFTS = 6  # that are tried, from the largest that fits 32 bits


@dataclass(frozen=True, slots=True, eq=False)
class TableForm:
    """``ssat8((table[y + 128] + x * factor) >> shift)``."""

    factor: int
    shift: int
    table: IntArray  # [256], fits 32 bits with each product

    def apply(self, x: IntArray, y: IntArray) -> IntArray:
        """What the kernel computes."""
        total = self.table[y - INT8_MIN] + x * self.factor
        return np.asarray(np.clip(total >> self.shift, INT8_MIN, INT8_MAX), np.int64)


def solve_table(wanted: IntArray, slope: float) -> TableForm | None:
    """The form that gives ``wanted[x + 128, y + 128]`` for every pair of bytes, if one is found.

    For a factor and a shift the entries that are right for all x form an interval for each y; where
    none is empty, the middles of all are what is returned, and so proven. Of a factor that fails,
    the worst y is looked at first with the next ones: mostly, it rules them out too.
    """
    worst: set[int] = set()  # columns
    for factor, shift in _factors(slope):
        if worst and _entries(wanted[:, list(worst)], factor, shift)[1].max() > 0:
            continue
        middle, lacking = _entries(wanted, factor, shift)
        if lacking.max() > 0:
            worst.add(int(lacking.argmax()))
        elif int(np.abs(middle).max()) <= _reach(factor):
            return TableForm(factor, shift, middle)
    return None


def _reach(factor: int) -> int:
    """How far an entry may be from 0."""
    return (1 << 31) - 1 - 128 * abs(factor)


def _entries(wanted: IntArray, factor: int, shift: int) -> tuple[IntArray, IntArray]:
    """For each y the middle of its interval, and by how much its ends lie in the wrong order."""
    missing = (wanted << shift) - factor * BYTES[:, None]
    reach = _reach(factor)
    lows = np.where(wanted > INT8_MIN, missing, -reach)
    highs = np.where(wanted < INT8_MAX, missing, reach - (1 << shift))
    low = np.maximum(lows.max(axis=0), -reach)
    high = np.minimum(highs.min(axis=0), reach - (1 << shift)) + (1 << shift) - 1
    return (low + high) // 2, low - high


def _factors(slope: float) -> Iterator[tuple[int, int]]:
    """Factors and shifts: outputs of -129 to 128 from any product must fit 31 bits."""
    largest = min(_LARGEST_SHIFT, 30 - math.frexp(abs(slope) * 256 + 129)[1])
    for shift in range(largest, max(0, largest - _SHIFTS), -1):
        yield from ((round(slope * stretch * 2.0**shift), shift) for stretch in (1, *STRETCHES))


def lower_sum(op: Op, graph: Graph) -> KernelCall | str:
    """A call of ``tml_dsp_add_table_s8``."""
    reason = are_pairs(op, graph)
    if reason is not None:
        return reason
    if not isinstance(pair_form(op, graph), str):
        return "one linear form needs no table"
    found = table_form(op, graph)
    if isinstance(found, str):
        return found
    form, first = found
    count = result(op, graph).elements
    return KernelCall(
        "tml_dsp_add_table_s8",
        "kernels/dsp/add_table_s8.h",
        Struct(
            "tml_dsp_add_table_params",
            (("count", count), ("factor", form.factor), ("shift", form.shift)),
        ),
        (
            Arg("input", first),
            Arg("input", 1 - first),
            Arg("constant", constant="table"),
            Arg("output"),
        ),
        (Constant("table", form.table.astype(np.int32), "of the second operand, from -128 on"),),
        overlaps=(Overlap(0, 0), Overlap(1, 0)),
        cost=Cost(30 + 13 * count // 2, code_bytes=170),
        isa="dsp",
        note=f"a table of one operand, shift {form.shift}",
    )


def table_form(op: Op, graph: Graph) -> tuple[TableForm, int] | str:
    """The form of an ADD or SUB and the operand that it is linear in, or why there is none."""
    slopes = slopes_of(op, graph)
    wanted = table_of(op, graph)
    for first in sorted((0, 1), key=lambda index: -abs(slopes[index])):
        form = solve_table(wanted if first == 0 else wanted.T, slopes[first])
        if form is not None:
            return form, first
    return "no table of one operand is exact for all pairs of inputs"


EXTENTS = {"tml_dsp_add_table_params": pairwise}

VARIANTS = (
    Variant("dsp/add_table", "ADD", "s8", "dsp", lower_sum),
    Variant("dsp/sub_table", "SUB", "s8", "dsp", lower_sum),
)
