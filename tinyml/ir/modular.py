"""Which multiples of a number fall into an interval modulo another one: exact, without trying."""

from __future__ import annotations

MOST_STEPS = 1 << 16  # of a move; further ones are of no use


def nearest_moves(factor: int, low: int, high: int, centre: int) -> list[int]:
    """The deltas on either side of ``centre`` that are nearest to it, the nearest first.

    For such a delta some integer C has low <= C * 2**32 + delta * factor <= high.
    """
    modulus = 1 << 32
    start = (low - centre * factor) % modulus
    width = high - low
    if start == 0 or start + width >= modulus:
        return [centre]
    found = []
    for sign in (1, -1):
        steps = first_multiple(sign * factor % modulus, modulus, start, start + width)
        if steps is not None and steps <= MOST_STEPS:
            found.append((steps, centre + sign * steps))
    return [move for _, move in sorted(found)]


def first_multiple(factor: int, modulus: int, low: int, high: int) -> int | None:
    """The least n >= 0 with low <= n * factor mod modulus <= high < modulus, if there is any.

    As in Euclid's algorithm: if no multiple below the modulus hits, n * factor = y * modulus + t
    for some t in the interval, so y * modulus mod factor lies in the interval of -t mod factor.
    """
    if low == 0:
        return 0
    if factor == 0:
        return None
    first = -(-low // factor)
    if factor * first <= high:
        return first
    turns = first_multiple(modulus % factor, factor, -high % factor, -low % factor)
    return None if turns is None else -(-(low + modulus * turns) // factor)
