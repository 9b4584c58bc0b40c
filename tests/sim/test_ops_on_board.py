"""Every row of tests/ops on the emulated boards: the same vectors, the same bytes.

The rows of a few operators are layers of one image. On cores with DSP instructions the planner
picks the faster kernels, so this is what proves them on every row.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.models.cases import batched, case_paths, load_batch, names_of
from tests.support.running.emulated import run_by_agent, run_on_board
from tests.support.running.executors import assert_equal, run_reference

pytestmark = pytest.mark.sim

BATCHES = batched(case_paths())


@pytest.mark.parametrize("board", ["nucleo_l4r5zi", "nucleo_g0b1re"])
@pytest.mark.parametrize("batch", BATCHES, ids=names_of)
def test_rows_on_board(batch: tuple[Path, ...], board: str, tmp_path: Path) -> None:
    case = load_batch(batch)
    found = run_on_board(case.graph, case.vectors, tmp_path, board=board, singly=True)
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
    case = load_batch([path for path in case_paths() if path.stem == name])
    found = run_by_agent(case.graph, case.vectors, tmp_path, board=board)
    assert_equal(case.graph, run_reference(case.graph, case.vectors), found)


@pytest.mark.arm_gcc
@pytest.mark.parametrize("batch", BATCHES, ids=names_of)
def test_rows_with_arm_gcc(batch: tuple[Path, ...], tmp_path: Path) -> None:
    """The same kernels through the other compiler, optimised for size."""
    case = load_batch(batch)
    found = run_on_board(
        case.graph, case.vectors, tmp_path, optimize="size", toolchain="arm_gcc", singly=True
    )
    assert_equal(case.graph, run_reference(case.graph, case.vectors), found)
