"""Random layers through every DSP kernel that is not a matrix product, on the emulated core.

Layers that a kernel is valid for are laid side by side in one image, so that compiling, which is
what takes the time, happens once per kernel. The planner lets outputs chase inputs where it can.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.cases import Case, merge
from tests.support.emulated import run_on_board
from tests.support.executors import assert_equal, run_reference
from tests.support.small_graphs import SOURCE
from tinyml import variants
from tinyml.errors import ModelError
from tinyml.ir.graph import Array, Graph, Op, Quant, Tensor
from tinyml.ir.kernel import Cost, KernelCall
from tinyml.ops import spec_of
from tinyml.ops.depthwise_conv_2d import DepthwiseConv2dAttrs
from tinyml.ops.elementwise import BinaryAttrs
from tinyml.ops.lookup import NoAttrs
from tinyml.ops.mean import MeanAttrs
from tinyml.ops.pool_2d import Pool2dAttrs
from tinyml.ops.softmax import SoftmaxAttrs
from tinyml.variants import (
    Variant,
    dsp_depthwise,
    dsp_depthwise_column,
    dsp_depthwise_rows,
    dsp_elementwise,
    dsp_move,
    dsp_mul,
    dsp_pool,
)

pytestmark = pytest.mark.sim

VARIANTS = (
    *dsp_depthwise.VARIANTS,
    *dsp_depthwise_column.VARIANTS,
    *dsp_depthwise_rows.VARIANTS,
    *dsp_elementwise.VARIANTS,
    *dsp_move.VARIANTS,
    *dsp_mul.VARIANTS,
    *dsp_pool.VARIANTS,
)
_LAYERS = 20  # per image
_RANGES = ("NONE", "RELU", "RELU", "RELU6", "RELU_N1_TO_1")
_IN_SCALE = 0.02

Rng = np.random.Generator


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_random_layers(variant: Variant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _run(variant, 1, tmp_path, monkeypatch, "nucleo_l4r5zi", None)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 4))
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_more_random_layers(
    variant: Variant, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = ("nucleo_h743zi2", "nucleo_u575zi_q")[seed % 2]
    _run(variant, seed, tmp_path, monkeypatch, board, None)


@pytest.mark.arm_gcc
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_random_layers_with_arm_gcc(
    variant: Variant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run(variant, 5, tmp_path, monkeypatch, "nucleo_l4r5zi", "arm_gcc")


def test_counter_and_step_of_one_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eighteen groups of pixels, steps of eighteen bytes: both once shared a register in asm."""
    axes = np.array((1, 2), np.int32)
    axes.flags.writeable = False
    rng = np.random.default_rng(0)
    operands = (_activations("x", (1, 75, 1, 6), rng), Tensor("axes", "int32", (2,), None, axes))
    made = replace(_output(rng, 0.036, "NONE"), shape=(1, 6))
    graph = replace(_graph("MEAN", MeanAttrs(), operands, made), name="g")
    vectors = ((rng.integers(-128, 128, (1, 75, 1, 6)).astype(np.int8),),)
    variant = next(item for item in VARIANTS if item.name == "dsp/mean")
    monkeypatch.setattr(variants, "all_variants", lambda: (_preferred(variant),))
    found = run_on_board(graph, vectors, tmp_path, board="nucleo_l4r5zi", toolchain=None)
    assert_equal(graph, run_reference(graph, vectors), found)


def _run(
    variant: Variant,
    seed: int,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    board: str,
    toolchain: str | None,
) -> None:
    rng = np.random.default_rng(seed)
    monkeypatch.setattr(dsp_depthwise, "LEAST_SMALL", 0)
    cases: list[Case] = []
    while len(cases) < _LAYERS:
        case = _random_case(rng, variant, f"g{len(cases)}")
        if isinstance(variant.lower(case.graph.ops[0], case.graph), KernelCall):
            cases.append(case)
    whole = merge(cases, "random")
    monkeypatch.setattr(variants, "all_variants", lambda: (_preferred(variant),))
    found = run_on_board(whole.graph, whole.vectors, folder, board=board, toolchain=toolchain)
    assert_equal(whole.graph, run_reference(whole.graph, whole.vectors), found)


def _preferred(variant: Variant) -> Variant:
    """The variant as one that the planner takes wherever it is valid."""

    def lower(op: Op, graph: Graph) -> KernelCall | str:
        call = variant.lower(op, graph)
        return call if isinstance(call, str) else replace(call, cost=Cost(0))

    return replace(variant, lower=lower)


def _random_case(rng: Rng, variant: Variant, name: str) -> Case:
    """A supported layer of the variant's kind, with three inputs: random, extreme, constant."""
    makers: dict[str, Callable[[Rng, Variant], Graph]] = {
        "DEPTHWISE_CONV_2D": _depthwise,
        "ADD": _sum,
        "SUB": _sum,
        "AVERAGE_POOL_2D": _pool,
        "MAX_POOL_2D": _pool,
        "MEAN": _mean,
        "MUL": _product,
        "PAD": _pad,
        "PADV2": _pad,
        "SOFTMAX": _softmax,
    }
    while True:
        graph = replace(makers[variant.kind](rng, variant), name=name)
        op, spec = graph.ops[0], spec_of(variant.kind)
        try:
            (shape,) = spec.infer(op, graph)
        except ModelError:
            continue
        tensors = (*graph.tensors[:-1], replace(graph.tensors[-1], shape=shape))
        graph = replace(graph, tensors=tensors)
        if not any(constraint(op, graph) for constraint in spec.constraints):
            break
    shapes = [graph.tensors[i].shape for i in graph.inputs]
    choices: tuple[Callable[[tuple[int, ...]], Array], ...] = (
        lambda shape: rng.integers(-128, 128, shape),
        lambda shape: np.where(rng.random(shape) < 0.5, -128, 127),
        lambda shape: np.full(shape, rng.choice((-128, 127))),
    )
    vectors = tuple(tuple(make(shape).astype(np.int8) for shape in shapes) for make in choices)
    return Case(name, graph, vectors)


def _depthwise(rng: Rng, variant: Variant) -> Graph:
    height, width = (int(size) for size in rng.integers(1, 22, 2))
    channels = int(rng.choice((1, 2, 3, 4, 5, 8, 9)))
    multiplier = int(rng.choice((1, 1, 1, 2, 3)))
    kernel = tuple(int(k) for k in rng.choice((1, 2, 3, 3, 4, 5, 7, 9), 2))
    strides = tuple(int(s) for s in rng.choice((1, 1, 2, 3), 2))
    dilations = tuple(int(d) for d in rng.choice((1, 1, 1, 2, 3), 2))
    if variant.name in ("dsp/depthwise_3x3", "dsp/depthwise_small"):
        kernel, dilations, strides = (3, 3), (1, 1), (min(2, strides[0]),) * 2
    if variant.name == "dsp/depthwise_small":
        height, width, multiplier = 1 + height % 8, 1 + width % 8, 1
    if variant.name == "dsp/depthwise_column":
        kernel, channels, multiplier = (1, max(kernel)), channels + 3, 1
        kernel = kernel[:: int(rng.choice((1, -1)))]
    attrs = DepthwiseConv2dAttrs(
        padding=str(rng.choice(("SAME", "VALID"))),
        stride_h=strides[0],
        stride_w=strides[1],
        depth_multiplier=multiplier,
        dilation_h=dilations[0],
        dilation_w=dilations[1],
        activation=str(rng.choice(_RANGES)),
    )
    filters = channels * multiplier
    least = -128 if rng.random() < 0.2 else -127
    weights = rng.integers(least, 128, (1, *kernel, filters)).astype(np.int8)
    if rng.random() < 0.1:
        weights[..., int(rng.integers(filters))] = rng.choice((0, -128))
    scales = rng.uniform(0.002, 0.02, filters if rng.random() < 0.7 else 1).astype(np.float32)
    # Outputs that use their range, or clamp, or hardly move; rarely factors of 1 and more.
    step = float(rng.choice((1.0, 1.0, 1.0, 0.2, 30.0, 1e-4, 1e4)))
    out_scale = 0.02 * 0.01 * 60.0 * (kernel[0] * kernel[1]) ** 0.5 * step
    bias: Array = rng.integers(-9000, 9000, (filters,), np.int32)
    if rng.random() < 0.1:
        bias[::2] = 1 << 30  # a channel that always gives the same
    per = (0,) * len(scales)
    quant = Quant(tuple(scales.tolist()), per, 3)
    bias_quant = Quant(tuple((np.float32(_IN_SCALE) * scales).tolist()), per)
    for data in (weights, bias):
        data.flags.writeable = False
    return _graph(
        "DEPTHWISE_CONV_2D",
        attrs,
        (
            _activations("x", (int(rng.choice((1, 1, 2))), height, width, channels), rng),
            Tensor("w", "int8", weights.shape, quant, weights),
            Tensor("b", "int32", (filters,), bias_quant, bias),
        ),
        _output(rng, out_scale, attrs.activation),
    )


def _sum(rng: Rng, variant: Variant) -> Graph:
    shape = tuple(int(size) for size in rng.integers(1, 9, 3))
    attrs = BinaryAttrs(str(rng.choice(("NONE", "RELU"))))
    first, second, made = (float(scale) for scale in rng.uniform(0.01, 0.1, 3))
    operands = (_activations("x", shape, rng, first), _activations("z", shape, rng, second))
    return _graph(variant.kind, attrs, operands, _output(rng, made * 1.5, attrs.activation), (0, 1))


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
        activation=str(rng.choice(_RANGES)),
    )
    given = _activations("x", (1, height, width, int(rng.integers(4, 20))), rng)
    return _graph(variant.kind, attrs, (given,), replace(given, name="y", shape=()))


def _mean(rng: Rng, variant: Variant) -> Graph:
    shape = (int(rng.integers(1, 3)), *(int(size) for size in rng.integers(1, 17, 3)))
    axes = np.array(((1, 2), (1,), (2, 1), (0, 1, 2))[int(rng.integers(4))], np.int32)
    axes.flags.writeable = False
    operands = (_activations("x", shape, rng), Tensor("axes", "int32", axes.shape, None, axes))
    made = _output(rng, float(rng.uniform(0.005, 0.04)), "NONE")
    return _graph(variant.kind, MeanAttrs(bool(rng.random() < 0.5)), operands, made)


def _product(rng: Rng, variant: Variant) -> Graph:
    shape = tuple(int(size) for size in rng.integers(1, 9, 3))
    shapes = [shape, ((), (1,), (2, 1))[int(rng.integers(3))]]
    shapes[1] = (1,) * len(shapes[1]) + shape[len(shapes[1]) :]  # a scale per channel, or all
    rng.shuffle(shapes)
    attrs = BinaryAttrs(str(rng.choice(("NONE", "NONE", "RELU", "RELU6"))))
    scales = [float(scale) for scale in rng.uniform(0.01, 0.1, 2)]
    operands = [_activations(n, s, rng, f) for n, s, f in zip("xz", shapes, scales, strict=True)]
    step = float(rng.choice((1.0, 1.0, 0.05, 30.0)))
    made = _output(rng, scales[0] * scales[1] * 90.0 * step, attrs.activation)
    return _graph(variant.kind, attrs, tuple(operands), made, (0, 1))


def _pad(rng: Rng, variant: Variant) -> Graph:
    given = _activations("x", tuple(int(size) for size in rng.integers(1, 9, 4)), rng)
    widths = rng.choice((0, 0, 1, 2, 5), (4, 2)).astype(np.int32)
    widths[0, 0] += 1  # never the identity
    widths.flags.writeable = False
    operands = [given, Tensor("widths", "int32", widths.shape, None, widths)]
    if variant.kind == "PADV2":
        fill = np.array([rng.integers(-128, 128)], np.int8)
        fill.flags.writeable = False
        operands.append(Tensor("fill", "int8", (1,), given.quant, fill))
    return _graph(variant.kind, NoAttrs(), tuple(operands), replace(given, name="y", shape=()))


def _softmax(rng: Rng, variant: Variant) -> Graph:
    shape = (int(rng.integers(1, 4)), int(rng.choice((1, 2, 3, 4, 5, 10, 12, 100, 1001))))
    scale = float(rng.choice((0.003, 0.02, 0.1, 0.1, 0.5, 40.0)))
    made = Tensor("y", "int8", (), Quant((1 / 256,), (-128,)))
    return _graph(variant.kind, SoftmaxAttrs(1.0), (_activations("x", shape, rng, scale),), made)


def _activations(name: str, shape: tuple[int, ...], rng: Rng, scale: float = _IN_SCALE) -> Tensor:
    zero_point = int(rng.choice((-128, 127, 0, int(rng.integers(-128, 128)))))
    return Tensor(name, "int8", shape, Quant((float(np.float32(scale)),), (zero_point,)))


def _output(rng: Rng, scale: float, activation: str) -> Tensor:
    made = _activations("y", (), rng, scale)
    assert made.quant is not None
    if activation != "NONE" and rng.random() < 0.7:
        return replace(made, quant=replace(made.quant, zero_points=(-128,)))
    return made


def _graph(
    kind: str,
    attrs: Any,
    operands: tuple[Tensor, ...],
    made: Tensor,
    inputs: tuple[int, ...] = (0,),
) -> Graph:
    count = len(operands)
    op = Op(kind, kind.lower(), tuple(range(count)), (count,), attrs)
    return Graph("g", SOURCE, (*operands, made), (op,), inputs, (count,))
