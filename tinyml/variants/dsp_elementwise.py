"""ADD and SUB for cores with MLA and SSAT: one linear form, checked over all pairs of inputs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tinyml.ir.graph import Graph, Op, Source, Tensor
from tinyml.ir.kernel import Arg, Cost, KernelCall, Overlap, Struct
from tinyml.ops.common import INT8_MAX, INT8_MIN, quant_of, result
from tinyml.ops.elementwise import sum_reference
from tinyml.ops.extents import pairwise
from tinyml.variants import Variant

IntArray = NDArray[np.int64]

_NOWHERE = Source("", "", 0)
_SQUARE = (1, 256, 256, 1)
BYTES = np.arange(INT8_MIN, INT8_MAX + 1, dtype=np.int64)
_LARGEST_SHIFT = 23
_SHIFTS = 4  # that are tried, from the largest that fits 32 bits
STRETCHES = tuple(1 + 2.0 ** (-half / 2) for half in range(42, 17, -1))
_ATTEMPTS = 40  # pairs of factors per shift
_FAR = 1 << 62  # where no pair sets a limit
_KEPT = 64  # forms and tables of sums that differ, of models and boards that are planned in turn


@dataclass(frozen=True, slots=True)
class Limits:
    """What a kernel can hold of a form, and the bounds to which it cuts its outputs itself."""

    factor: int = 1 << 31
    offset: int = 1 << 31
    bounds: tuple[int, int] = (INT8_MIN, INT8_MAX)


@dataclass(frozen=True, slots=True)
class PairForm:
    """``ssat8((offset + x * factor1 + y * factor2) >> shift)``."""

    factor1: int
    factor2: int
    offset: int
    shift: int

    def apply(self, x: IntArray, y: IntArray) -> IntArray:
        """What the kernel computes."""
        total = self.offset + x * self.factor1 + y * self.factor2
        return np.asarray(np.clip(total >> self.shift, INT8_MIN, INT8_MAX), np.int64)


def solve_pair(
    table: IntArray, slope1: float, slope2: float, limits: Limits = Limits()
) -> PairForm | None:
    """The form that gives ``table[x + 128, y + 128]`` for every pair of bytes, if one is found.

    For given factors and shift the offsets that are right for a pair form an interval: the sum must
    be at least ``table << shift`` and less than ``(table + 1) << shift``, where SSAT does not cut.
    The intersection over all pairs is computed, so what is returned is proven. The first factors
    are the slopes themselves; the others deviate by a few units.
    """
    reach = (abs(slope1) + abs(slope2)) * 256 + 129
    steepest = max(abs(slope1), abs(slope2)) + 2.0**-20
    room = int(math.log2(limits.factor / steepest))
    largest = min(_LARGEST_SHIFT, 31 - math.frexp(reach)[1], room)
    if (table.max() > limits.bounds[0]) != (table.min() < limits.bounds[1]):
        return None  # cut everywhere: offsets have one end only, and their middle is too far
    offsets = _Offsets(table, limits.bounds)
    for shift in range(largest, max(8, largest - _SHIFTS), -1):
        for factor1, factor2 in _factors(slope1 * 2.0**shift, slope2 * 2.0**shift):
            found = offsets.for_all(factor1, factor2, shift)
            if found is None:
                continue
            low, high = found
            offset = (max(low, -_FAR >> 1) + min(high, _FAR >> 1)) // 2
            reached = abs(offset) + 128 * (abs(factor1) + abs(factor2))
            fits = reached < 1 << 31 and abs(offset) < limits.offset
            if fits and max(abs(factor1), abs(factor2)) < limits.factor:
                return PairForm(factor1, factor2, offset, shift)
    return None


class _Offsets:
    """The offsets that are right for a table, by factors and shift.

    Two pairs of bytes are enough to rule factors out, and the same few rule out most: those that
    once did are asked before all 65,536.
    """

    def __init__(self, table: IntArray, bounds: tuple[int, int]) -> None:
        self._table = table
        self._raised, self._lowered = table > bounds[0], table < bounds[1]
        self._lowest: set[tuple[int, int, int]] = set()  # x, y, output
        self._highest: set[tuple[int, int, int]] = set()

    def for_all(self, factor1: int, factor2: int, shift: int) -> tuple[int, int] | None:
        """The least and the greatest offset that is right for every pair; None without any."""

        def missing(pair: tuple[int, int, int]) -> int:
            return (pair[2] << shift) - factor1 * pair[0] - factor2 * pair[1]

        above = (1 << shift) - 1
        low = max(map(missing, self._lowest), default=-_FAR)
        if low > min(map(missing, self._highest), default=_FAR) + above:
            return None
        every = (self._table << shift) - (factor1 * BYTES[:, None] + factor2 * BYTES)
        least = self._pair(int(np.where(self._raised, every, -_FAR).argmax()))
        greatest = self._pair(int(np.where(self._lowered, every, _FAR).argmin()))
        low = missing(least) if self._raised.any() else -_FAR
        high = (missing(greatest) if self._lowered.any() else _FAR) + above
        if low <= high:
            return low, high
        self._lowest.add(least)
        self._highest.add(greatest)
        return None

    def _pair(self, place: int) -> tuple[int, int, int]:
        x, y = divmod(place, len(BYTES))
        return x + INT8_MIN, y + INT8_MIN, int(self._table[x, y])


def _factors(ideal1: float, ideal2: float) -> Iterator[tuple[int, int]]:
    random = np.random.default_rng(0)
    yield round(ideal1), round(ideal2)
    for stretch in STRETCHES:
        yield round(ideal1 * stretch), round(ideal2 * stretch)
    for attempt in range(1, _ATTEMPTS):
        off1, off2 = random.normal(0.0, 1.0 + attempt / 20, 2)
        yield round(ideal1 + off1), round(ideal2 + off2)


def lower_sum(op: Op, graph: Graph) -> KernelCall | str:
    """A call of ``tml_dsp_add_s8``."""
    reason = are_pairs(op, graph)
    if reason is not None:
        return reason
    made = result(op, graph)
    form = pair_form(op, graph)
    if isinstance(form, str):
        return form
    fields = ("factor1", "factor2", "offset", "shift")
    return KernelCall(
        "tml_dsp_add_s8",
        "kernels/dsp/add_s8.h",
        Struct(
            "tml_dsp_add_params",
            (("count", made.elements), *((name, getattr(form, name)) for name in fields)),
        ),
        (Arg("input", 0), Arg("input", 1), Arg("output")),
        overlaps=(Overlap(0, 0), Overlap(1, 0)),
        cost=Cost(instructions=30 + 13 * made.elements // 2, code_bytes=170),
        isa="dsp",
        note=f"one linear form, shift {form.shift}",
    )


def as_kernel(call: KernelCall | str, name: str, cost: Cost, isa: str) -> KernelCall | str:
    """The same numbers for the kernel of other cores, ``mve/add``; a reason stays what it is."""
    if isinstance(call, str):
        return call
    function = f"tml_{name.replace('/', '_')}"
    return replace(
        call,
        function=f"{function}_s8",
        header=f"kernels/{name}_s8.h",
        params=replace(call.params, type=f"{function}_params"),
        cost=cost,
        isa=isa,
    )


def are_pairs(op: Op, graph: Graph) -> str | None:
    """Why the operands are not as many elements as the result, computed at run time."""
    first, second, made = *(graph.tensors[i] for i in op.inputs), result(op, graph)
    if first.is_constant or second.is_constant:
        return "an operand is constant"
    if first.elements != made.elements or second.elements != made.elements:
        return "an operand is broadcast"
    return None


def pair_form(op: Op, graph: Graph, limits: Limits = Limits()) -> PairForm | str:
    """The form of an ADD or SUB, or why there is none."""
    form = _form_of(*_alone(op, graph), slopes_of(op, graph), limits)
    return form or "no linear form is exact for all pairs of inputs"


@lru_cache(maxsize=_KEPT)
def _form_of(
    op: Op, operands: tuple[Tensor, ...], slopes: tuple[float, float], limits: Limits
) -> PairForm | None:
    return solve_pair(_table_of(op, operands), *slopes, limits)


def slopes_of(op: Op, graph: Graph) -> tuple[float, float]:
    """What one step of each operand adds to the output."""
    first, second, made = (quant_of(tensor).scale for tensor in _tensors(op, graph))
    sign = -1.0 if op.kind == "SUB" else 1.0
    return first / made, sign * second / made


def _tensors(op: Op, graph: Graph) -> tuple[Tensor, ...]:
    return (*(graph.tensors[i] for i in op.inputs), result(op, graph))


def table_of(op: Op, graph: Graph) -> IntArray:
    """The reference's output for every pair of bytes; read-only."""
    return _table_of(*_alone(op, graph))


def _alone(op: Op, graph: Graph) -> tuple[Op, tuple[Tensor, ...]]:
    """All that a sum's numbers hang on: the op and its tensors without names, with one shape."""
    square = tuple(
        replace(item, name="", shape=_SQUARE, data=None, initial=None)
        for item in _tensors(op, graph)
    )
    return replace(op, name="", inputs=(0, 1), outputs=(2,)), square


@lru_cache(maxsize=_KEPT)
def _table_of(op: Op, operands: tuple[Tensor, ...]) -> IntArray:
    x, y = np.broadcast_arrays(BYTES.astype(np.int8)[:, None], BYTES.astype(np.int8)[None, :])
    graph = Graph("pairs", _NOWHERE, operands, (op,), (0, 1), (2,))
    (made,) = sum_reference(op, graph, (x.reshape(_SQUARE), y.reshape(_SQUARE)))
    table = made.astype(np.int64).reshape(256, 256)
    table.setflags(write=False)
    return table


EXTENTS = {"tml_dsp_add_params": pairwise}

VARIANTS = (
    Variant("dsp/add", "ADD", "s8", "dsp", lower_sum),
    Variant("dsp/sub", "SUB", "s8", "dsp", lower_sum),
)
