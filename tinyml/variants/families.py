"""Families of cores without DSP instructions: what kernels are tuned by, and what costs are for.

A family is a feature in the ``isa`` of a chip file; the file of a core says what its family can do
(``boards/cores/``). All families run the same C kernels (``firmware/kernels/portable/``); they
differ in how many sums their registers hold, in whether the high half of a product takes one
instruction, and in what the kernels cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tinyml.ir.kernel import KernelCall
from tinyml.target.cores import Family, families

FAMILIES: tuple[Family, ...] = families()


FLOAT = "f32"  # the form whose arithmetic such cores may have in software
OTHERS = "OTHERS"  # kinds that a table does not name


def plain_on(call: KernelCall, kind: str, form: str, isa: Sequence[str]) -> KernelCall:
    """An op's plain kernel with its cost on the cores of the chip's family, if it has one."""
    for family in FAMILIES:
        if family.name in isa:
            factors = family.floats if form == FLOAT else family.plain
            factor = factors.get(kind, factors.get(OTHERS, 1.0))
            instructions = round(call.cost.instructions * factor)
            return replace(call, cost=replace(call.cost, instructions=instructions))
    return call
