"""Families of cores without DSP instructions: what kernels are tuned by, and what costs are for.

A family is a feature in the ``isa`` of a chip file. All families run the same C kernels
(``firmware/kernels/portable/``); they differ in how many sums their registers hold, in whether the
high half of a product takes one instruction, and in what the kernels cost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tinyml.ir.kernel import KernelCall


@dataclass(frozen=True, slots=True)
class Family:
    """Cores without DSP instructions that have an instruction set in common."""

    name: str  # in a chip's isa
    has_high_multiply: bool  # the high 32 bits of a product take one instruction
    has_signed_loads: bool  # of bytes, with an offset
    filters: tuple[int, ...]  # how many at a time registers allow
    quads: int  # of outputs of FULLY_CONNECTED at a time
    plain: Mapping[str, float]  # what an op's plain kernel takes, against its formula's Cortex-M4


ARMV6M = Family(
    "armv6m",
    has_high_multiply=False,
    has_signed_loads=False,
    filters=(2,),
    quads=1,
    plain={
        "ADD": 1.9,
        "AVERAGE_POOL_2D": 1.9,
        "CONV_2D": 2.2,
        "DEPTHWISE_CONV_2D": 1.5,
        "FULLY_CONNECTED": 2.2,
        "MAX_POOL_2D": 2.1,
        "MUL": 1.9,
        "RESIZE_BILINEAR": 1.7,
        "SOFTMAX": 1.8,
        "TRANSPOSE_CONV": 2.3,
    },
)
RV32M = Family(
    "rv32m",
    has_high_multiply=True,
    has_signed_loads=True,
    filters=(4, 8),
    quads=2,
    plain={
        "ADD": 1.3,
        "CONV_2D": 1.35,
        "DEPTHWISE_CONV_2D": 1.2,
        "FULLY_CONNECTED": 1.35,
    },
)
XTENSA = Family(
    "xtensa",
    has_high_multiply=True,
    has_signed_loads=False,
    filters=(2,),
    quads=1,
    plain={
        "ADD": 1.5,
        "CONV_2D": 1.9,
        "DEPTHWISE_CONV_2D": 1.5,
        "FULLY_CONNECTED": 1.9,
    },
)
FAMILIES = (ARMV6M, RV32M, XTENSA)


def plain_on(call: KernelCall, kind: str, isa: Sequence[str]) -> KernelCall:
    """An op's plain kernel with its cost on the cores of the chip's family, if it has one."""
    for family in FAMILIES:
        if family.name in isa and kind in family.plain:
            instructions = round(call.cost.instructions * family.plain[kind])
            return replace(call, cost=replace(call.cost, instructions=instructions))
    return call
