"""PAD and SOFTMAX for Armv7E-M: the plain kernels' params, and bodies for its instructions."""

from __future__ import annotations

import math
from dataclasses import replace

from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Cost, KernelCall, field_value
from tinyml.ops import pad, softmax
from tinyml.variants import Variant


def lower_pad(op: Op, graph: Graph) -> KernelCall | str:
    """A call of ``tml_dsp_pad_s8``."""
    plain = pad.lower_pad(op, graph)
    if plain.function != "tml_pad_s8":
        return "it has more dimensions than the kernel"
    counts, before, after = (_numbers(plain, name) for name in ("count", "before", "after"))
    opened = [math.prod(counts[:i]) for i in range(len(counts))]  # times that a border is written
    borders = sum(
        times * sum(6 + 3 * (width // 4) + 4 * (width % 4) for width in (first, last) if width)
        for times, first, last in zip(opened, before, after, strict=True)
    )
    run = counts[-1]
    each = 8 + 10 * (run // 16) + 4 * (run % 16)
    return replace(
        plain,
        function="tml_dsp_pad_s8",
        header="kernels/dsp/pad_s8.h",
        cost=Cost(20 + borders + opened[-1] * each, code_bytes=200),
        isa="dsp",
    )


def lower_softmax(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_dsp_softmax_s8``."""
    plain = softmax.lower(op, graph)
    rows, depth = (int(field_value(plain.params, name)) for name in ("rows", "depth"))
    maximum = 6 * (depth // 4) + 5 * (depth % 4)
    return replace(
        plain,
        function="tml_dsp_softmax_s8",
        header="kernels/dsp/softmax_s8.h",
        cost=Cost(rows * (80 + maximum + 18 * depth), code_bytes=400),
        isa="dsp",
    )


def _numbers(call: KernelCall, name: str) -> tuple[int, ...]:
    (found,) = (value for field, value in call.params.fields if field == name)
    assert isinstance(found, tuple)
    return found


VARIANTS = (
    Variant("dsp/pad", "PAD", "s8", "dsp", lower_pad),
    Variant("dsp/padv2", "PADV2", "s8", "dsp", lower_pad),
    Variant("dsp/softmax", "SOFTMAX", "s8", "dsp", lower_softmax),
)
