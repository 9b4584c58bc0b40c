"""ADD and SUB of int16 values for cores with Helium: firmware/kernels/mve/add_s16.h."""

from __future__ import annotations

from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Cost, KernelCall, Overlap, Struct, field_value
from tinyml.ops import elementwise
from tinyml.ops.common import quant_of, result
from tinyml.ops.elementwise import ADD, SUB
from tinyml.ops.extents import of_width, pairwise
from tinyml.variants import Variant


def lower_sum(op: Op, graph: Graph) -> KernelCall | str:
    """A call of ``tml_mve_add_s16``: the factors of the plain kernel, four elements at a time."""
    operands, made = tuple(graph.tensors[i] for i in op.inputs), result(op, graph)
    if any(tensor.is_constant for tensor in operands):
        return "an operand is constant"
    if any(tensor.elements != made.elements for tensor in operands):
        return "an operand is broadcast"
    if any(quant_of(tensor).zero_point for tensor in (*operands, made)):
        return "a zero point is not 0"
    plain = elementwise.lower_sum(op, graph).params
    factors = ("input1", "input2", "output")
    return KernelCall(
        "tml_mve_add_s16",
        "kernels/mve/add_s16.h",
        Struct(
            "tml_mve_add_s16_params",
            (
                ("count", made.elements),
                ("is_difference", op.kind == SUB),
                *((name, field_value(plain, f"{name}_requant")) for name in factors),
                ("clamp", field_value(plain, "clamp")),
            ),
        ),
        (Arg("input", 0), Arg("input", 1), Arg("output")),
        overlaps=(Overlap(0, 0), Overlap(1, 0)),
        cost=Cost(30 + 22 * -(-made.elements // 4), code_bytes=200),
        isa="mve",
    )


EXTENTS = {"tml_mve_add_s16_params": of_width(pairwise, 2, 2)}

VARIANTS = (
    Variant("mve/add_s16", ADD, "s16", "mve", lower_sum),
    Variant("mve/sub_s16", SUB, "s16", "mve", lower_sum),
)
