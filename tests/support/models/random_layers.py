"""Random supported layers, for the tests that put every variant's kernels to work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tests.support.models.cases import Case, merge
from tests.support.models.lowered import lowered
from tests.support.models.random_parts import (
    IN_SCALE,
    RANGES,
    Rng,
    activations,
    one_op,
    output,
    supported,
)
from tests.support.models.suited_layers import suited
from tinyml.ir.dtype import INT8, INT32
from tinyml.ir.graph import Array, Graph, Op, Quant, Tensor
from tinyml.ir.kernel import Cost, KernelCall
from tinyml.ops.conv_2d import Conv2dAttrs
from tinyml.ops.depthwise_conv_2d import DepthwiseConv2dAttrs
from tinyml.ops.elementwise import BinaryAttrs
from tinyml.ops.forms import Numbers
from tinyml.ops.fully_connected import FullyConnectedAttrs
from tinyml.ops.mean import MeanAttrs
from tinyml.ops.pool_2d import Pool2dAttrs
from tinyml.variants import Variant

SUITED = ("one_channel", "one_input", "table")  # names of variants to few layers: for them made


def layers_for(variant: Variant, rng: Rng, count: int) -> list[Case]:
    """Layers that a variant is valid for."""
    if any(word in variant.name for word in SUITED):
        return suited(variant, count, int(rng.integers(1 << 16)))
    cases: list[Case] = []
    while len(cases) < count:
        case = random_case(rng, variant.kind, f"g{len(cases)}")
        if isinstance(lowered(variant.lower, case.graph.ops[0], case.graph), KernelCall):
            cases.append(case)
    return cases


def layers_of_seeds(variant: Variant, seeds: Sequence[int], count: int) -> Case:
    """``count`` layers of each seed that a variant is valid for, side by side in one graph."""
    cases = [
        replace(case, name=f"s{seed}/{case.name}")
        for seed in seeds
        for case in layers_for(variant, np.random.default_rng(seed), count)
    ]
    return merge(cases, "random")


def preferred(variant: Variant, label: str = "") -> Variant:
    """The variant as one that the planner takes wherever it is valid.

    ``label``: of the layers whose names begin with it; no others are the variant's.
    """

    def lower(op: Op, graph: Graph, *numbers: Numbers) -> KernelCall | str:
        if not op.name.startswith(label):
            return "not its layer"
        call = variant.lower(op, graph, *numbers)
        return call if isinstance(call, str) else replace(call, cost=Cost(0))

    return replace(variant, lower=lower)


def random_case(rng: Rng, kind: str, name: str) -> Case:
    """A supported layer of a kind, with two inputs: random, and extreme."""
    makers = {
        "CONV_2D": _convolution,
        "DEPTHWISE_CONV_2D": _depthwise,
        "FULLY_CONNECTED": _fully_connected,
        "AVERAGE_POOL_2D": _pool,
        "MAX_POOL_2D": _pool,
        "MEAN": _reduction,
        "ADD": _by_channel,
        "SUB": _by_channel,
        "MUL": _by_channel,
        "SUM": _reduction,
    }
    make = makers.get(kind, _elementwise)
    graph = supported(name, lambda: make(rng, kind))
    shapes = [graph.tensors[i].shape for i in graph.inputs]
    vectors = (
        tuple(rng.integers(-128, 128, shape).astype(np.int8) for shape in shapes),
        tuple(np.where(rng.random(shape) < 0.5, -128, 127).astype(np.int8) for shape in shapes),
    )
    return Case(name, graph, vectors)


def _convolution(rng: Rng, kind: str) -> Graph:
    size = tuple(int(item) for item in rng.integers(1, 8, 2))
    channels = int(rng.choice((1, 3, 4, 8, 16, 16, 19, 32)))
    filters = int(rng.choice((1, 2, 3, 4, 7, 16, 17, 32, 38)))
    kernel = tuple(int(k) for k in rng.choice((1, 1, 2, 3, 5), 2))
    strides, dilations = _steps(rng)
    if rng.random() < 0.3:
        kernel, strides, dilations = (1, 1), (1, 1), (1, 1)
    padding, activation = str(rng.choice(("SAME", "VALID"))), str(rng.choice(RANGES))
    attrs = Conv2dAttrs(
        padding, strides[0], strides[1], dilations[0], dilations[1], activation=activation
    )
    given = (int(rng.choice((1, 1, 2))), *size, channels)
    groups = int(rng.choice((2, 4)))
    is_grouped = channels % groups == 0 and filters % groups == 0 and rng.random() < 0.3
    depth = channels // groups if is_grouped else channels
    return _weighted(rng, kind, attrs, given, (filters, *kernel, depth), 0)


def _depthwise(rng: Rng, kind: str) -> Graph:
    size = tuple(int(item) for item in rng.integers(1, 8, 2))
    channels = int(rng.choice((1, 2, 3, 4, 5, 8, 15, 16, 17, 24, 40)))
    kernel = tuple(int(k) for k in rng.choice((1, 2, 3, 3, 4, 5), 2))
    if rng.random() < 0.2:
        size, kernel = (size[0], 1), (kernel[0], 1)  # a column
    strides, dilations = _steps(rng)
    filters = int(rng.choice((1, 1, 1, 2, 8)))  # per channel
    attrs = DepthwiseConv2dAttrs(
        depth_multiplier=filters,
        padding=str(rng.choice(("SAME", "VALID"))),
        stride_h=strides[0],
        stride_w=strides[1],
        dilation_h=dilations[0],
        dilation_w=dilations[1],
        activation=str(rng.choice(RANGES)),
    )
    given = (int(rng.choice((1, 1, 2))), *size, channels)
    return _weighted(rng, kind, attrs, given, (1, *kernel, channels * filters), 3)


def _steps(rng: Rng) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return (
        tuple(int(step) for step in rng.choice((1, 1, 2, 3), 2)),
        tuple(int(step) for step in rng.choice((1, 1, 1, 2, 3), 2)),
    )


def _fully_connected(rng: Rng, kind: str) -> Graph:
    rows, features, outputs = int(rng.choice((1, 1, 2, 5))), rng.integers(1, 150), rng.integers(40)
    attrs = FullyConnectedAttrs(str(rng.choice(RANGES)))
    weights = (1 + int(outputs), int(features))
    return _weighted(rng, kind, attrs, (rows, int(features)), weights, 0)


def _weighted(
    rng: Rng, kind: str, attrs: Any, given: tuple[int, ...], shape: tuple[int, ...], axis: int
) -> Graph:
    """Weights of the usual range or with -128, small ones, dead channels, wide sums."""
    channels = shape[axis]
    least = -128 if rng.random() < 0.2 else -127
    weights = rng.integers(least, 128, shape) // int(rng.choice((1, 1, 1, 4, 16)))
    bias: Array = rng.integers(-9000, 9000, (channels,), np.int32)
    if rng.random() < 0.1:
        bias[::2] = 1 << 30  # a channel that always gives the same
    scales = rng.uniform(0.002, 0.02, channels if rng.random() < 0.7 else 1).astype(np.float32)
    if rng.random() < 0.2:  # a channel that hardly moves the output, far from 0
        scales[0] /= 500
        bias[0] = rng.integers(-400_000, 400_000)
    per = (0,) * len(scales)
    # Outputs that use their range, or clamp, or hardly move; or factors near 1.
    step = float(rng.choice((1.0, 1.0, 1.0, 0.1, 30.0, 1e-4, 0.01)))
    depth = weights.size // channels
    constants = (
        Tensor("w", INT8, shape, Quant(tuple(scales.tolist()), per, axis), weights.astype(np.int8)),
        Tensor(
            "b",
            INT32,
            (channels,),
            Quant(tuple((np.float32(IN_SCALE) * scales).tolist()), per),
            bias,
        ),
    )
    operands = (activations("x", given, rng, IN_SCALE), *constants)
    return _graph(rng, kind, attrs, operands, 0.012 * depth**0.5 * step)


def _elementwise(rng: Rng, kind: str) -> Graph:
    shape = tuple(int(size) for size in rng.integers(1, 8, 3))
    first, second, made = (float(scale) for scale in rng.uniform(0.01, 0.1, 3))
    operands = (activations("x", shape, rng, first), activations("z", shape, rng, second))
    attrs = BinaryAttrs(str(rng.choice(("NONE", "RELU"))))
    return _graph(rng, kind, attrs, operands, made * 1.5)


def _by_channel(rng: Rng, kind: str) -> Graph:
    """Of equal shapes, or of one value per channel and all pixels."""
    channels = int(rng.choice((1, 3, 16, 24, 32, 33)))
    shapes = ((1, *(int(size) for size in rng.integers(1, 6, 2)), channels), (1, 1, 1, channels))
    picked = [shapes[int(i)] for i in rng.permutation((0, int(rng.integers(2))))]
    first, second, made = (float(scale) for scale in rng.uniform(0.01, 0.1, 3))
    operands = [
        activations(name, shape, rng, scale)
        for name, shape, scale in zip("xz", picked, (first, second), strict=True)
    ]
    if rng.integers(2):
        far = Quant((first,), (INT8.limits[0],))
        operands[0] = replace(operands[0], quant=far)
    attrs = BinaryAttrs(str(rng.choice(RANGES)))
    return _graph(rng, kind, attrs, tuple(operands), made * float(rng.choice((0.1, 1.5))))


def _pool(rng: Rng, kind: str) -> Graph:
    height, width = (int(size) for size in rng.integers(1, 10, 2))
    kernel = (height, width) if rng.random() < 0.3 else tuple(map(int, rng.integers(1, 5, 2)))
    strides, _ = _steps(rng)
    attrs = Pool2dAttrs(
        padding=str(rng.choice(("SAME", "VALID"))),
        stride_h=strides[0],
        stride_w=strides[1],
        kernel_h=kernel[0],
        kernel_w=kernel[1],
        activation=str(rng.choice(RANGES)),
    )
    given = activations("x", (1, height, width, int(rng.integers(1, 36))), rng, IN_SCALE)
    graph = _graph(rng, kind, attrs, (given,), IN_SCALE)
    return replace(graph, tensors=(given, replace(given, name="y", shape=())))


def _reduction(rng: Rng, kind: str) -> Graph:
    """Over one axis or two, before the channels or before nothing."""
    shape = tuple(int(size) for size in rng.integers(1, 9, int(rng.choice((2, 3, 4)))))
    shape = (*shape[:-1], int(rng.integers(1, 36)))
    first = int(rng.integers(len(shape)))
    axes: Array = np.arange(first, min(first + int(rng.choice((1, 2))), len(shape)), dtype=np.int32)
    operands = (activations("x", shape, rng, IN_SCALE), Tensor("a", INT32, axes.shape, None, axes))
    scale = IN_SCALE * float(rng.choice((1, 1, 400)))  # of 400, all outputs are the same
    return _graph(rng, kind, MeanAttrs(bool(rng.integers(2))), operands, scale)


def _graph(rng: Rng, kind: str, attrs: Any, operands: tuple[Tensor, ...], scale: float) -> Graph:
    for tensor in operands:
        if tensor.data is not None:
            tensor.data.flags.writeable = False
    inputs = tuple(i for i, tensor in enumerate(operands) if tensor.data is None)
    return one_op(
        kind, attrs, operands, output(rng, scale, getattr(attrs, "activation", "NONE")), inputs
    )
