"""Pools and MEAN for Armv7E-M: four neighbouring channels in one 32-bit register.

The kernels take the params of the plain ones and keep their order of reads and writes, so the plain
lowering is reused with another function.
"""

from __future__ import annotations

from dataclasses import replace

from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Cost, KernelCall, field_value
from tinyml.ops import mean, pool_2d
from tinyml.ops.common import result
from tinyml.variants import Variant

MOST_PIXELS = 256  # whose sum fits the halves of a register
MOST_STRAIGHT = 25  # that are summed in straight code
LEAST_FACTOR = 3  # pixels for which 2^32 / pixels is an int32


def _work(op: Op, graph: Graph) -> tuple[int, int, int]:
    """Elements in windows, rows of windows and windows, all counted in groups of four channels."""
    rows, columns = pool_2d.windows(op, graph)
    batches, _, _, channels = result(op, graph).shape
    groups = batches * -(-channels // 4)
    return (
        groups * rows.used_taps() * columns.used_taps(),
        groups * rows.used_taps() * columns.out_size,
        groups * rows.out_size * columns.out_size,
    )


def lower_average(op: Op, graph: Graph) -> KernelCall | str:
    """A call of ``tml_dsp_average_pool_2d_s8``."""
    rows, columns = pool_2d.windows(op, graph)
    if result(op, graph).shape[3] < 4:
        return "fewer than four channels"
    if rows.kernel * columns.kernel > MOST_PIXELS:
        return f"windows of {rows.kernel * columns.kernel} pixels, more than {MOST_PIXELS}"
    elements, starts, windows = _work(op, graph)
    if columns.kernel == columns.in_size:
        starts = windows
    per_element = 3.75 if starts == windows or columns.kernel >= 8 else 4.5
    return replace(
        pool_2d.lower(op, graph),
        function="tml_dsp_average_pool_2d_s8",
        header="kernels/dsp/average_pool_2d_s8.h",
        cost=Cost(int(per_element * elements) + 6 * starts + 46 * windows, code_bytes=300),
        isa="dsp",
    )


def lower_window(op: Op, graph: Graph) -> KernelCall | str:
    """A call of ``tml_dsp_average_window_s8``."""
    rows, columns = pool_2d.windows(op, graph)
    pixels = rows.kernel * columns.kernel
    if result(op, graph).shape[3] < 4:
        return "fewer than four channels"
    if not LEAST_FACTOR <= pixels <= MOST_STRAIGHT:
        return f"windows of {pixels} pixels, not {LEAST_FACTOR} to {MOST_STRAIGHT}"
    if rows.out_size * columns.out_size == 1:
        return "one window, of which the other kernel makes one run"
    elements, _, windows = _work(op, graph)
    batches, _, _, channels = result(op, graph).shape
    cut = windows - batches * -(-channels // 4) * rows.whole_outputs() * columns.whole_outputs()
    each = 19 if pixels % 2 else 26
    at_edges = 30 * cut + 25 * batches * cut // max(1, -(-channels // 4))
    return replace(
        pool_2d.lower(op, graph),
        function="tml_dsp_average_window_s8",
        header="kernels/dsp/average_window_s8.h",
        cost=Cost(3 * elements + each * windows + at_edges, code_bytes=400 + 12 * pixels),
        isa="dsp",
    )


def lower_max(op: Op, graph: Graph) -> KernelCall | str:
    """A call of ``tml_dsp_max_pool_2d_s8``."""
    if result(op, graph).shape[3] < 4:
        return "fewer than four channels"
    elements, starts, windows = _work(op, graph)
    return replace(
        pool_2d.lower(op, graph),
        function="tml_dsp_max_pool_2d_s8",
        header="kernels/dsp/max_pool_2d_s8.h",
        cost=Cost(3 * elements + 5 * starts + 12 * windows, code_bytes=250),
        isa="dsp",
    )


def lower_mean(op: Op, graph: Graph) -> KernelCall | str:
    """A call of ``tml_dsp_mean_s8``."""
    plain = mean.lower(op, graph)
    outer, pixels, middle, inner_reduced, inner = (
        int(field_value(plain.params, name))
        for name in ("outer", "outer_reduced", "middle", "inner_reduced", "inner")
    )
    channels = middle * inner
    if inner_reduced != 1:
        return "an inner axis is averaged"
    if channels < 4:
        return "fewer than four channels"
    if pixels > MOST_PIXELS:
        return f"an average of {pixels} elements, more than {MOST_PIXELS}"
    fours = outer * -(-channels // 4)
    return replace(
        plain,
        function="tml_dsp_mean_s8",
        header="kernels/dsp/mean_s8.h",
        cost=Cost(fours * (15 * pixels // 4 + 100) + 20, code_bytes=250),
        isa="dsp",
    )


VARIANTS = (
    Variant("dsp/average_pool_2d", "AVERAGE_POOL_2D", "s8", "dsp", lower_average),
    Variant("dsp/average_window", "AVERAGE_POOL_2D", "s8", "dsp", lower_window),
    Variant("dsp/max_pool_2d", "MAX_POOL_2D", "s8", "dsp", lower_max),
    Variant("dsp/mean", "MEAN", "s8", "dsp", lower_mean),
)
