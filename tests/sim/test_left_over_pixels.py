"""One and two pixels that groups of three leave over, in every form that has a block for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.models.cases import Case, merge
from tests.support.models.lowered import lowered
from tests.support.models.random_layers import preferred
from tests.support.models.random_parts import activations, one_op, output
from tests.support.running.emulated import run_on_board
from tests.support.running.executors import assert_equal, run_reference
from tinyml import variants
from tinyml.ir.dtype import INT8, INT32
from tinyml.ir.graph import Quant, Tensor
from tinyml.ir.kernel import KernelCall, Struct
from tinyml.ir.requant import Rounding, solve_rounding
from tinyml.ops.conv_2d import Conv2dAttrs
from tinyml.ops.weighted import WeightedSum
from tinyml.variants import dsp_conv_2d
from tinyml.variants.dsp_streams import (
    DIRECT,
    LINEAR,
    ROUNDING,
    Form,
    choose_form,
    choose_pair_form,
    rescaling_of,
)

pytestmark = pytest.mark.sim

VARIANT = next(item for item in variants.all_variants() if item.name == "dsp/conv_2d")
# Columns of outputs, channels, filters: one and two left over, alone too, and odd filters.
SHAPES = ((1, 5, 4), (2, 9, 4), (4, 8, 6), (5, 3, 3), (7, 16, 5), (8, 33, 2))


def _rounding(layer: WeightedSum) -> Form:
    solved = solve_rounding(rescaling_of(layer))
    assert isinstance(solved, Rounding)
    constants = np.stack((solved.multiplier, solved.offset, solved.shift), axis=1)
    return Form(ROUNDING, 0, layer.weights, layer.folded_bias(), constants)


@pytest.mark.parametrize(
    ("kind", "choose"),
    [(DIRECT, choose_pair_form), (LINEAR, choose_form), (ROUNDING, _rounding)],
    ids=["direct", "linear", "rounding"],
)
def test_left_over_pixels(
    kind: int,
    choose: Callable[[WeightedSum], Form],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dsp_conv_2d, "choose_pair_form", choose)
    monkeypatch.setattr(variants, "all_variants", lambda: (preferred(VARIANT),))
    cases = [_case(number, *shape) for number, shape in enumerate(SHAPES)]
    for case, (columns, _, _) in zip(cases, SHAPES, strict=True):
        call = lowered(VARIANT.lower, case.graph.ops[0], case.graph)
        assert isinstance(call, KernelCall)
        fields = dict(call.params.fields)
        window, gemm = fields["window"], fields["gemm"]
        assert isinstance(window, Struct)
        assert isinstance(gemm, Struct)
        assert dict(window.fields)["tail"] == columns % 3
        assert dict(gemm.fields)["form"] == kind
    whole = merge(cases, "left_over")
    found = run_on_board(whole.graph, whole.vectors, tmp_path, board="nucleo_l4r5zi", singly=True)
    assert_equal(whole.graph, run_reference(whole.graph, whole.vectors), found)


def _case(number: int, columns: int, channels: int, filters: int) -> Case:
    """A 2x2 convolution with one row of outputs, which clamp at the zero point."""
    rng = np.random.default_rng(number)
    weights = rng.integers(-127, 128, (filters, 2, 2, channels)).astype(np.int8)
    bias = rng.integers(-3000, 3000, (filters,), np.int32)
    for data in (weights, bias):
        data.flags.writeable = False
    per = (0,) * filters
    operands = (
        activations("x", (1, 2, columns + 1, channels), rng),
        Tensor("w", INT8, weights.shape, Quant((0.004,) * filters, per, 0), weights),
        Tensor("b", INT32, (filters,), Quant((0.00008,) * filters, per), bias),
    )
    made = replace(output(rng, 0.02 * channels**0.5, "RELU"), shape=(1, 1, columns, filters))
    assert made.quant is not None
    made = replace(made, quant=replace(made.quant, zero_points=(-128,)))
    attrs = Conv2dAttrs("VALID", 1, 1, 1, 1, "RELU")
    graph = replace(one_op("CONV_2D", attrs, operands, made), name=f"g{number}")
    shape = graph.tensors[0].shape
    vectors = tuple(
        (item.astype(np.int8),)
        for item in (
            rng.integers(-128, 128, shape),
            np.where(rng.random(shape) < 0.5, -128, 127),
        )
    )
    return Case(graph.name, graph, vectors)
