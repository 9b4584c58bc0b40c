"""QUANTIZE and DEQUANTIZE through each compiler on each core with a simulator.

rv32imc is in test_riscv.py, Xtensa in tests/projects/test_xtensa.py.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.models.cases import Case
from tests.support.nets.float_layers import float_layers
from tests.support.running.emulated import run_on_board
from tests.support.running.executors import assert_equal, run_reference
from tinyml import api
from tinyml.bare.run import run_bare
from tinyml.evaluate.samples import Samples
from tinyml.ir.dtype import FLOAT32
from tinyml.ir.graph import Graph, Op, Source, Tensor
from tinyml.ops.elementwise import BinaryAttrs

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


@pytest.mark.parametrize("board", ["nucleo_g0b1re", "esp32c3", "nucleo_l4r5zi"])
def test_results_below_the_normal_numbers(board: str, tmp_path: Path) -> None:
    """compiler-rt, which divides for cores without such an instruction, rounds quotients twice."""
    case = small_results()
    if board == "esp32c3":
        plan = api.plan(case.graph, api.load_board(board)).plan
        samples = Samples(tuple(case.vectors))
        found = list(run_bare(plan, api.load_board(board), samples, tmp_path).outputs)
    else:
        found = run_on_board(case.graph, case.vectors, tmp_path, board=board)
    assert_equal(case.graph, run_reference(case.graph, case.vectors), found)


def small_results() -> Case:
    """DIV, MUL, ADD and SUB of 1,500 pairs whose results are below 2^-125, many not exact."""
    rng = np.random.default_rng(5)
    count = 1500

    def of(exponents: np.ndarray) -> np.ndarray:
        values = np.ldexp(rng.uniform(1, 2, count), exponents).astype(np.float32)
        values[:200] = np.ldexp(np.float32(1), exponents[:200])  # ties
        return np.asarray(values * rng.choice(np.array([-1, 1], np.float32), count))

    first, small = rng.integers(-126, -24, count), rng.integers(-149, -125, (2, count))
    results = rng.integers(-150, -124, (2, count))
    vector = (of(first), of(first - results[0]), of(first), of(results[1] - first))
    vector = (*vector, of(small[0]), of(small[1]))
    kinds = (("DIV", 0), ("MUL", 2), ("ADD", 4), ("SUB", 4))
    tensors = tuple(Tensor(f"t{i}", FLOAT32, (count,), None) for i in range(10))
    ops = tuple(
        Op(kind, kind.lower(), (at, at + 1), (6 + number,), BinaryAttrs())
        for number, (kind, at) in enumerate(kinds)
    )
    graph = Graph("small", Source("", "", 0), tensors, ops, tuple(range(6)), tuple(range(6, 10)))
    return Case("small", graph, (vector,))
