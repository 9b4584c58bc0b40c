"""ADD and SUB by a table of one operand, for cores with Helium (MVE)."""

from __future__ import annotations

from dataclasses import replace

from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Cost, KernelCall
from tinyml.ops.common import result
from tinyml.ops.extents import pairwise
from tinyml.variants import Variant, dsp_add_table


def lower_sum(op: Op, graph: Graph) -> KernelCall | str:
    """A call of ``tml_mve_add_table_s8``, with the table of the kernel for DSP instructions."""
    call = dsp_add_table.lower_sum(op, graph)
    if isinstance(call, str):
        return call
    return replace(
        call,
        function="tml_mve_add_table_s8",
        header="kernels/mve/add_table_s8.h",
        params=replace(call.params, type="tml_mve_add_table_params"),
        cost=Cost(30 + 11 * -(-result(op, graph).elements // 4), code_bytes=100),
        isa="mve",
    )


EXTENTS = {"tml_mve_add_table_params": pairwise}

VARIANTS = (
    Variant("mve/add_table", "ADD", "s8", "mve", lower_sum),
    Variant("mve/sub_table", "SUB", "s8", "mve", lower_sum),
)
