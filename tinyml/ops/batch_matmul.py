"""BATCH_MATMUL: products of matrices that are computed at run time, as in attention.

Source: TensorFlow Lite Micro, batch_matmul.cc; reference_ops::BatchMatMul.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinyml.base.errors import ModelError
from tinyml.ir.dtype import FLOAT32, INT8, INT16
from tinyml.ir.fixedpoint import multiply_wide, quantize_multiplier, wide_factor
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Arg, Cost, KernelCall, Struct, Value
from tinyml.ops.common import (
    of_type,
    operand_count,
    quant_of,
    requant_struct,
    rescale_clamp,
    result,
    zero_points_are_zero,
)
from tinyml.ops.extents import Extent, Fields, walked
from tinyml.ops.float_elementwise import constants_are_finite
from tinyml.ops.forms import Form, as_constraint, typed
from tinyml.ops.moves import strides_of
from tinyml.ops.operands import have_one_scale, input_argument
from tinyml.ops.spec import OpSpec
from tinyml.ops.table import Field, Table
from tinyml.ops.traits import Scales

BATCH_MATMUL = "BATCH_MATMUL"  # its key, for those who build one

MAX_RANK = 5  # as in TFLM
MAX_DEPTH = (1 << 31) // (255 * 255)  # products of a sum
_MAX_SHIFT = 8  # of the output's factor, to the left
_MAX_WIDE_SHIFT = 7  # the same of sums of 64 bits, as TFLM asks
_BATCHES = 3  # dimensions of batches that the kernel knows


@dataclass(frozen=True, slots=True)
class BatchMatmulAttrs:
    """Options of BATCH_MATMUL."""

    adj_x: bool = False  # the left matrices lie transposed
    adj_y: bool = False  # the right ones do


TABLE = Table(
    "BatchMatMulOptions",
    BatchMatmulAttrs,
    (
        Field("adj_x", "AdjX", bool),
        Field("adj_y", "AdjY", bool),
    ),
)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How the operands' matrices meet."""

    batches: tuple[int, ...]  # of the output, without rows and columns
    rows: int
    columns: int
    depth: int


def sizes_of(op: Op, graph: Graph) -> Sizes:
    """The sizes of a product; raises ModelError when there is none."""
    left, right = (graph.tensors[i].shape for i in op.inputs)
    if min(len(left), len(right)) < 2 or max(len(left), len(right)) > MAX_RANK:
        raise ModelError(f"{list(left)} times {list(right)}")
    rows, depth = left[-2:][::-1] if op.attrs.adj_x else left[-2:]
    other, columns = right[-2:][::-1] if op.attrs.adj_y else right[-2:]
    try:
        batches = np.broadcast_shapes(left[:-2], right[:-2])
    except ValueError as error:
        raise ModelError(f"{list(left)} times {list(right)}") from error
    if depth != other or depth >= MAX_DEPTH:
        raise ModelError(f"{list(left)} times {list(right)}")
    return Sizes(tuple(int(size) for size in batches), rows, columns, depth)


@as_constraint
def matrices_fit(op: Op, graph: Graph) -> None:
    """The operands must be matrices, 2 to 5 dimensions, that can be multiplied."""
    sizes_of(op, graph)


def factor(op: Op, graph: Graph) -> tuple[int, int]:
    """Multiplier and shift from the products to the output.

    The scales are multiplied in single precision.
    Source: TensorFlow Lite, GetQuantizedConvolutionMultipler without bias (kernel_util.cc).
    """
    left, right = (np.float32(quant_of(graph.tensors[i]).scale) for i in op.inputs)
    made = float(np.float32(quant_of(result(op, graph)).scale))
    return quantize_multiplier(float(left * right) / made)


def factor_is_not_large(op: Op, graph: Graph) -> str | None:
    """The output scale must be above 2^-8 of the product of the input scales."""
    shift = factor(op, graph)[1]
    return None if shift <= _MAX_SHIFT else f"2^{-shift}"


def factor_fits_64_bits(op: Op, graph: Graph) -> str | None:
    """The output scale must be above 2^-7 of the product of the input scales."""
    shift = factor(op, graph)[1]
    return None if shift <= _MAX_WIDE_SHIFT else f"2^{-shift}"


def infer(op: Op, graph: Graph) -> tuple[tuple[int, ...], ...]:
    """Batches, rows of the left and columns of the right matrices."""
    sizes = sizes_of(op, graph)
    return ((*sizes.batches, sizes.rows, sizes.columns),)


def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """Products, exact in binary64; those of int16 values are rescaled as sums of 64 bits."""
    left, right = (
        value.astype(np.float64) - quant_of(graph.tensors[i]).zero_point
        for value, i in zip(inputs, op.inputs, strict=True)
        if value is not None
    )
    left = np.swapaxes(left, -1, -2) if op.attrs.adj_x else left
    right = np.swapaxes(right, -1, -2) if op.attrs.adj_y else right
    sums = np.matmul(left, right).astype(np.int64)
    made = result(op, graph)
    if made.dtype == INT16:
        wide = multiply_wide(sums, *wide_factor(*factor(op, graph)))
        return (np.clip(wide, *INT16.limits).astype(np.int16),)
    zero_point = quant_of(made).zero_point
    return (rescale_clamp(sums, *factor(op, graph), zero_point, made.dtype.limits),)


def float_reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """Products of floats, added up from the first to the last."""
    left, right = inputs
    assert left is not None
    assert right is not None
    left = np.swapaxes(left, -1, -2) if op.attrs.adj_x else left
    right = np.swapaxes(right, -1, -2) if op.attrs.adj_y else right
    sums = np.zeros(result(op, graph).shape, np.float32)
    with np.errstate(all="ignore"):
        for k in range(left.shape[-1]):
            sums = sums + left[..., k, None] * right[..., None, k, :]
    return (sums,)


def macs(op: Op, graph: Graph) -> int:
    """Multiplications."""
    sizes = sizes_of(op, graph)
    return math.prod(sizes.batches) * sizes.rows * sizes.columns * sizes.depth


def _side(op: Op, graph: Graph, index: int, is_transposed: bool) -> Struct:
    """A ``tml_matmul_side``."""
    tensor = graph.tensors[op.inputs[index]]
    strides = strides_of(tensor.shape)
    steps = strides[-2:][::-1] if is_transposed else strides[-2:]
    outer = zip(tensor.shape[:-2], strides[:-2], strict=True)
    batch = [stride if size > 1 else 0 for size, stride in outer]
    batch = [0] * (_BATCHES - len(batch)) + batch
    offset = -tensor.quant.zero_point if tensor.quant is not None else 0
    return Struct(
        "tml_matmul_side",
        (("offset", offset), ("batch", tuple(batch)), ("step", steps)),
    )


def _walk(op: Op, graph: Graph, sizes: Sizes) -> tuple[tuple[str, Value], ...]:
    """The params that say how the operands are gone through."""
    return (
        ("count", (1,) * (_BATCHES - len(sizes.batches)) + sizes.batches),
        ("rows", sizes.rows),
        ("columns", sizes.columns),
        ("depth", sizes.depth),
        ("left", _side(op, graph, 0, op.attrs.adj_x)),
        ("right", _side(op, graph, 1, not op.attrs.adj_y)),
    )


def lower(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_batch_matmul_s8`` or ``tml_batch_matmul_s16``."""
    made = result(op, graph)
    is_wide = made.dtype == INT16
    rescaling = wide_factor(*factor(op, graph)) if is_wide else factor(op, graph)
    fields = (
        ("requant", requant_struct(*rescaling)),
        ("output_offset", quant_of(made).zero_point),
    )
    return of_type(_call(op, graph, fields, ""), "s16" if is_wide else "s8", made.dtype)


def float_lower(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_batch_matmul_f32``."""
    return of_type(_call(op, graph, (), "_f32"), "f32", FLOAT32)


def _call(op: Op, graph: Graph, fields: tuple[tuple[str, Value], ...], alias: str) -> KernelCall:
    sizes = sizes_of(op, graph)
    given = [input_argument(op, graph, index) for index in (0, 1)]
    outputs = math.prod(sizes.batches) * sizes.rows * sizes.columns
    return KernelCall(
        function="tml_batch_matmul_s8",
        header="kernels/batch_matmul/s8.h",
        params=Struct(f"tml_batch_matmul_params{alias}", (*_walk(op, graph, sizes), *fields)),
        arguments=(*(argument for argument, _ in given), Arg("output")),
        constants=tuple(item for _, constants in given for item in constants),
        cost=Cost(outputs * (30 + 7 * sizes.depth)),
    )


def extent(f: Fields) -> Extent:
    """The bytes that a call reads and writes."""
    sides = (("left", f["rows"]), ("right", f["columns"]))
    read = tuple(
        walked((*f["count"], lines, f["depth"]), (*f[side]["batch"], *f[side]["step"]))
        for side, lines in sides
    )
    made = math.prod(f["count"]) * f["rows"] * f["columns"]
    return Extent(read, (0, made), made)


EXTENTS = {"tml_batch_matmul_params": extent, "tml_batch_matmul_params_f32": extent}

OPS = (
    OpSpec(
        kind=BATCH_MATMUL,
        title="matrix times matrix, both computed at run time",
        traits=(Scales("own", (8, 16)),),
        table=TABLE,
        inputs=("left", "right"),
        constraints=(operand_count(2, 2), have_one_scale, matrices_fit),
        infer=infer,
        macs=macs,
        forms=(
            Form(
                "s8",
                typed(left=INT8, right=INT8, output=INT8),
                reference,
                lower,
                constraints=(factor_is_not_large,),
            ),
            Form(
                "s16",
                typed(left=INT16, right=INT16, output=INT16),
                reference,
                lower,
                constraints=(zero_points_are_zero, factor_fits_64_bits),
            ),
            Form(
                "f32",
                typed(left=FLOAT32, right=FLOAT32, output=FLOAT32),
                float_reference,
                float_lower,
                (constants_are_finite,),
            ),
        ),
    ),
)
