"""What operators share that take pairs of values as they are, with broadcasting."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tinyml.ir.dtype import BOOL, FLOAT32, INT8, INT16, INT32, INT64, DType
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Cost, KernelCall, Overlap, Struct, Value
from tinyml.ops.common import result
from tinyml.ops.loops import broadcast_loops
from tinyml.ops.operands import input_argument

TYPE_NAMES = {
    **{BOOL: "b8", FLOAT32: "f32", INT8: "s8"},
    **{INT16: "s16", INT32: "s32", INT64: "s64"},
}
"""How kernels name the type of their values."""


@dataclass(frozen=True, slots=True)
class PairKernel:
    """A kernel that ``firmware/kernels/walks/broadcast_2.h`` leads through two operands."""

    folder: str  # in firmware/kernels, the name of its params too: "maximum"
    name: str  # "minimum"
    type_name: str  # "s8"
    instructions: int  # per element, counted on Armv7-M
    seen_as: DType | None = None  # type that it takes operands for, where that is not theirs
    made_as: DType | None = None  # and the result


def pair_call(
    op: Op, graph: Graph, kernel: PairKernel, fields: Sequence[tuple[str, Value]] = ()
) -> KernelCall:
    """A call of such a kernel; ``fields`` of its params follow those that say where to go."""
    operands, out = [graph.tensors[i] for i in op.inputs], result(op, graph)
    loops = broadcast_loops(operands[0].shape, operands[1].shape)
    given = [input_argument(op, graph, i) for i in (0, 1)]
    alias = "" if kernel.type_name == "s8" else f"_{kernel.type_name}"
    walk: tuple[tuple[str, Value], ...] = (
        ("count", loops.counts),
        ("step1", loops.steps[0]),
        ("step2", loops.steps[1]),
    )
    return KernelCall(
        function=f"tml_{kernel.name}_{kernel.type_name}",
        header=f"kernels/{kernel.folder}/{kernel.type_name}.h",
        params=Struct(f"tml_{kernel.folder}_params{alias}", (*walk, *fields)),
        arguments=(
            *(Arg(arg.kind, arg.index, arg.constant, dtype=kernel.seen_as) for arg, _ in given),
            Arg("output", dtype=kernel.made_as),
        ),
        constants=tuple(item for _, constants in given for item in constants),
        overlaps=tuple(
            Overlap(i, 0)
            for i, tensor in enumerate(operands)
            if not tensor.is_constant and tensor.nbytes == out.nbytes
        ),
        cost=Cost(kernel.instructions * out.elements + 12 * math.prod(loops.counts[:-1]) + 30),
    )
