"""A package beside tinyml: 16 bits for ELU, a faster kernel of that, and an operator of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tinyml.ir.dtype import INT8, INT16
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Arg, Cost, KernelCall, Overlap, Struct
from tinyml.ops.common import has_same_quantisation, operand_count, quant_of, result
from tinyml.ops.extents import elementwise
from tinyml.ops.forms import Form, typed
from tinyml.ops.lookup import NO_OPTIONS
from tinyml.ops.operands import have_one_scale, no_macs, same_shape
from tinyml.ops.spec import OpSpec
from tinyml.variants import Variant

FIRMWARE = Path(__file__).parent / "firmware"


def zero_point_is_zero(op: Op, graph: Graph) -> str | None:
    """The zero point must be 0."""
    zero = quant_of(result(op, graph)).zero_point
    return None if zero == 0 else str(zero)


def absolute(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """min(|x|, 32767)."""
    assert inputs[0] is not None
    return (np.minimum(np.abs(inputs[0].astype(np.int32)), 32767).astype(np.int16),)


def lower_absolute(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_more_abs_s16``."""
    return _call(op, graph, "abs", "s16", 6)


def lower_faster(op: Op, graph: Graph) -> KernelCall | str:
    """The same kernel, said to be faster."""
    if result(op, graph).elements % 2:
        return "an odd number of elements"
    return replace(lower_absolute(op, graph), cost=Cost(1), isa="more")


def halved(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """x / 2, rounded towards zero."""
    assert inputs[0] is not None
    return (np.trunc(inputs[0] / 2).astype(np.int8),)


def lower_halved(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_more_halve_s8``."""
    return _call(op, graph, "halve", "s8", 4)


def _call(op: Op, graph: Graph, name: str, form: str, instructions: int) -> KernelCall:
    count = result(op, graph).elements
    return KernelCall(
        function=f"tml_more_{name}_{form}",
        header=f"kernels/more_{name}/{form}.h",
        params=Struct(f"tml_more_{name}_params", (("count", count),)),
        arguments=(Arg("input"), Arg("output")),
        overlaps=(Overlap(0, 0),),
        cost=Cost(instructions * count + 10),
    )


EXTENTS = {
    "tml_more_abs_params": elementwise(2, 2),
    "tml_more_halve_params": elementwise(),
}

FORMS = (
    (
        "ELU",
        Form(
            "s16",
            typed(input=INT16, output=INT16),
            absolute,
            lower_absolute,
            constraints=(has_same_quantisation, zero_point_is_zero),
        ),
    ),
)

VARIANTS = (Variant("more/abs", "ELU", "s16", "more", lower_faster),)

OPS = (
    OpSpec(
        kind="CUSTOM Halve",
        title="half of it, rounded towards zero",
        table=NO_OPTIONS,
        inputs=("input",),
        constraints=(operand_count(1, 1), have_one_scale),
        infer=same_shape,
        macs=no_macs,
        forms=(Form("s8", typed(input=INT8, output=INT8), halved, lower_halved),),
        traits=(),
    ),
)
