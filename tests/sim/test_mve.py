"""The Helium kernels on QEMU: random layers, every row of tests/ops, and a model end to end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.support.models.cases import batched, case_paths, load_batch, merge, names_of
from tests.support.models.random_layers import layers_of_seeds, preferred
from tests.support.models.small_graphs import GraphBuilder
from tests.support.models.suited_layers import suited
from tests.support.running.emulated import assert_equal_on_board, run_on_board
from tests.support.running.executors import assert_equal, run_reference
from tinyml import api, variants
from tinyml.evaluate.verification import verify
from tinyml.ops.conv_2d import Conv2dAttrs
from tinyml.project.pipeline import build_plan
from tinyml.variants import (
    Variant,
    mve_add_s16,
    mve_depthwise,
    mve_elementwise,
    mve_gemm,
    mve_lstm,
    mve_s16,
)

pytestmark = pytest.mark.qemu

BOARD = "mps3_an547"
MODEL = Path(__file__).parents[2] / "examples" / "digits" / "digits.tflite"
VARIANTS = (
    *mve_gemm.VARIANTS,
    *mve_depthwise.VARIANTS,
    *(item for item in mve_elementwise.VARIANTS if item not in mve_elementwise.TABLE_VARIANTS),
)
SUITED = (  # to few layers
    *mve_s16.VARIANTS,
    *mve_add_s16.VARIANTS,
    *mve_elementwise.TABLE_VARIANTS,
    *mve_lstm.VARIANTS,
)
_LAYERS = 16  # of each seed


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_random_layers(variant: Variant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _run(variant, range(1, 6), tmp_path, monkeypatch, None)


@pytest.mark.parametrize("variant", SUITED, ids=lambda variant: variant.name)
def test_layers_that_suit(
    variant: Variant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(variants, "all_variants", lambda: (preferred(variant),))
    assert_equal_on_board(merge(suited(variant, _LAYERS, 1), "random"), tmp_path, BOARD)


@pytest.mark.arm_gcc
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_random_layers_with_arm_gcc(
    variant: Variant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run(variant, (7,), tmp_path, monkeypatch, "arm_gcc")


@pytest.mark.parametrize("batch", batched(case_paths()), ids=names_of)
def test_rows(batch: tuple[Path, ...], tmp_path: Path) -> None:
    case = load_batch(batch)
    found = run_on_board(case.graph, case.vectors, tmp_path, board=BOARD, singly=True)
    assert_equal(case.graph, run_reference(case.graph, case.vectors), found)


def test_model(tmp_path: Path) -> None:
    """QEMU counts instructions; more than half are saved against a Cortex-M4."""
    board = api.load_board(BOARD)
    built = api.build(MODEL, board, api.Settings(directory=tmp_path))
    rng = np.random.default_rng(3)
    samples = tuple((rng.integers(-128, 128, (1, 8, 8, 1), np.int8),) for _ in range(2))
    run = api.simulate(built, samples)
    verify(built.plan.reference_graph, samples, run.outputs)
    kernels = [step.call.function for step in built.plan.steps if step.call is not None]
    assert sum(name.startswith("tml_mve_") for name in kernels) >= 7
    assert run.total.instructions is not None
    assert 20_000 < run.total.instructions < 60_000
    predicted = sum(step.call.cost.instructions for step in built.plan.steps if step.call)
    assert 0.7 < predicted / run.total.instructions < 1.3


def _run(
    variant: Variant,
    seeds: Sequence[int],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    toolchain: str | None,
) -> None:
    """_LAYERS of each seed, in one program."""
    whole = layers_of_seeds(variant, seeds, _LAYERS)
    monkeypatch.setattr(variants, "all_variants", lambda: (preferred(variant),))
    found = run_on_board(
        whole.graph, whole.vectors, folder, board=BOARD, toolchain=toolchain, singly=True
    )
    assert_equal(whole.graph, run_reference(whole.graph, whole.vectors), found)


def test_a_layer_of_many_instructions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SysTick counted modulo 2^24: a layer of more than 8 million instructions was too quick.

    Of the plain kernel: QEMU takes ten times as long for an instruction on vectors.
    """
    monkeypatch.setattr(variants, "all_variants", lambda: ())
    b = GraphBuilder()
    image = b.value("image", (1, 16, 16, 16))
    operands = (image, b.weights("weights", (64, 5, 5, 16), 0, 64), b.bias("bias", 64))
    conv = b.op("CONV_2D", operands, b.value("conv", (1, 16, 16, 64)), Conv2dAttrs("SAME"))
    board = api.load_board(BOARD)
    plan = api.plan(b.graph((image,), (conv,)), board).plan
    built = build_plan(plan, board, api.Settings(directory=tmp_path, self_test=False))
    sample = np.random.default_rng(1).integers(-128, 128, (1, 16, 16, 16), np.int8)
    run = api.simulate(built, ((sample,),))
    macs = 16 * 16 * 64 * 25 * 16  # two loads and a multiplication each
    assert (run.layers[0].cycles or 0) > 2 * macs > 1 << 23
