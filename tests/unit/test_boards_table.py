"""The table of all boards: what fits comes first, and what is not known comes last."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.models.small_graphs import small_network
from tinyml import api
from tinyml.report.boards import SORTED, boards_table, boards_verdict, ordered
from tinyml.target.board import Board


@pytest.fixture(scope="module")
def found() -> tuple[tuple[Board, api.Fit], ...]:
    return api.check_all(small_network())


def test_what_boards_share_changes_no_verdict(found: tuple[tuple[Board, api.Fit], ...]) -> None:
    for board, verdict in found:
        assert api.check(small_network(), board) == verdict, board.name


@pytest.mark.parametrize("sort", SORTED)
def test_what_fits_comes_first(found: tuple[tuple[Board, api.Fit], ...], sort: str) -> None:
    board, verdict = ordered(found, sort)[0]
    small = replace(verdict, regions=(replace(verdict.regions[0], budget_bytes=1),))
    changed = [(b, small if b is board else v) for b, v in found]
    assert ordered(changed, sort)[-1][0] is board
    words = {str(row[0]): str(row[1]) for row in boards_table("model", changed).rows}
    assert words[board.name] == f"{verdict.regions[0].region} too small"


def test_the_smallest_board_that_fits_is_named(found: tuple[tuple[Board, api.Fit], ...]) -> None:
    is_ok, words = boards_verdict(found)
    assert is_ok
    assert f"fits {len(found)} of {len(found)} boards" in words
    named = next(board for board, _ in found if f" {board.name} " in words)
    budgets = [sum(item.max_bytes for item in board.ram) for board, _ in found]
    assert sum(item.max_bytes for item in named.ram) == min(budgets)


def test_one_that_fits_none_says_so(found: tuple[tuple[Board, api.Fit], ...]) -> None:
    short = [
        (board, replace(fit, regions=tuple(replace(r, budget_bytes=1) for r in fit.regions)))
        for board, fit in found
    ]
    assert boards_verdict(short) == (False, f"fits none of {len(found)} boards")
