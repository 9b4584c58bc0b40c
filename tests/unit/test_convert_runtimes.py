"""Whether the result runs where the user wants it: ``convert`` says it, not first ``build``."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.nets.float_graphs import FloatBuilder
from tinyml.base.errors import UnsupportedOps
from tinyml.convert import flatfile
from tinyml.convert.runtimes import Wanted, on_target
from tinyml.convert.tables import options_of
from tinyml.target.boards import load_board


def unary(kind: str, count: int = 4) -> bytes:
    """A model of one operator on so many floats."""
    b = FloatBuilder()
    x = b.value("x", (1, count))
    y = b.op(kind, (x,), b.value("y", (1, count)), options_of(kind))
    return flatfile.write(b.graph((x,), (y,)))


def tiled() -> bytes:
    """A model of one TILE."""
    b = FloatBuilder()
    x, times = b.value("x", (1, 4)), b.constant("times", np.array([1, 3], np.int32))
    y = b.op("TILE", (x, times), b.value("y", (1, 12)), options_of("TILE"))
    return flatfile.write(b.graph((x,), (y,)))


def test_whether_it_fits_the_board_is_said() -> None:
    assert on_target(unary("RELU"), Wanted(), is_float=True) == ()
    board = load_board("nucleo_g0b1re")
    assert on_target(unary("RELU"), Wanted(board), is_float=True) == ("on nucleo_g0b1re: fits",)
    (said,) = on_target(unary("RELU", 40_000), Wanted(board, "tflm"), is_float=True)
    assert said.startswith("on nucleo_g0b1re: DOES NOT FIT: ")


def test_a_runtime_that_lacks_an_operator_is_an_error_with_the_way_out() -> None:
    """``build --runtime tflm`` was the first to say so, long after the conversion."""
    assert on_target(tiled(), Wanted(), is_float=True) == ()
    with pytest.raises(UnsupportedOps, match=r"TILE 'y'(?s:.*)hint: --runtime aot runs it"):
        on_target(tiled(), Wanted(runtime="tflm"), is_float=True)


def test_what_no_runtime_runs_is_refused() -> None:
    with pytest.raises(UnsupportedOps, match=r"SIGN 'y'(?s:.*)hint: replace the layers"):
        on_target(unary("SIGN"), Wanted(), is_float=False)
    (said,) = on_target(unary("SIGN"), Wanted(), is_float=True)
    assert said.startswith("no runtime builds it, because of SIGN 'y'")
