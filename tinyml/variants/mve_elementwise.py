"""ADD, SUB, MUL and pools for cores with Helium (MVE)."""

from __future__ import annotations

from dataclasses import replace

from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Cost, KernelCall, Overlap, Struct
from tinyml.ops import pool_2d
from tinyml.ops.common import activation_range, quant_of, requant_struct, result
from tinyml.ops.elementwise import mul_factor
from tinyml.ops.extents import pairwise
from tinyml.variants import Variant, dsp_add_table, dsp_elementwise
from tinyml.variants.mve_rescale import adds_sign, rescale_struct

MOST_PIXELS = 256  # whose sum fits 16 bits


def lower_sum(op: Op, graph: Graph) -> KernelCall | str:
    """A call of ``tml_mve_add_s8``, with the linear form of the kernel for DSP instructions."""
    cost = Cost(30 + 10 * -(-result(op, graph).elements // 4), code_bytes=90)
    call = dsp_elementwise.lower_sum(op, graph)
    return dsp_elementwise.as_kernel(call, "mve/add", cost, "mve")


def lower_sum_by_table(op: Op, graph: Graph) -> KernelCall | str:
    """A call of ``tml_mve_add_table_s8``, with the table of the kernel for DSP instructions."""
    cost = Cost(30 + 11 * -(-result(op, graph).elements // 4), code_bytes=100)
    call = dsp_add_table.lower_sum(op, graph)
    return dsp_elementwise.as_kernel(call, "mve/add_table", cost, "mve")


def lower_mul(op: Op, graph: Graph) -> KernelCall | str:
    """A call of ``tml_mve_mul_s8``."""
    first, second, made = *(graph.tensors[i] for i in op.inputs), result(op, graph)
    if first.is_constant or second.is_constant:
        return "an operand is constant"
    if first.elements != made.elements or second.elements != made.elements:
        return "an operand is broadcast"
    multiplier, shift = mul_factor(op, graph)
    if shift > 0:
        return "rescaling shifts to the left"
    zero_point = quant_of(made).zero_point
    bounds = activation_range(op.attrs.activation, quant_of(made))
    is_signed = adds_sign(zero_point, bounds)
    return KernelCall(
        "tml_mve_mul_s8",
        "kernels/mve/mul_s8.h",
        Struct(
            "tml_mve_mul_params",
            (
                ("count", made.elements),
                ("input1_offset", -quant_of(first).zero_point),
                ("input2_offset", -quant_of(second).zero_point),
                ("requant", requant_struct(multiplier, shift)),
                ("rescale", rescale_struct(zero_point, bounds)),
            ),
        ),
        (Arg("input", 0), Arg("input", 1), Arg("output")),
        overlaps=(Overlap(0, 0), Overlap(1, 0)),
        cost=Cost(40 + (12 + 3 * is_signed) * -(-made.elements // 4), code_bytes=120),
        isa="mve",
    )


def lower_average(op: Op, graph: Graph) -> KernelCall | str:
    """A call of ``tml_mve_average_pool_2d_s8``."""
    rows, columns = pool_2d.windows(op, graph)
    if rows.kernel * columns.kernel > MOST_PIXELS:
        return f"windows of {rows.kernel * columns.kernel} pixels, more than {MOST_PIXELS}"
    return replace(
        pool_2d.lower(op, graph),
        function="tml_mve_average_pool_2d_s8",
        header="kernels/mve/average_pool_2d_s8.h",
        cost=Cost(_pool_cost(op, graph, 8, 30), code_bytes=350),
        isa="mve",
    )


def lower_max(op: Op, graph: Graph) -> KernelCall | str:
    """A call of ``tml_mve_max_pool_2d_s8``."""
    return replace(
        pool_2d.lower(op, graph),
        function="tml_mve_max_pool_2d_s8",
        header="kernels/mve/max_pool_2d_s8.h",
        cost=Cost(_pool_cost(op, graph, 16, 12), code_bytes=250),
        isa="mve",
    )


def _pool_cost(op: Op, graph: Graph, lanes: int, per_output: int) -> int:
    """3 instructions per pixel of a window, 8 per row of it, ``per_output``; per vector."""
    rows, columns = pool_2d.windows(op, graph)
    batches, _, _, channels = result(op, graph).shape
    pixels = rows.used_taps() * columns.used_taps()
    starts = rows.used_taps() * columns.out_size
    outputs = rows.out_size * columns.out_size
    work = 3 * pixels + 8 * starts + per_output * outputs
    return batches * (-(-channels // lanes) * work + 20 * outputs) + 30


EXTENTS = dict.fromkeys(
    ("tml_mve_add_params", "tml_mve_add_table_params", "tml_mve_mul_params"), pairwise
)

TABLE_VARIANTS = (
    Variant("mve/add_table", "ADD", "s8", "mve", lower_sum_by_table),
    Variant("mve/sub_table", "SUB", "s8", "mve", lower_sum_by_table),
)

VARIANTS = (
    Variant("mve/add", "ADD", "s8", "mve", lower_sum),
    Variant("mve/average_pool_2d", "AVERAGE_POOL_2D", "s8", "mve", lower_average),
    Variant("mve/max_pool_2d", "MAX_POOL_2D", "s8", "mve", lower_max),
    Variant("mve/mul", "MUL", "s8", "mve", lower_mul),
    Variant("mve/sub", "SUB", "s8", "mve", lower_sum),
    *TABLE_VARIANTS,
)
