"""The kernels for cores without DSP instructions on an emulated rv32imc core.

No board with such a core has a simulator: the generated C runs alone (tinyml/bare).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.models.cases import Case, batched, case_paths, load_batch, merge, names_of
from tests.support.models.random_layers import layers_for, preferred
from tests.support.models.suited_layers import suited
from tests.support.nets.float_layers import float_layers
from tests.support.running.executors import assert_equal, run_reference
from tests.support.running.laid_out import first_layout
from tinyml import api, variants
from tinyml.bare.run import run_bare
from tinyml.evaluate.samples import Samples
from tinyml.variants import Variant

pytestmark = pytest.mark.sim

VARIANTS = [variant for variant in variants.all_variants() if variant.isa == "rv32m"]
PATHS = [path for path in case_paths() if path.stem.upper() in {item.kind for item in VARIANTS}]


def check(case: Case, folder: Path, optimize: str = "speed") -> None:
    board = api.load_board("esp32c3")
    with first_layout(singly=True, optimize=optimize):
        plan = api.plan(case.graph, board, api.Settings(optimize)).plan
    found = run_bare(plan, board, Samples(tuple(case.vectors)), folder).outputs
    assert_equal(case.graph, run_reference(case.graph, case.vectors), list(found))


@pytest.mark.parametrize("batch", batched(PATHS), ids=names_of)
def test_rows(batch: tuple[Path, ...], tmp_path: Path) -> None:
    check(load_batch(batch), tmp_path)


@pytest.mark.parametrize("optimize", ["speed", "size"])
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_random_layers(
    variant: Variant, optimize: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if variant.form == "s16":
        whole = merge(suited(variant, 16, 3), "random")
    else:
        whole = merge(layers_for(variant, np.random.default_rng(3), 16), "random")
    monkeypatch.setattr(variants, "all_variants", lambda: (preferred(variant),))
    check(whole, tmp_path, optimize)


def test_float_layers(tmp_path: Path) -> None:
    """A compiler's code for scales that are powers of two was wrong on another core."""
    check(float_layers(), tmp_path)
