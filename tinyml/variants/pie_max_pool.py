"""MAX_POOL_2D for the ESP32-S3's vector unit: sixteen channels at a time."""

from __future__ import annotations

from tinyml.ir.dtype import INT8
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Cost, KernelCall, Struct
from tinyml.ops import pool_2d
from tinyml.ops.common import activation_range, clamp_struct, quant_of, result
from tinyml.ops.extents import images
from tinyml.ops.halves import cut_images
from tinyml.ops.windows import image_overlap, window_struct
from tinyml.variants import Variant
from tinyml.variants.pie_gemm import ISA
from tinyml.variants.pie_rescale import LANES


def lower(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_pie_max_pool_2d_s8``."""
    given, made = graph.tensors[op.inputs[0]].shape, result(op, graph)
    rows, columns = pool_2d.windows(op, graph)
    batches, channels = given[0], given[3]
    groups = -(-channels // LANES)
    put = channels if channels % LANES else 5 * groups
    each = 30 + put + groups * (20 + 6 * rows.kernel * columns.kernel)
    return KernelCall(
        "tml_pie_max_pool_2d_s8",
        "kernels/pie/max_pool_2d_s8.h",
        Struct(
            "tml_pie_max_pool_2d_params",
            (
                ("batches", batches),
                ("height", window_struct(rows)),
                ("width", window_struct(columns)),
                ("channels", channels),
                ("clamp", clamp_struct(activation_range(op.attrs.activation, quant_of(made)))),
            ),
        ),
        (Arg("input"), Arg("output"), Arg("scratch", dtype=INT8)),
        scratch_bytes=groups * LANES,
        overlaps=(image_overlap(rows, columns, given, made.shape),),
        cost=Cost(30 + batches * rows.out_size * columns.out_size * each, code_bytes=350),
        isa=ISA,
    )


EXTENTS = {"tml_pie_max_pool_2d_params": images("channels", "channels")}

HALVES = {"tml_pie_max_pool_2d_params": cut_images()}

VARIANTS = (Variant("pie/max_pool_2d", "MAX_POOL_2D", "s8", ISA, lower),)
