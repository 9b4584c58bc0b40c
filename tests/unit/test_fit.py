"""A model that is too large for a board: what is said about it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.models.small_graphs import small_network
from tests.support.values.small_boards import small_board
from tinyml.base.errors import DoesNotFit
from tinyml.passes import run_passes
from tinyml.plan.fit import Fit, fit, require
from tinyml.plan.planner import plan
from tinyml.report.text import fit_verdict


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


def test_what_is_within_the_error_of_the_prediction_is_left_to_the_linker() -> None:
    """A build was refused for an estimate of the code that is off by a fifth."""
    board = small_board(sram=65536)
    made = plan(run_passes(small_network()), board, optimize="speed")
    needed, code = made.needed_bytes("flash"), dict(fit(made, board).regions[-1].uses)["code"]

    def with_flash(nbytes: int) -> Fit:
        return fit(made, replace(board, flash=replace(board.flash, max_bytes=nbytes)))

    near, far = with_flash(needed - code // 10), with_flash(needed - code // 4)
    assert (near.is_ok, near.is_close) == (False, True)
    assert (far.is_ok, far.is_close) == (False, False)
    assert "MAY NOT FIT, flash within the error" in fit_verdict(near)
    assert "DOES NOT FIT" in fit_verdict(far)
    assert fit_verdict(with_flash(needed)).startswith("fits, flash within the error")
    assert fit_verdict(with_flash(2 * needed)) == "fits"
