"""ADD and SUB of int16 values for cores with DSP instructions: firmware/kernels/dsp/add_s16.h.

The reference rescales each operand and the result. What is rescaled is formed in the upper half of
a register, where SMMLAR rounds it as the reference does; nothing is left to prove but ranges.
"""

from __future__ import annotations

from tinyml.ir.dtype import INT16
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Cost, KernelCall, Overlap, Struct
from tinyml.ops.common import activation_range, clamp_struct, quant_of, result
from tinyml.ops.elementwise import ADD, SUB, sum_factors
from tinyml.ops.extents import of_width, pairwise
from tinyml.variants import Variant

_PLUS_HALF, _LESS_HALF, _FROM_HALF, _BOTH_HALVES, _HALF_FROM_HALF = range(5)  # as in add_s16.h
_MODES = ("plus_half", "less_half", "from_half", "both_halves", "half_from_half")
_LARGEST_SHIFT = 30


def lower_sum(op: Op, graph: Graph) -> KernelCall | str:
    """A call of ``tml_dsp_add_s16``."""
    operands, made = tuple(graph.tensors[i] for i in op.inputs), result(op, graph)
    if any(tensor.is_constant for tensor in operands):
        return "an operand is constant"
    if any(tensor.elements != made.elements for tensor in operands):
        return "an operand is broadcast"
    if any(quant_of(tensor).zero_point for tensor in (*operands, made)):
        return "a zero point is not 0"
    factors = sum_factors(op, graph)
    if not 1 <= -factors[2][1] <= _LARGEST_SHIFT:
        return "the output's factor is not between a half and 2^-30"
    return _call(op, graph, factors)


def _call(
    op: Op, graph: Graph, factors: tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
) -> KernelCall:
    made = result(op, graph)
    first, second, out = factors
    is_first_scaled = first[0] == 0 or first[1] < 0
    mode = _mode(op, is_first_scaled, first == second)
    multiplier, shift = first if is_first_scaled else second
    bounds = activation_range(op.attrs.activation, quant_of(made), INT16)
    is_relu = bounds[0] == 0
    is_clamped = bounds[1] != INT16.limits[1] or bounds[0] not in (0, INT16.limits[0])
    params = Struct(
        "tml_dsp_add_s16_params",
        (
            ("count", made.elements),
            ("mode", mode),
            ("is_first_scaled", is_first_scaled),
            ("is_relu", is_relu),
            ("is_clamped", is_clamped),
            ("multiplier", multiplier),
            ("shift", max(1, -shift)),  # a factor of 0 gives 0 with any
            ("out_multiplier", out[0]),
            ("out_shift", -out[1]),
            ("clamp", clamp_struct(bounds)),
        ),
    )
    per_pair = 23 if mode in (_BOTH_HALVES, _HALF_FROM_HALF) else 27
    return KernelCall(
        "tml_dsp_add_s16",
        "kernels/dsp/add_s16.h",
        params,
        (Arg("input", 0), Arg("input", 1), Arg("output")),
        overlaps=(Overlap(0, 0), Overlap(1, 0)),
        cost=Cost(60 + per_pair * (made.elements // 2) + 5 * made.elements * is_clamped),
        isa="dsp",
        helpers=(f"tml_dsp_add_s16_{_MODES[mode]}{'_relu' if is_relu else ''}",),
    )


def _mode(op: Op, is_first_scaled: bool, are_equal: bool) -> int:
    if op.kind == ADD:
        return _BOTH_HALVES if are_equal else _PLUS_HALF
    if are_equal:
        return _HALF_FROM_HALF
    return _LESS_HALF if is_first_scaled else _FROM_HALF


EXTENTS = {"tml_dsp_add_s16_params": of_width(pairwise, 2, 2)}

VARIANTS = (
    Variant("dsp/add_s16", ADD, "s16", "dsp", lower_sum),
    Variant("dsp/sub_s16", SUB, "s16", "dsp", lower_sum),
)
