"""The sigmoid and tanh of 16-bit values, and the table between whose entries both interpolate.

Source: TensorFlow Lite, reference_integer_ops Logistic and Tanh for int16. Both are odd about their
middle, so the table covers arguments from 0 on: entry i is sigmoid(i / 24). Here its entries are
less the middle, and what remains is interpolated; that gives the same integers.
"""

from __future__ import annotations

import numpy as np

from tinyml.ir.fixedpoint import IntArray

ENTRIES = 256  # of the table
SATURATED = 32767  # tanh, beyond the table
_ONE_HIGHER = (  # entries that are one above the nearest integer, as found in TensorFlow Lite
    *(4, 8, 12, 14, 15, 16, 17, 19, 20, 21, 22, 25, 27, 28, 29, 30, 31, 33, 34, 35, 37, 39),
    *(40, 41, 43, 44, 45, 46, 49, 50, 54, 62, 63, 64, 66, 82, 86, 93, 100, 103, 112, 116),
    *(135, 255),
)


def sigmoid_table() -> IntArray:
    """2^16 * sigmoid(i / 24) - 2^15, rounded, and two entries more: what tanh is beyond."""
    exact = 65536.0 / (1.0 + np.exp(np.arange(ENTRIES) / -24.0)) - 32768.0
    found = np.rint(exact).astype(np.int64)
    found[list(_ONE_HIGHER)] += 1
    return np.append(found, (SATURATED, SATURATED))


def sigmoid_16(x: IntArray) -> IntArray:
    """sigmoid(x / 2^12) in units of 2^-15."""
    inner = _interpolated(np.abs(x) * 3, 9)
    return (np.where(x < 0, ~inner, inner) + (1 << 24) + (1 << 9)) >> 10


def tanh_16(x: IntArray, left_shift: int) -> IntArray:
    """tanh(x * 2^left_shift / 2^12) in units of 2^-15; left_shift may be negative."""
    if left_shift < 0:
        argument = (x * 3 + (1 << (-left_shift - 1))) >> -left_shift
    else:
        argument = x * (3 << left_shift)
    return tanh_of(argument)


def logistic_of(argument: IntArray) -> IntArray:
    """sigmoid(argument / (3 * 2^12)) in units of 2^-15; beyond the table one below tanh."""
    size = np.abs(argument)
    inner = np.where(size >= (ENTRIES - 1) << 9, (SATURATED - 1) << 9, _interpolated(size, 9))
    return (np.where(argument < 0, ~inner, inner) + (1 << 24) + (1 << 9)) >> 10


def tanh_of(argument: IntArray) -> IntArray:
    """tanh(argument / (3 * 2^12)) in units of 2^-15."""
    inner = _interpolated(np.abs(argument), 8)
    return (np.where(argument < 0, ~inner, inner) + (1 << 7)) >> 8


def _interpolated(argument: IntArray, bits: int) -> IntArray:
    """2^bits times the table at ``argument`` / 2^bits."""
    table = sigmoid_table()
    beyond = (ENTRIES - 1) << bits
    argument = np.where(argument >= beyond, ENTRIES << bits, argument)
    index, rest = argument >> bits, argument & ((1 << bits) - 1)
    found: IntArray = table[index] * ((1 << bits) - rest) + table[index + 1] * rest
    return found
