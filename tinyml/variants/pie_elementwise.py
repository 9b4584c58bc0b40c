"""ADD and SUB for the ESP32-S3's vector unit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Struct, field_value
from tinyml.ops.common import result
from tinyml.ops.extents import pairwise
from tinyml.variants import Variant, dsp_elementwise

LANES = 16
_LOW_BITS = 15  # of the offset: the rest is a factor of -2**15


def lower_sum(op: Op, graph: Graph) -> KernelCall | str:
    """A call of ``tml_pie_add_s8``: the linear form of the kernel for DSP instructions."""
    call = dsp_elementwise.lower_sum(op, graph)
    if isinstance(call, str):
        return call
    names = ("factor1", "factor2", "offset", "shift")
    first, second, offset, shift = (int(field_value(call.params, name)) for name in names)
    if max(abs(first), abs(second)) >= 1 << 22 or abs(offset) >= 1 << 30 or shift < 8:
        return "factors do not fit 23 bits, or the offset 31"
    elements = result(op, graph).elements
    whole, left = divmod(elements, LANES)
    params = (("plain", replace(call.params, type="tml_portable_add_params")), ("shift", shift - 8))
    return replace(
        call,
        function="tml_pie_add_s8",
        header="kernels/pie/add_s8.h",
        params=Struct("tml_pie_add_params", params),
        arguments=(*call.arguments[:2], Arg("constant", constant="halves"), call.arguments[2]),
        constants=(_halves(first, second, offset),),
        cost=Cost(40 + 30 * whole + 16 * left, code_bytes=230),
        isa="pie",
    )


def _halves(first: int, second: int, offset: int) -> Constant:
    """Factors times 2**8, as products are with bytes times 2**8, in halves; the offset in two."""
    low = [((factor << 8) + (1 << 15) & 0xFFFF) - (1 << 15) for factor in (first, second)]
    high = [(factor << 8) - part >> 16 for factor, part in zip((first, second), low, strict=True)]
    parts = [-(offset >> _LOW_BITS), offset & (1 << _LOW_BITS) - 1]
    return Constant(
        "halves",
        np.array([*low, *high, *parts, -(1 << _LOW_BITS), 1], np.int16),
        "of the factors, low and high; the offset as a factor of -2^15 and a rest; -2^15, 1",
        alignment=LANES,
    )


EXTENTS = {"tml_pie_add_params": lambda fields: pairwise(fields["plain"])}

VARIANTS = (
    Variant("pie/add", "ADD", "s8", "pie", lower_sum),
    Variant("pie/sub", "SUB", "s8", "pie", lower_sum),
)
