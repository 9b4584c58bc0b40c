"""Multiples in intervals, against trying them all."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tinyml.ir.modular import first_multiple, nearest_moves


@given(st.integers(1, 80), st.data())
def test_first_multiple(modulus: int, data: st.DataObject) -> None:
    factor = data.draw(st.integers(0, modulus - 1))
    low = data.draw(st.integers(0, modulus - 1))
    high = data.draw(st.integers(low, modulus - 1))
    hits = [n for n in range(modulus) if low <= n * factor % modulus <= high]
    assert first_multiple(factor, modulus, low, high) == (hits[0] if hits else None)


@given(st.integers(1, 1 << 40), st.integers(-(1 << 60), 1 << 60), st.integers(0, 1 << 31))
def test_nearest_moves_leave_room_for_a_constant(factor: int, low: int, width: int) -> None:
    for move in nearest_moves(factor, low, low + width, 3):
        constant = -((move * factor - low) >> 32)
        assert low <= (constant << 32) + move * factor <= low + width
