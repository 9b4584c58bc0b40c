"""ADD and SUB for cores without DSP instructions."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Cost, KernelCall
from tinyml.ops.common import result
from tinyml.ops.extents import pairwise
from tinyml.ops.halves import cut_elements
from tinyml.target.cores import Family
from tinyml.variants import Variant, dsp_elementwise
from tinyml.variants.families import FAMILIES


def lower_sum(family: Family, op: Op, graph: Graph) -> KernelCall | str:
    """A call of ``tml_portable_add_s8``: the linear form of the kernel for DSP instructions."""
    call = dsp_elementwise.lower_sum(op, graph)
    if isinstance(call, str):
        return call
    each = 16 if family.has_signed_loads else 21
    return replace(
        call,
        function="tml_portable_add_s8",
        header="kernels/portable/add_s8.h",
        params=replace(call.params, type="tml_portable_add_params"),
        cost=Cost(30 + each * result(op, graph).elements, code_bytes=80),
        isa=family.name,
    )


EXTENTS = {"tml_portable_add_params": pairwise}

HALVES = {"tml_portable_add_params": cut_elements(inputs=2)}

VARIANTS = tuple(
    Variant(f"{family.name}/{name}", kind, "s8", family.name, partial(lower_sum, family))
    for family in FAMILIES
    for name, kind in (("add", "ADD"), ("sub", "SUB"))
)
