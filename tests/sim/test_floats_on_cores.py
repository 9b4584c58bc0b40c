"""QUANTIZE and DEQUANTIZE through each compiler on each core with a simulator.

rv32imc is in test_riscv.py, Xtensa in tests/projects/test_xtensa.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.nets.float_layers import float_layers
from tests.support.running.emulated import run_on_board
from tests.support.running.executors import assert_equal, run_reference

pytestmark = pytest.mark.sim


@pytest.mark.parametrize(
    ("board", "optimize", "toolchain"),
    [
        ("nucleo_g0b1re", "speed", "zig"),
        ("nucleo_l4r5zi", "speed", "zig"),
        pytest.param("nucleo_l4r5zi", "speed", "arm_gcc", marks=pytest.mark.arm_gcc),
        ("nucleo_h743zi2", "speed", "zig"),
        ("nucleo_u575zi_q", "speed", "zig"),
        pytest.param("mps3_an547", "speed", "zig", marks=pytest.mark.qemu),
        pytest.param("mps3_an547", "size", "zig", marks=pytest.mark.qemu),
        pytest.param(
            "mps3_an547", "speed", "arm_gcc", marks=[pytest.mark.qemu, pytest.mark.arm_gcc]
        ),
    ],
)
def test_every_scale_and_count(board: str, optimize: str, toolchain: str, tmp_path: Path) -> None:
    """clang made outputs of DEQUANTIZE by 2^-3 or 2^-8 4 or 8 times too small on a Cortex-M55."""
    case = float_layers(0 if optimize == "speed" else 7)
    found = run_on_board(
        case.graph,
        case.vectors,
        tmp_path,
        board=board,
        optimize=optimize,
        toolchain=toolchain,
        singly=True,
    )
    assert_equal(case.graph, run_reference(case.graph, case.vectors), found)
