"""Random layers through the kernels for the ESP32-S3's vector unit, on the emulated core.

Rows of tests/ops go through them in tests/projects/test_xtensa.py.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.models.cases import Case, merge
from tests.support.models.random_layers import layers_for, preferred
from tests.support.models.random_parts import activations, one_op, output, supported
from tests.support.running.executors import assert_equal, run_reference
from tests.support.running.laid_out import first_layout
from tinyml import api, variants
from tinyml.bare.run import run_bare
from tinyml.evaluate.samples import Samples
from tinyml.ir.dtype import INT32
from tinyml.ir.graph import Tensor
from tinyml.ir.requant import IntArray, Rescaling
from tinyml.ir.requant_halves import Halves, solve_most
from tinyml.ops.mean import MeanAttrs
from tinyml.plan.values import Plan
from tinyml.variants import Variant, pie_depthwise, pie_gemm, pie_rescale

pytestmark = [pytest.mark.xtensa, pytest.mark.sim]

VARIANTS = [variant for variant in variants.all_variants() if variant.isa == "pie"]
WEIGHTED = [variant for variant in VARIANTS if variant in pie_gemm.VARIANTS]


def check(case: Case, folder: Path, optimize: str = "speed") -> Plan:
    board = api.load_board("esp32s3")
    with first_layout(singly=True, optimize=optimize):
        plan = api.plan(case.graph, board, api.Settings(optimize)).plan
    found = run_bare(plan, board, Samples(tuple(case.vectors)), folder).outputs
    assert_equal(case.graph, run_reference(case.graph, case.vectors), list(found))
    return plan


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_random_layers(
    variant: Variant, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = merge(layers_for(variant, np.random.default_rng(seed), 32), "random")
    monkeypatch.setattr(variants, "all_variants", lambda: (preferred(variant),))
    check(whole, tmp_path, "size" if seed == 2 else "speed")


@pytest.mark.parametrize("variant", WEIGHTED, ids=lambda variant: variant.name)
def test_weights_that_the_cache_does_not_hold(
    variant: Variant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The image is gone through for a group of channels at a time."""
    monkeypatch.setattr(pie_gemm, "CACHED_BYTES", 600)
    whole = merge(layers_for(variant, np.random.default_rng(7), 24), "random")
    monkeypatch.setattr(variants, "all_variants", lambda: (preferred(variant),))
    check(whole, tmp_path)


@pytest.mark.parametrize(
    "variant", [*WEIGHTED, *pie_depthwise.VARIANTS], ids=lambda variant: variant.name
)
def test_channels_that_are_not_proved(
    variant: Variant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are made from their sums one by one; what the vectors give for them is not used."""
    rng = np.random.default_rng(3)

    def solve_some(rescaling: Rescaling, bias: IntArray) -> Halves:
        found = solve_most(rescaling, bias)
        unproved = rng.random(len(bias)) < rng.choice([0.2, 0.5, 1.0])
        unproved[rng.integers(len(bias))] = True
        unproved |= False if found.unproved is None else found.unproved
        wrong = np.where(unproved, 1 << 20, found.multiplier)
        return replace(found, multiplier=wrong, unproved=unproved)

    monkeypatch.setattr(pie_rescale, "solve_most", solve_some)
    monkeypatch.setattr(variants, "all_variants", lambda: (preferred(variant),))
    whole = merge(layers_for(variant, np.random.default_rng(5), 24), "random")
    plan = check(whole, tmp_path)
    calls = [step.call for step in plan.steps if step.call is not None]
    # Sums beyond 32 bits have the plain kernel.
    notes = [call.note for call in calls if not call.function.endswith("_wrap")]
    assert len(notes) > len(calls) // 2
    assert all("one by one" in note for note in notes)


@pytest.mark.parametrize(
    "variant", [*WEIGHTED, *pie_depthwise.VARIANTS], ids=lambda variant: variant.name
)
def test_sums_that_lanes_do_not_hold(
    variant: Variant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are added up in memory after as many products as lanes of 17 bits would hold."""
    monkeypatch.setattr(pie_rescale, "LANE_BITS", 17)
    monkeypatch.setattr(variants, "all_variants", lambda: (preferred(variant),))
    whole = merge(layers_for(variant, np.random.default_rng(9), 24), "random")
    plan = check(whole, tmp_path)
    notes = [step.call.note for step in plan.steps if step.call is not None]
    assert any("sums added up in memory" in note for note in notes)


@pytest.mark.parametrize("shape", [(2, 45, 91, 20), (1, 30, 31, 48), (1, 1, 2, 5)], ids=str)
def test_means_of_large_images(shape: tuple[int, ...], tmp_path: Path) -> None:
    """Up to 4,095 pixels fit 20 bits, all of them -128 or 127 too."""
    rng = np.random.default_rng(11)
    axes = np.array([1, 2], np.int32)
    axes.flags.writeable = False
    operands = (activations("x", shape, rng, 0.05), Tensor("a", INT32, (2,), None, axes))
    made = output(rng, 0.04, "NONE")
    graph = supported("mean", lambda: one_op("MEAN", MeanAttrs(False), operands, made))
    graph = merge([Case("mean", graph, ())], "mean").graph
    vectors = [rng.integers(-128, 128, shape).astype(np.int8)]
    vectors += [np.full(shape, value, np.int8) for value in (-128, 127)]
    check(Case("mean", graph, tuple((item,) for item in vectors)), tmp_path)
    plan = api.plan(graph, api.load_board("esp32s3")).plan
    assert plan.steps[0].call is not None
    assert plan.steps[0].call.function == "tml_pie_mean_s8"
