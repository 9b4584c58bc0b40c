"""The table of all boards: what fits comes first, and what is not known comes last."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.models.small_graphs import small_network
from tinyml import api
from tinyml.base.errors import BoardError
from tinyml.report.boards import SORTED, boards_table, boards_verdict, left_out, ordered
from tinyml.target.board import Board
from tinyml.target.limits import Limits


@pytest.fixture(scope="module")
def found() -> tuple[tuple[Board, api.Fit], ...]:
    return api.check_all(small_network()).found


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


def test_boards_that_the_options_do_not_suit_are_named_with_the_reason() -> None:
    checked = api.check_all(small_network(), api.Settings(limits=Limits(ram_budget=("3K",))))
    assert checked.found
    names = {name for name, _ in checked.left_out}
    assert names
    assert names.isdisjoint(board.name for board, _ in checked.found)
    sentences = left_out(checked.left_out)
    assert any("esp32c3, esp32s3: the stack" in item for item in sentences)
    assert all("hint" not in item for item in sentences)


def test_options_that_suit_no_board_are_one_error() -> None:
    with pytest.raises(BoardError, match="these options suit no board") as caught:
        api.check_all(small_network(), api.Settings(limits=Limits(memory="bogus")))
    assert str(caught.value).count("hint:") == 1


def test_a_budget_of_ones_own_is_what_to_raise() -> None:
    """Boards that "would fit" are advice only where the board is too small."""
    board = api.load_board("nucleo_l4r5zi")
    limits = Limits(ram_budget=("2100",))
    advice = " ".join(api.check(small_network(), board, api.Settings(limits=limits)).advice)
    assert "a larger --ram-budget: sram has 655,360 bytes" in advice
    assert "it would fit" not in advice
