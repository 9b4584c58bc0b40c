"""Every row of tests/ops on the emulated boards: the same vectors, the same bytes.

The rows of an operator are layers of one image. On cores with DSP instructions the planner picks
the faster kernels, so this is what proves them on every row.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.models.cases import case_paths, load_cases, merge
from tests.support.running.emulated import run_by_agent, run_on_board
from tests.support.running.executors import assert_equal, run_reference

pytestmark = pytest.mark.sim


@pytest.mark.parametrize("board", ["nucleo_l4r5zi", "nucleo_g0b1re"])
@pytest.mark.parametrize("path", case_paths(), ids=lambda path: path.stem)
def test_rows_on_board(path: Path, board: str, tmp_path: Path) -> None:
    case = merge(load_cases(path).cases, path.stem)
    found = run_on_board(case.graph, case.vectors, tmp_path, board=board)
    assert_equal(case.graph, run_reference(case.graph, case.vectors), found)


@pytest.mark.parametrize(
    ("name", "board"),
    [
        ("concatenation", "nucleo_l4r5zi"),  # many inputs
        ("quantize", "nucleo_g0b1re"),  # of floats
        pytest.param("relu", "mps3_an547", marks=pytest.mark.qemu),
    ],
)
def test_rows_by_agent(name: str, board: str, tmp_path: Path) -> None:
    """The firmware's agent and the serial line give the same; the others call the model itself."""
    (path,) = (path for path in case_paths() if path.stem == name)
    case = merge(load_cases(path).cases, path.stem)
    found = run_by_agent(case.graph, case.vectors, tmp_path, board=board)
    assert_equal(case.graph, run_reference(case.graph, case.vectors), found)


@pytest.mark.arm_gcc
@pytest.mark.parametrize("path", case_paths(), ids=lambda path: path.stem)
def test_rows_with_arm_gcc(path: Path, tmp_path: Path) -> None:
    """The same kernels through the other compiler, optimised for size."""
    case = merge(load_cases(path).cases, path.stem)
    found = run_on_board(case.graph, case.vectors, tmp_path, optimize="size", toolchain="arm_gcc")
    assert_equal(case.graph, run_reference(case.graph, case.vectors), found)
