"""The kernels for RISC-V and Xtensa are C that any compiler takes: run here, with sanitizers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.models.cases import merge
from tests.support.models.random_layers import layers_for, preferred
from tests.support.running.executors import assert_equal, run_reference
from tests.support.running.host_c import run_on_host
from tinyml import variants
from tinyml.variants import (
    Variant,
    portable_depthwise,
    portable_elementwise,
    portable_fully_connected,
    portable_gemm,
)

pytestmark = pytest.mark.host_cc

MODULES = (portable_gemm, portable_fully_connected, portable_depthwise, portable_elementwise)
VARIANTS = [
    variant
    for module in MODULES
    for variant in module.VARIANTS
    if variant.isa in ("rv32m", "xtensa")
]
_LAYERS = 6  # per program


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_random_layers(variant: Variant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(11)
    whole = merge(layers_for(variant, rng, _LAYERS), "random")
    monkeypatch.setattr(variants, "all_variants", lambda: (preferred(variant),))
    found = run_on_host(
        whole.graph, whole.vectors, tmp_path, optimize="balanced", isa=(variant.isa,), singly=True
    )
    assert_equal(whole.graph, run_reference(whole.graph, whole.vectors), found)
