"""Random convolutions and matrix products through every matrix kernel on the emulated core.

Layers that a kernel is valid for are laid side by side in one image, so that compiling, which is
what takes the time, happens once per kernel. The planner lets outputs chase inputs where it can.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

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
from tinyml.ops.conv_2d import Conv2dAttrs
from tinyml.ops.fully_connected import FullyConnectedAttrs
from tinyml.variants import Variant, dsp_conv_2d, dsp_gemm, dsp_winograd

pytestmark = pytest.mark.sim

VARIANTS = (*dsp_gemm.VARIANTS, *dsp_conv_2d.VARIANTS, *dsp_winograd.VARIANTS)
_LAYERS = 20  # per image
_ACTIVATIONS = ("NONE", "RELU", "RELU", "RELU6", "RELU_N1_TO_1")


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


def _run(
    variant: Variant,
    seed: int,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    board: str,
    toolchain: str | None,
) -> None:
    rng = np.random.default_rng(seed)
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


def _random_case(rng: np.random.Generator, variant: Variant, name: str) -> Case:
    """A supported layer of the variant's kind, with three inputs: random, extreme, constant."""
    while True:
        if variant.kind == "FULLY_CONNECTED":
            graph = _fully_connected(rng, name)
        elif variant.name == "dsp/single_pixel":
            graph = _convolution(rng, name, covers=True)
        else:
            graph = _convolution(rng, name, is_tiled=variant.name == "dsp/winograd_3x3")
        op, spec = graph.ops[0], spec_of(graph.ops[0].kind)
        try:
            (shape,) = spec.infer(op, graph)
        except ModelError:
            continue
        tensors = (*graph.tensors[:-1], replace(graph.tensors[-1], shape=shape))
        graph = replace(graph, tensors=tensors)
        if not any(constraint(op, graph) for constraint in spec.constraints):
            break
    given = graph.tensors[0].shape
    extreme = np.where(rng.random(given) < 0.5, -128, 127)
    values = (rng.integers(-128, 128, given), extreme, np.full(given, rng.choice((-128, 127))))
    return Case(name, graph, tuple((value.astype(np.int8),) for value in values))


def _fully_connected(rng: np.random.Generator, name: str) -> Graph:
    rows, features, outputs = rng.integers(1, 8), rng.integers(1, 150), rng.integers(1, 30)
    weights = _weights(rng, (int(outputs), int(features)))
    attrs = FullyConnectedAttrs(str(rng.choice(_ACTIVATIONS)))
    return _graph(rng, name, "FULLY_CONNECTED", attrs, (int(rows), int(features)), weights)


def _convolution(
    rng: np.random.Generator, name: str, *, covers: bool = False, is_tiled: bool = False
) -> Graph:
    height, width = (int(size) for size in rng.integers(1, 14, 2))
    channels = int(rng.choice((1, 2, 3, 4, 5, 8, 16, 17)))
    filters = int(rng.choice((1, 2, 3, 4, 7, 8, 16)))
    kernel = (height, width) if covers else tuple(int(k) for k in rng.choice((1, 1, 2, 3, 5), 2))
    strides = tuple(int(s) for s in rng.choice((1, 1, 2, 3), 2))
    dilations = (1, 1) if covers else tuple(int(d) for d in rng.choice((1, 1, 1, 2, 3), 2))
    if is_tiled:
        height, width, channels = 2 + 2 * (height // 2), 2 + 2 * (width // 2), 4 * channels
        filters, kernel, strides, dilations = 2 * filters, (3, 3), (1, 1), (1, 1)
    padding = "VALID" if covers else str(rng.choice(("SAME", "VALID")))
    activation = str(rng.choice(_ACTIVATIONS))
    attrs = Conv2dAttrs(padding, strides[0], strides[1], dilations[0], dilations[1], activation)
    weights = _weights(rng, (filters, *kernel, channels))
    batches = int(rng.choice((1, 1, 2)))
    return _graph(rng, name, "CONV_2D", attrs, (batches, height, width, channels), weights)


def _weights(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Weights of the usual range, now and then with -128, or so large that sums get wide."""
    least = -128 if rng.random() < 0.2 else -127
    weights = rng.integers(least, 128, shape).astype(np.int8)
    if rng.random() < 0.1:
        weights[:] = np.where(weights < 0, least, 127)
    return weights


def _graph(
    rng: np.random.Generator,
    name: str,
    kind: str,
    attrs: Conv2dAttrs | FullyConnectedAttrs,
    given: tuple[int, ...],
    weights: Array,
) -> Graph:
    channels, depth = weights.shape[0], weights.size // weights.shape[0]
    scales = rng.uniform(0.002, 0.02, channels if rng.random() < 0.7 else 1).astype(np.float32)
    in_scale = np.float32(0.02)
    # Outputs that use their range, or clamp, or hardly move; rarely factors of 1 and more.
    step = rng.choice((1.0, 1.0, 1.0, 0.1, 30.0, 1e-4, 1e4))
    out_scale = np.float32(0.02 * 0.01 * 60.0 * depth**0.5 * step)
    bias: Array = rng.integers(-9000, 9000, (channels,), np.int32)
    if rng.random() < 0.1:
        bias[::2] = 1 << 30  # a channel that always gives the same
    is_fused = attrs.activation != "NONE" and rng.random() < 0.7
    zero_points = rng.choice((-128, 127, 0, int(rng.integers(-128, 128))), 2)
    out_zero = -128 if is_fused else int(zero_points[1])
    per = (0,) * len(scales)
    constants = (
        Tensor("w", "int8", weights.shape, Quant(tuple(scales.tolist()), per), weights),
        Tensor(
            "b",
            "int32",
            (channels,),
            Quant(tuple((in_scale * scales).tolist()), per),
            bias,
        ),
    )
    for tensor in constants:
        assert tensor.data is not None
        tensor.data.flags.writeable = False
    return Graph(
        name,
        SOURCE,
        (
            Tensor("x", "int8", given, Quant((float(in_scale),), (int(zero_points[0]),))),
            *constants,
            Tensor("y", "int8", (), Quant((float(out_scale),), (out_zero,))),
        ),
        (Op(kind, name, (0, 1, 2), (3,), attrs),),
        (0,),
        (3,),
    )
