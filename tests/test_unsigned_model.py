"""A network of uint8 values, built and run: its outputs are those of TFLite's reference kernels.

tests/models/uint8 has it, with inputs and what LiteRT computes of them (BUILTIN_REF).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tinyml.conformance.batch import Settings
from tinyml.conformance.run import conform

FOLDER = Path(__file__).parent / "models" / "uint8"


@pytest.mark.host_cc
@pytest.mark.sim
def test_a_network_of_bytes_is_equal(tmp_path: Path) -> None:
    found = conform(Settings(FOLDER, ("host", "nucleo_l4r5zi"), tmp_path, samples=8))
    assert {(result.target, result.status) for result in found.results} == {
        ("host", "equal"),
        ("nucleo_l4r5zi", "equal"),
        ("golden", "equal"),
    }
