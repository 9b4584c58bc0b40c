"""ADD and SUB for cores without DSP instructions: linear in both operands, or by a table of one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Cost, KernelCall
from tinyml.ops.common import result
from tinyml.ops.extents import pairwise
from tinyml.ops.halves import cut_elements
from tinyml.target.cores import Family
from tinyml.variants import Variant, dsp_add_table, dsp_elementwise
from tinyml.variants.families import FAMILIES


@dataclass(frozen=True, slots=True)
class Sum:
    """One form of the kernels; its numbers are those of the kernel for DSP instructions."""

    suffix: str  # of the names of kernel and variant
    lower: Callable[[Op, Graph], KernelCall | str]
    each: tuple[int, int]  # instructions per element: with loads of signed bytes, and without


LINEAR = Sum("", dsp_elementwise.lower_sum, (16, 21))
TABLE = Sum("_table", dsp_add_table.lower_sum, (17, 25))


def lower_sum(form: Sum, family: Family, op: Op, graph: Graph) -> KernelCall | str:
    """A call of ``tml_portable_add<suffix>_s8``."""
    each = form.each[0] if family.has_signed_loads else form.each[1]
    cost = Cost(30 + each * result(op, graph).elements, code_bytes=80)
    call = form.lower(op, graph)
    return dsp_elementwise.as_kernel(call, f"portable/add{form.suffix}", cost, family.name)


def _variants(form: Sum) -> tuple[Variant, ...]:
    return tuple(
        Variant(name, kind, "s8", family.name, partial(lower_sum, form, family))
        for family in FAMILIES
        for name, kind in (
            (f"{family.name}/add{form.suffix}", "ADD"),
            (f"{family.name}/sub{form.suffix}", "SUB"),
        )
    )


PARAMS = ("tml_portable_add_params", "tml_portable_add_table_params")

EXTENTS = dict.fromkeys(PARAMS, pairwise)

HALVES = dict.fromkeys(PARAMS, cut_elements(inputs=2))

LINEAR_VARIANTS, TABLE_VARIANTS = _variants(LINEAR), _variants(TABLE)

VARIANTS = (*LINEAR_VARIANTS, *TABLE_VARIANTS)
