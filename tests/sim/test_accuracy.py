"""A sample of ``benchmarks.accuracy``: predictions are as good as the file of the core says."""

from __future__ import annotations

import pytest

from benchmarks.accuracy import SEED, TIMES, accuracy_of, table
from tests.corpus.networks import network
from tinyml.target.boards import load_board

pytestmark = pytest.mark.sim


@pytest.mark.parametrize(("board", "number"), [("nucleo_l4r5zi", 6), ("nucleo_g0b1re", 1)])
def test_predictions_are_within_their_error(board: str, number: int) -> None:
    found = accuracy_of(network(number, SEED + number, times=TIMES), load_board(board), "balanced")
    core = load_board(board).chip.core.estimation
    assert core is not None
    assert abs(found.errors["time"]) <= core.predicted_percent
    assert abs(found.errors["instructions"]) <= core.predicted_percent
    assert abs(found.errors["RAM"]) < 1
    assert abs(found.errors["flash"]) < 21
    assert f"| {board} | balanced | time | 1 | " in "\n".join(table([found]))
