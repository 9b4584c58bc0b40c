"""ADD and SUB by a table of one operand, for cores without DSP instructions."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Cost, KernelCall
from tinyml.ops.common import result
from tinyml.ops.extents import pairwise
from tinyml.ops.halves import cut_elements
from tinyml.target.cores import Family
from tinyml.variants import Variant, dsp_add_table
from tinyml.variants.families import FAMILIES


def lower_sum(family: Family, op: Op, graph: Graph) -> KernelCall | str:
    """A call of ``tml_portable_add_table_s8``: the table of the kernel for DSP instructions."""
    call = dsp_add_table.lower_sum(op, graph)
    if isinstance(call, str):
        return call
    each = 17 if family.has_signed_loads else 25
    return replace(
        call,
        function="tml_portable_add_table_s8",
        header="kernels/portable/add_table_s8.h",
        params=replace(call.params, type="tml_portable_add_table_params"),
        cost=Cost(30 + each * result(op, graph).elements, code_bytes=80),
        isa=family.name,
    )


EXTENTS = {"tml_portable_add_table_params": pairwise}

HALVES = {"tml_portable_add_table_params": cut_elements(inputs=2)}

VARIANTS = tuple(
    Variant(f"{family.name}/{name}", kind, "s8", family.name, partial(lower_sum, family))
    for family in FAMILIES
    for name, kind in (("add_table", "ADD"), ("sub_table", "SUB"))
)
