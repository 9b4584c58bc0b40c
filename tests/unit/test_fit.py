"""A model that is too large for a board: what is said about it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.models.small_graphs import small_network
from tests.support.values.small_boards import small_board
from tinyml.base.errors import DoesNotFit
from tinyml.passes import run_passes
from tinyml.plan.fit import fit, require
from tinyml.plan.planner import plan


def test_every_region_that_is_too_small_is_named() -> None:
    board = small_board(sram=65536)
    made = plan(run_passes(small_network()), board, optimize="speed")
    require(fit(made, board))
    small = replace(
        board,
        ram=(replace(board.ram[0], max_bytes=64),),
        flash=replace(board.flash, max_bytes=100),
    )
    with pytest.raises(DoesNotFit) as caught:
        require(fit(made, small))
    ram, flash = caught.value.message.splitlines()
    assert f"bytes of {board.ram[0].region}, {board.name} offers 64: " in ram
    assert "peak at layer" in ram
    assert f"bytes of {board.flash.region}, {board.name} offers 100: " in flash
