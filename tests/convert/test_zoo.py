"""A part of the zoo: small models of many kinds, converted, built, run, and compared.

``python -m tests.zoo`` runs all of it. TINYML_ZOO_SEED chooses the part: 0, 1, 2 ... take turns.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.convert.conftest import Warm, need
from tests.support.running.tflm import needs_tflm
from tests.zoo.catalogue import FRAMEWORKS, PACKAGES, names, share, tried
from tests.zoo.run import BAD, EQUAL, REFUSED, TFLM, UNMADE

SEED = int(os.environ.get("TINYML_ZOO_SEED", "0"))
PARTS = 3  # of which one is tried
# Why some models are not built, in words of the error.
REASONS = ("firmware does not sort",)

pytestmark = [pytest.mark.slow, pytest.mark.host_cc]


@needs_tflm
@pytest.mark.parametrize("source", PACKAGES)
def test_models_are_built_or_refused_with_the_reason(
    source: str, tmp_path: Path, warm: Warm
) -> None:
    need(*PACKAGES[source], "ai_edge_litert")

    def python(of: str) -> Path:
        return warm(of) if of in FRAMEWORKS else Path(sys.executable)

    wanted = share(names(source, python), PARTS, SEED)
    found = list(tried((source, wanted), tmp_path, python))
    assert sorted(outcome.name for outcome in found) == sorted(f"{source}.{n}" for n in wanted)
    assert [outcome for outcome in found if outcome.result in BAD] == []
    made = [outcome for outcome in found if outcome.result != UNMADE]
    stopped = [outcome for outcome in made if outcome.result in (REFUSED, TFLM)]
    unknown = [item for item in stopped if not any(reason in item.reason for reason in REASONS)]
    assert unknown == []
    assert sum(outcome.result == EQUAL for outcome in made) >= 0.9 * len(made) - 1


def test_all_seeds_together_are_everything() -> None:
    rows = [f"row{k}" for k in range(17)]
    parts = [share(rows, 3, seed) for seed in range(3)]
    assert sorted(name for part in parts for name in part) == sorted(rows)
    assert share(rows, 3, 3) == parts[0]
