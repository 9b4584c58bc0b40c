"""PAD, TRANSPOSE and SOFTMAX for Armv7E-M: the plain kernels' params, its own instructions."""

from __future__ import annotations

import math
from dataclasses import replace

from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Cost, KernelCall, field_value
from tinyml.ops import pad, softmax, transpose
from tinyml.variants import Variant

_BLOCK = 4  # rows and columns of bytes that are transposed at once


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


def lower_transpose(op: Op, graph: Graph) -> KernelCall | str:
    """A call of ``tml_dsp_transpose_s8``."""
    plain = transpose.lower(op, graph)
    if plain is None:
        return "nothing is moved"
    count, step = _numbers(plain, "count"), _numbers(plain, "step")
    rows, columns = count[-2:]
    if field_value(plain.params, "run") != 1 or step[-2] != 1 or min(rows, columns) < _BLOCK:
        return "no blocks of 4x4 bytes"
    whole, left = divmod(columns, _BLOCK)
    per_four = 10 + 25 * whole + (22 * left + 28) * (left > 0)
    each = rows // _BLOCK * per_four + rows % _BLOCK * (7 + 5 * columns)
    return replace(
        plain,
        function="tml_dsp_transpose_s8",
        header="kernels/dsp/transpose_s8.h",
        overlaps=(),
        cost=Cost(20 + math.prod(count[:-2]) * (10 + each), code_bytes=250),
        isa="dsp",
        note=f"{rows} x {columns} bytes",
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
    Variant("dsp/transpose", transpose.TRANSPOSE, "bytes", "dsp", lower_transpose),
    Variant("dsp/softmax", "SOFTMAX", "s8", "dsp", lower_softmax),
)
