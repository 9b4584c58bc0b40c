"""RESIZE_BILINEAR for cores with DSP instructions, where an image becomes some times as large."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tinyml.ir.dtype import UINT8
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Struct, field_value
from tinyml.ops import resize_bilinear
from tinyml.ops.extents import images
from tinyml.ops.resize_bilinear import ONE, Between
from tinyml.variants import Variant

MOST_BITS = 8  # of the shares of both axes: a share times a byte fits 16 bits
NEXT = 0x80  # TML_RESIZE_NEXT


def lower(op: Op, graph: Graph) -> KernelCall | str:
    """A call of ``tml_dsp_resize_bilinear_s8``."""
    rows, columns = resize_bilinear.axes(op, graph)
    plain = resize_bilinear.lower(op, graph)
    channels = int(field_value(plain.params, "channels"))
    if channels < 4:
        return "fewer than four channels"
    row_bits, column_bits = _bits(rows), _bits(columns)
    if not 1 <= row_bits + column_bits <= MOST_BITS:
        return f"shares of {row_bits} and {column_bits} bits, not 1 to {MOST_BITS} together"
    steps = _steps(columns, column_bits)
    if steps is None:
        return "columns are left out"
    batches = int(field_value(plain.params, "batches"))
    fours = batches * rows.out_size * -(-channels // 4)
    work = 25 * columns.out_size + 15 * columns.in_size + 40
    bits = (("row_bits", row_bits), ("column_bits", column_bits))
    return KernelCall(
        "tml_dsp_resize_bilinear_s8",
        "kernels/dsp/resize_bilinear_s8.h",
        Struct("tml_dsp_resize_bilinear_params", (*plain.params.fields, *bits)),
        (Arg("input", 0), Arg("constant", constant="steps"), Arg("output")),
        (Constant("steps", steps, "share of each column, and where the next input begins"),),
        cost=Cost(fours * work + 30 * rows.out_size, code_bytes=400),
        isa="dsp",
        note=f"shares in steps of 1/{1 << row_bits} and 1/{1 << column_bits}",
    )


def _bits(axis: Between) -> int:
    """The bits behind the point that the shares of an axis have."""
    _, _, shares = axis.inputs()
    found = int(np.bitwise_or.reduce(shares)) | ONE
    return (ONE // (found & -found)).bit_length() - 1


def _steps(axis: Between, bits: int) -> NDArray[np.uint8] | None:
    """A byte per output; None when some input lies between two outputs unused."""
    near, _, shares = axis.inputs()
    moved = np.diff(near, prepend=-1)
    if moved.min() < 0 or moved.max() > 1:
        return None
    return np.asarray((shares * (1 << bits)) // ONE + NEXT * moved, UINT8.numpy)


EXTENTS = {"tml_dsp_resize_bilinear_params": images()}

VARIANTS = (Variant("dsp/resize_bilinear", "RESIZE_BILINEAR", "s8", "dsp", lower),)
