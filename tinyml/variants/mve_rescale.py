"""What the Helium kernels share: when their rescaling is exact, and how they want constants.

``firmware/kernels/mve/rescale.h`` rescales vectors of four channels. Its first step is the
reference's. Its second rounds halves up where the reference rounds them away from zero: for a
negative value ``v`` and a right shift by ``n >= 1``, ``round_half_away(v / 2**n)`` is the floor of
``(v - 1 + 2**(n - 1)) / 2**n``, so one is taken off first. It need not be where a negative value
ends at the lower bound either way: both roundings give 0 or less, and with the zero point added
that is not above the bound.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tinyml.ir.kernel import Constant, Struct
from tinyml.ops.common import clamp_struct
from tinyml.ops.weighted import WeightedSum

IntArray = NDArray[np.int64]

LANES = 16  # bytes of a vector
_FOURS = ((0, 4, 8, 12), (2, 6, 10, 14), (1, 5, 9, 13), (3, 7, 11, 15))  # rescale.h's picture


def why_not_rescaled(numbers: WeightedSum) -> str | None:
    """Why rescale.h would not be exact."""
    if bool(np.all(numbers.c_shift() <= 0)):
        return None
    return "a channel's rescaling shifts to the left"


def adds_sign(zero_point: int, bounds: tuple[int, int]) -> bool:
    """Whether halves of negative values can be seen in the output."""
    return bounds[0] < zero_point


def rescale_struct(zero_point: int, bounds: tuple[int, int]) -> Struct:
    """A ``tml_mve_rescale_params``."""
    return Struct(
        "tml_mve_rescale_params",
        (
            ("adds_sign", adds_sign(zero_point, bounds)),
            ("output_offset", zero_point),
            ("clamp", clamp_struct(bounds)),
        ),
    )


def lane_order(channels: int, *, plain: bool = False) -> IntArray:
    """The channel of each lane, in vectors of four; -1 where there is none."""
    whole = 0 if plain else channels // LANES * LANES
    sixteens = (np.array(_FOURS) + first for first in range(0, whole, LANES))
    order = np.concatenate([*(item.reshape(-1) for item in sixteens), np.arange(whole, channels)])
    filled = np.full(-(-channels // 4) * 4, -1, np.int64)
    filled[:channels] = order
    return filled


def scales_constant(numbers: WeightedSum, order: IntArray) -> Constant:
    """Bias, multiplier and shift of every four channels."""
    columns: Sequence[IntArray] = (numbers.folded_bias(), numbers.multiplier, numbers.c_shift())
    rows = [np.where(order < 0, 0, column[order]).reshape(-1, 4) for column in columns]
    return Constant(
        "scales",
        np.stack(rows, axis=1).reshape(-1).astype(np.int32),
        "per four channels: bias - input zero point * sum of weights, multiplier, shift",
    )
