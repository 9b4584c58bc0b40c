"""ADD and SUB in one linear form, or by a table of one operand: right for all pairs of inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.support.models.cases import row_graph
from tinyml import api
from tinyml.ir.graph import Graph
from tinyml.variants.dsp_add_table import TableForm, lower_sum, solve_table, table_form
from tinyml.variants.dsp_elementwise import BYTES, PairForm, pair_form, slopes_of, table_of

HALVES = ((0.05, -3), (0.031, 14), (0.03, -9))  # 50 x + 31 y over 30: ties that no plane breaks
AWAY = ((0.02, 0), (0.02, 0), (0.04, 0))  # half of every second sum, away from zero


def _sum(quants: tuple[tuple[float, int], ...], kind: str = "ADD") -> Graph:
    first, second, made = ({"scale": scale, "zero_point": zero} for scale, zero in quants)
    inputs: list[dict[str, Any]] = [{"shape": [4, 6], **item} for item in (first, second)]
    return row_graph(kind, {"name": "sum", "inputs": inputs, "output": made}, "sum")[0]


@pytest.mark.parametrize("kind", ["ADD", "SUB"])
def test_a_table_gives_what_no_linear_form_does(kind: str) -> None:
    graph = _sum(HALVES, kind)
    (op,) = graph.ops
    assert isinstance(pair_form(op, graph), str)
    found = table_form(op, graph)
    assert not isinstance(found, str)
    form, first = found
    wanted = table_of(op, graph) if first == 0 else table_of(op, graph).T
    assert np.array_equal(form.apply(BYTES[:, None], BYTES[None, :]), wanted)
    reach = np.abs(form.table).max() + 128 * abs(form.factor)
    assert reach < 1 << 31


def test_ties_away_from_zero_are_linear_with_a_steeper_slope() -> None:
    """The slopes themselves make ties of positive sums go down; a little more sends both away."""
    graph = _sum(AWAY)
    (op,) = graph.ops
    form = pair_form(op, graph)
    assert isinstance(form, PairForm)
    assert form.factor1 > slopes_of(op, graph)[0] * 2.0**form.shift
    assert np.array_equal(form.apply(BYTES[:, None], BYTES[None, :]), table_of(op, graph))
    assert lower_sum(op, graph) == "one linear form needs no table"


def test_what_no_table_gives_is_not_found() -> None:
    """Outputs that jump up and down with the first operand are no line for any second one."""
    wanted = np.where(BYTES[:, None] % 2, 100, -100) + np.zeros((1, 256), np.int64)
    assert solve_table(wanted, 0.5) is None
    assert isinstance(solve_table(np.clip(BYTES[:, None] + BYTES, -128, 127), 1.0), TableForm)


@pytest.mark.parametrize(
    ("board", "kernel"),
    [
        ("nucleo_l4r5zi", "tml_dsp_add_table_s8"),
        ("mps3_an547", "tml_mve_add_table_s8"),
        ("nucleo_g0b1re", "tml_portable_add_table_s8"),
    ],
)
def test_the_planner_takes_it(board: str, kernel: str) -> None:
    plan = api.plan(_sum(HALVES), api.load_board(board), api.Settings("speed")).plan
    (step,) = plan.steps
    assert step.call is not None
    assert step.call.function == kernel
