"""Random layers that suit a kernel, from one seed: the same on every machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tests.support.models.cases import Case
from tests.support.models.lowered import lowered
from tests.support.models.random_lstm import random_lstm
from tests.support.models.random_parts import (
    RANGES,
    Rng,
    activations,
    one_op,
    output,
    supported,
    three_vectors,
    wide_values,
)
from tests.support.models.random_weighted import convolution, depthwise, fully_connected, transposed
from tinyml.ir.dtype import INT8, INT32
from tinyml.ir.graph import Graph, Quant, Tensor
from tinyml.ir.kernel import KernelCall
from tinyml.ops.batch_matmul import BatchMatmulAttrs
from tinyml.ops.elementwise import BinaryAttrs
from tinyml.ops.lookup import NoAttrs
from tinyml.ops.mean import MeanAttrs
from tinyml.ops.pool_2d import Pool2dAttrs
from tinyml.ops.resize_nearest_neighbor import ResizeAttrs
from tinyml.ops.softmax import SoftmaxAttrs
from tinyml.variants import Variant


def suited(variant: Variant, count: int, seed: int) -> list[Case]:
    """Supported layers that the variant is valid for."""
    rng = np.random.default_rng(seed)
    cases: list[Case] = []
    while len(cases) < count:
        case = _random_case(rng, variant, f"g{seed}_{len(cases)}")
        if isinstance(lowered(variant.lower, case.graph.ops[0], case.graph), KernelCall):
            cases.append(case)
    return cases


def _random_case(rng: Rng, variant: Variant, name: str) -> Case:
    """A supported layer of the variant's kind, with three inputs: random, extreme, constant."""
    makers: dict[str, Callable[[Rng, Variant], Graph]] = {
        "CONV_2D": convolution,
        "DEPTHWISE_CONV_2D": depthwise,
        "FULLY_CONNECTED": fully_connected,
        "ADD": _sum,
        "SUB": _sum,
        "AVERAGE_POOL_2D": _pool,
        "MAX_POOL_2D": _pool,
        "MEAN": _mean,
        "SUM": _mean,
        "MUL": _product,
        "TRANSPOSE_CONV": transposed,
        "TRANSPOSE": _in_another_order,
        "BATCH_MATMUL": _matrices,
        "PAD": _pad,
        "RESIZE_BILINEAR": _resized,
        "PADV2": _pad,
        "SOFTMAX": _softmax,
        "UNIDIRECTIONAL_SEQUENCE_LSTM": lambda rng, _: random_lstm(rng),
    }
    make = makers[variant.kind]
    graph = supported(name, lambda: make(rng, variant))
    return Case(name, graph, three_vectors(rng, graph))


def _sum(rng: Rng, variant: Variant) -> Graph:
    shape = tuple(int(size) for size in rng.integers(1, 9, 3))
    attrs = BinaryAttrs(str(rng.choice(("NONE", "RELU"))))
    first, second, made = (float(scale) for scale in rng.uniform(0.01, 0.1, 3))
    if "table" in variant.name:  # many sums lie halfway between outputs
        first, second, made = (round(scale, 2) + 0.005 for scale in (first, second, made))
    if variant.form == "s16":
        wide = (wide_values("x", shape, first), wide_values("z", shape, second))
        step = float(rng.choice((1.0, 1.0, 1.0, 0.2, 20.0)))
        return one_op(variant.kind, attrs, wide, wide_values("y", (), made * step), (0, 1))
    operands = (activations("x", shape, rng, first), activations("z", shape, rng, second))
    return one_op(variant.kind, attrs, operands, output(rng, made * 1.5, attrs.activation), (0, 1))


def _pool(rng: Rng, variant: Variant) -> Graph:
    height, width = (int(size) for size in rng.integers(1, 14, 2))
    kernel = (height, width) if rng.random() < 0.3 else tuple(map(int, rng.integers(1, 5, 2)))
    stride = tuple(int(s) for s in rng.integers(1, 4, 2))
    attrs = Pool2dAttrs(
        padding=str(rng.choice(("SAME", "VALID"))),
        stride_h=stride[0],
        stride_w=stride[1],
        kernel_h=kernel[0],
        kernel_w=kernel[1],
        activation=str(rng.choice(RANGES)),
    )
    given = activations("x", (1, height, width, int(rng.integers(4, 20))), rng)
    return one_op(variant.kind, attrs, (given,), replace(given, name="y", shape=()))


def _resized(rng: Rng, variant: Variant) -> Graph:
    height, width = (int(size) for size in rng.integers(1, 7, 2))
    factors = rng.choice((1, 2, 2, 4, 8), 2)
    size = np.array((height, width) * factors, np.int32)
    size.flags.writeable = False
    shape = (int(rng.integers(1, 3)), height, width, int(rng.integers(4, 14)))
    given = activations("x", shape, rng)
    operands = (given, Tensor("size", INT32, size.shape, None, size))
    attrs = ResizeAttrs(False, bool(rng.random() < 0.7))
    return one_op(variant.kind, attrs, operands, replace(given, name="y", shape=()))


def _mean(rng: Rng, variant: Variant) -> Graph:
    shape = (int(rng.integers(1, 3)), *(int(size) for size in rng.integers(1, 17, 3)))
    axes = np.array(((1, 2), (1,), (2, 1), (0, 1, 2))[int(rng.integers(4))], np.int32)
    axes.flags.writeable = False
    operands = (activations("x", shape, rng), Tensor("axes", INT32, axes.shape, None, axes))
    made = output(rng, float(rng.uniform(0.005, 0.04)), "NONE")
    return one_op(variant.kind, MeanAttrs(bool(rng.random() < 0.5)), operands, made)


def _product(rng: Rng, variant: Variant) -> Graph:
    shape = tuple(int(size) for size in rng.integers(1, 9, 3))
    shapes = [shape, ((), (1,), (2, 1))[int(rng.integers(3))]]
    shapes[1] = (1,) * len(shapes[1]) + shape[len(shapes[1]) :]  # a scale per channel, or all
    rng.shuffle(shapes)
    attrs = BinaryAttrs(str(rng.choice(("NONE", "NONE", "RELU", "RELU6"))))
    scales = [float(scale) for scale in rng.uniform(0.01, 0.1, 2)]
    operands = [activations(n, s, rng, f) for n, s, f in zip("xz", shapes, scales, strict=True)]
    step = float(rng.choice((1.0, 1.0, 0.05, 30.0)))
    made = output(rng, scales[0] * scales[1] * 90.0 * step, attrs.activation)
    return one_op(variant.kind, attrs, tuple(operands), made, (0, 1))


def _matrices(rng: Rng, variant: Variant) -> Graph:
    batches, shared = (int(size) for size in rng.integers(1, 4, 2))
    rows, depth, columns = (int(size) for size in rng.integers(1, 42, 3))
    is_across = bool(rng.random() < 0.5)
    left = (batches, shared, rows, depth)
    right = (
        (1, shared)[int(rng.integers(2))],
        *((columns, depth) if is_across else (depth, columns)),
    )
    operands = (activations("x", left, rng, 0.02), activations("z", right, rng, 0.03))
    made = output(rng, float(rng.choice((0.003, 0.02, 0.1, 4.0))), "NONE")
    return one_op(variant.kind, BatchMatmulAttrs(False, is_across), operands, made, (0, 1))


def _pad(rng: Rng, variant: Variant) -> Graph:
    given = activations("x", tuple(int(size) for size in rng.integers(1, 7, 4)), rng)
    widths = rng.choice((0, 0, 1, 2), (4, 2)).astype(np.int32)
    widths[0, 0] += 1  # never the identity
    widths.flags.writeable = False
    operands = [given, Tensor("widths", INT32, widths.shape, None, widths)]
    if variant.kind == "PADV2":
        fill = np.array([rng.integers(-128, 128)], np.int8)
        fill.flags.writeable = False
        operands.append(Tensor("fill", INT8, (1,), given.quant, fill))
    return one_op(variant.kind, NoAttrs(), tuple(operands), replace(given, name="y", shape=()))


def _in_another_order(rng: Rng, variant: Variant) -> Graph:
    given = activations("x", tuple(int(size) for size in rng.integers(1, 14, 4)), rng)
    order = rng.permutation(4).astype(np.int32)
    order.flags.writeable = False
    operands = (given, Tensor("order", INT32, order.shape, None, order))
    return one_op(variant.kind, NoAttrs(), operands, replace(given, name="y", shape=()))


def _softmax(rng: Rng, variant: Variant) -> Graph:
    shape = (int(rng.integers(1, 4)), int(rng.choice((1, 2, 3, 4, 5, 10, 12, 100, 1001))))
    scale = float(rng.choice((0.003, 0.02, 0.1, 0.1, 0.5, 40.0)))
    made = Tensor("y", INT8, (), Quant((1 / 256,), (-128,)))
    return one_op(variant.kind, SoftmaxAttrs(1.0), (activations("x", shape, rng, scale),), made)
