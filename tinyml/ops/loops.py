"""Two operands with broadcasting as the fewest nested loops over the output."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

MAX_RANK = 4


@dataclass(frozen=True, slots=True)
class Loops:
    """Nested loops over the output, outermost first, at least ``MAX_RANK`` of them.

    In each step of loop ``i`` the position in operand ``k`` advances by ``steps[k][i]`` elements;
    the output is written in order.
    """

    counts: tuple[int, ...]
    steps: tuple[tuple[int, ...], tuple[int, ...]]


def broadcast_loops(a: tuple[int, ...], b: tuple[int, ...]) -> Loops:
    """The fewest loops that visit the broadcast of two shapes."""
    shape = np.broadcast_shapes(a, b)
    merged: list[tuple[int, int, int]] = []  # count and steps, innermost first
    strides = [_strides(shape_in, shape) for shape_in in (a, b)]
    for count, step_a, step_b in reversed(list(zip(shape, *strides, strict=True))):
        if count == 1:
            continue
        if merged:
            inner, inner_a, inner_b = merged[-1]
            if (step_a, step_b) == (inner * inner_a, inner * inner_b):
                merged[-1] = (inner * count, inner_a, inner_b)
                continue
        merged.append((count, step_a, step_b))
    padded = [(1, 0, 0)] * (MAX_RANK - len(merged)) + merged[::-1]
    counts, steps_a, steps_b = zip(*padded, strict=True)
    return Loops(counts, (steps_a, steps_b))


def _strides(shape: tuple[int, ...], out: tuple[int, ...]) -> list[int]:
    full = (1,) * (len(out) - len(shape)) + shape
    return [0 if full[i] == 1 else math.prod(full[i + 1 :]) for i in range(len(full))]
