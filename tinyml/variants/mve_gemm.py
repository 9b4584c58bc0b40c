"""Convolution and matrix products for cores with Helium (MVE), sixteen products per instruction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinyml.ir.dtype import INT8
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Struct, Value, row_overlap
from tinyml.ir.shapes import Window
from tinyml.ops.common import result
from tinyml.ops.extents import images, rows
from tinyml.ops.weighted import INPUT, WEIGHTS, WeightedSum
from tinyml.ops.windows import blocks_overlap, filter_windows, paired_windows_overlap, window_struct
from tinyml.variants import Variant
from tinyml.variants.mve_rescale import (
    LANES,
    IntArray,
    adds_sign,
    lane_order,
    rescale_struct,
    scales_constant,
    why_not_rescaled,
)
from tinyml.variants.needs import Needs


def convolution(op: Op, graph: Graph, numbers: WeightedSum) -> KernelCall | str:
    """A CONV_2D whose filters see all channels."""
    given, weights = graph.tensors[op.inputs[INPUT]], graph.tensors[op.inputs[WEIGHTS]]
    if weights.shape[3] != given.shape[3]:
        return "the convolution is grouped"
    reason = why_not_rescaled(numbers)
    if reason is not None:
        return reason
    rows, columns = filter_windows(op, graph)
    if all(
        (axis.kernel, axis.stride, axis.pad, axis.pad_after) == (1, 1, 0, 0)
        for axis in (rows, columns)
    ):
        return _pointwise(numbers, result(op, graph).elements // len(numbers.bias))
    return _convolve(op, graph, numbers, rows, columns)


def matrix_product(op: Op, graph: Graph, numbers: WeightedSum) -> KernelCall | str:
    """FULLY_CONNECTED of any number of rows."""
    reason = why_not_rescaled(numbers)
    if reason is not None:
        return reason
    rows = result(op, graph).elements // len(numbers.bias)
    return _row(numbers) if rows == 1 else _pointwise(numbers, rows)


def _pointwise(numbers: WeightedSum, pixels: int) -> KernelCall:
    filters, channels = numbers.weights.shape
    is_direct = channels % LANES == 0
    pairs = -(-pixels // 2)
    copying = 0 if is_direct else 6 * -(-channels // LANES) + 6
    call = _call(
        "pointwise",
        (("pixels", pixels), ("in_channels", channels), ("gemm", _gemm_struct(numbers))),
        numbers,
        lane_order(filters),
        Needs(
            0 if is_direct else 2 * _window_bytes(numbers),
            blocks_overlap(pixels, 2, channels, filters, is_direct=is_direct),
            40 + pairs * (12 + copying + gemm_cost(numbers)),
        ),
    )
    return replace(call, function="tml_mve_pointwise_direct_s8") if is_direct else call


def _convolve(
    op: Op, graph: Graph, numbers: WeightedSum, rows: Window, columns: Window
) -> KernelCall:
    given, made = graph.tensors[op.inputs[INPUT]].shape, result(op, graph).shape
    batches, channels = given[0], given[3]
    fields: tuple[tuple[str, Value], ...] = (
        ("batches", batches),
        ("height", window_struct(rows)),
        ("width", window_struct(columns)),
        ("in_channels", channels),
        ("padding_value", numbers.input_zero_point),
        ("gemm", _gemm_struct(numbers)),
    )
    is_dense = columns.dilation == 1
    runs, length = (1, columns.kernel * channels) if is_dense else (columns.kernel, channels)
    per_window = 25 + rows.kernel * (5 + runs * (3 + 3 * -(-length // LANES)))
    pixels = rows.out_size * columns.out_size
    return _call(
        "conv_2d",
        fields,
        numbers,
        lane_order(made[3]),
        Needs(
            2 * _window_bytes(numbers),
            paired_windows_overlap(rows, columns, given, made),
            40 + batches * -(-pixels // 2) * (10 + 2 * per_window + gemm_cost(numbers)),
        ),
    )


def _row(numbers: WeightedSum) -> KernelCall:
    outputs, features = numbers.weights.shape
    blocks = -(-features // LANES)
    each = 22 + 10 * blocks + 3 * _is_signed(numbers)
    return _call(
        "fully_connected",
        (("in_features", features), ("gemm", _gemm_struct(numbers))),
        numbers,
        lane_order(outputs, plain=True),
        Needs(
            _window_bytes(numbers),
            row_overlap(INPUT, ((0, features), (outputs, features))),
            30 + 3 * blocks - (-outputs // 4) * each,
        ),
    )


def _is_signed(numbers: WeightedSum) -> bool:
    return adds_sign(numbers.output_zero_point, numbers.bounds)


def gemm_cost(numbers: WeightedSum) -> int:
    """Instructions of all filters over two pixels: gemm.h."""
    filters, taps = numbers.weights.shape
    blocks = -(-taps // LANES)
    each = 14 * blocks + 2 * (blocks - 1) + (26 if _is_signed(numbers) else 20)
    sixteens, rest = divmod(filters, 16)
    return int(sixteens * (4 * each + 26) - (-rest // 4) * (each + 14))


def _gemm_struct(numbers: WeightedSum) -> Struct:
    filters, taps = numbers.weights.shape
    return Struct(
        "tml_mve_gemm_params",
        (
            ("blocks", -(-taps // LANES)),
            ("out_channels", filters),
            ("rescale", rescale_struct(numbers.output_zero_point, numbers.bounds)),
        ),
    )


def _window_bytes(numbers: WeightedSum) -> int:
    return int(-(-numbers.weights.shape[1] // LANES) * LANES)


def _packed(weights: IntArray, order: IntArray) -> Constant:
    """Four filters side by side, 16 taps of each in turn."""
    taps = weights.shape[1]
    filled = np.zeros((len(order), -(-taps // LANES) * LANES), np.int8)
    filled[order >= 0, :taps] = weights[order[order >= 0]]
    packed = filled.reshape(len(order) // 4, 4, -1, LANES).transpose(0, 2, 1, 3)
    return Constant("weights", packed.reshape(-1), "four filters, 16 taps of each in turn")


def _call(
    name: str,
    fields: tuple[tuple[str, Value], ...],
    numbers: WeightedSum,
    order: IntArray,
    needs: Needs,
) -> KernelCall:
    """``order``: of the filters, as they lie in the weights."""
    scratch = (Arg("scratch", dtype=INT8),) if needs.scratch_bytes else ()
    return KernelCall(
        f"tml_mve_{name}_s8",
        f"kernels/mve/{name}_s8.h",
        Struct(f"tml_mve_{name}_params", fields),
        (
            Arg("input", INPUT),
            Arg("constant", constant="weights"),
            Arg("constant", constant="scales"),
            Arg("output"),
            *scratch,
        ),
        (_packed(numbers.weights, order), scales_constant(numbers, order)),
        scratch_bytes=needs.scratch_bytes,
        overlaps=(needs.overlap,),
        cost=Cost(needs.instructions, code_bytes=700),
        isa="mve",
        pixels_at_once=2,
        note="halves of negative values corrected" if _is_signed(numbers) else "halves upwards",
    )


EXTENTS = {
    "tml_mve_conv_2d_params": images("in_channels", "gemm.out_channels"),
    "tml_mve_fully_connected_params": rows("", "in_features", "gemm.out_channels"),
    "tml_mve_pointwise_params": rows("pixels", "in_channels", "gemm.out_channels"),
}

VARIANTS = (
    Variant("mve/conv_2d", "CONV_2D", "s8", "mve", convolution),
    Variant("mve/fully_connected", "FULLY_CONNECTED", "s8", "mve", matrix_product),
)
