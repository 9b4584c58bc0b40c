"""The kernels for cores without DSP instructions: random layers, and every row of tests/ops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.models.cases import case_paths, load_cases, merge
from tests.support.models.random_layers import layers_for, preferred
from tests.support.running.emulated import run_on_board
from tests.support.running.executors import assert_equal, run_reference
from tinyml import variants
from tinyml.variants import (
    Variant,
    portable_depthwise,
    portable_elementwise,
    portable_fully_connected,
    portable_gemm,
)

pytestmark = pytest.mark.sim

BOARD = "nucleo_g0b1re"
VARIANTS = [
    variant
    for module in (
        portable_gemm,
        portable_fully_connected,
        portable_depthwise,
        portable_elementwise,
    )
    for variant in module.VARIANTS
    if variant.isa == "armv6m"
]
_LAYERS = 16  # per image


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_random_layers(variant: Variant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _run(variant, 1, tmp_path, monkeypatch, None)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 6))
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_more_random_layers(
    variant: Variant, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run(variant, seed, tmp_path, monkeypatch, None)


@pytest.mark.arm_gcc
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_random_layers_with_arm_gcc(
    variant: Variant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run(variant, 7, tmp_path, monkeypatch, "arm_gcc")


@pytest.mark.parametrize(
    "path",
    [path for path in case_paths() if path.stem.upper() in {item.kind for item in VARIANTS}],
    ids=lambda path: path.stem,
)
def test_rows(path: Path, tmp_path: Path) -> None:
    case = merge(load_cases(path).cases, path.stem)
    found = run_on_board(case.graph, case.vectors, tmp_path, board=BOARD)
    assert_equal(case.graph, run_reference(case.graph, case.vectors), found)


def _run(
    variant: Variant,
    seed: int,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    toolchain: str | None,
) -> None:
    whole = merge(layers_for(variant, np.random.default_rng(seed), _LAYERS), "random")
    monkeypatch.setattr(variants, "all_variants", lambda: (preferred(variant),))
    found = run_on_board(whole.graph, whole.vectors, folder, board=BOARD, toolchain=toolchain)
    assert_equal(whole.graph, run_reference(whole.graph, whole.vectors), found)
