"""The kernels for cores without DSP instructions: random layers.

Every row of tests/ops goes through them in test_ops_on_board.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.models.cases import merge
from tests.support.models.random_layers import layers_of_seeds, preferred
from tests.support.models.suited_layers import suited
from tests.support.running.emulated import assert_equal_on_board, run_on_board
from tests.support.running.executors import assert_equal, run_reference
from tinyml import variants
from tinyml.variants import (
    Variant,
    one_channel,
    portable_depthwise,
    portable_elementwise,
    portable_fully_connected,
    portable_gemm,
)

pytestmark = pytest.mark.sim

BOARD = "nucleo_g0b1re"
VARIANTS = [
    variant
    for group in (
        portable_gemm.VARIANTS,
        portable_fully_connected.VARIANTS,
        portable_depthwise.VARIANTS,
        portable_elementwise.LINEAR_VARIANTS,
    )
    for variant in group
    if variant.isa == "armv6m"
]
SUITED = [  # to few layers
    variant
    for group in (one_channel.VARIANTS, portable_elementwise.TABLE_VARIANTS)
    for variant in group
    if variant.isa == "armv6m"
]
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
