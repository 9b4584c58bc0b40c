"""What the DSP kernels for int16 values share: how sums become outputs, and streams of weights.

The layouts of the streams are described in firmware/kernels/dsp/gemm_block_s16.h and
row_block_s16.h.

Proofs of the forms. The reference maps a sum ``a`` of 64 bits to
``floor((a * m + 2**(S - 1)) / 2**S)``, m of 15 bits, and cuts that
(``tinyml.ir.fixedpoint.multiply_wide``). For any k this is ``floor((a * M + R) / 2**(S + k))`` with
``M = m * 2**k`` and ``R = 2**(S + k - 1)``.

``ONCE``     S + k = 32: what SMMULR gives, the upper word of ``a * M + 2**31``.
``SHIFTED``  S + k = 32 + n, n >= 1: R is a multiple of 2**32, so that it can be added to the upper
             word of ``a * M``, and a floor of a floor is the floor of the whole: SMMLA, a shift.
``LONG``     the same two with ``a`` of 64 bits.
``TWICE``    for sums of 32 bits, which the reference rounds twice: see ``tinyml.ir.requant``.

The output's zero point is 0 (a demand of the form s16), so cutting is SSAT or, after a ReLU, USAT.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinyml.ir.dtype import INT16, INT64
from tinyml.ir.fixedpoint import wide_factor
from tinyml.ir.kernel import Constant, Struct
from tinyml.ops.common import clamp_struct
from tinyml.ops.weighted import RIGHT_SHIFT_LIMIT, WeightedSum

IntArray = NDArray[np.int64]

ONCE, SHIFTED, TWICE, LONG = range(4)  # as in gemm_run_s16.h
FORM_NAMES = ("rounded once", "rounded once, shifted", "rounded twice", "64-bit sums")
_BLOCKS = ("once", "shifted", "twice", "long")
_WORD = 32
_MOST_LEFT = 16  # 15 bits become 31
_SUM_LIMIT = 1 << 31


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """The arithmetic of a layer, with its constants; one row or element per output channel."""

    kind: int  # ONCE ..
    weights: IntArray  # [channels, taps]
    bias: IntArray  # [channels]
    constants: IntArray  # [channels, 1, 3 or 4] for the epilogue
    bounds: tuple[int, int]  # of the outputs
    is_wide: bool = False  # weights have 16 bits in flash

    @property
    def is_long(self) -> bool:
        """Whether sums have 64 bits."""
        return self.kind == LONG

    @property
    def is_relu(self) -> bool:
        """Whether the block cuts outputs at 0."""
        return self.bounds[0] == 0

    @property
    def is_clamped(self) -> bool:
        """Whether outputs are cut further than the block does it."""
        return self.bounds[1] != INT16.limits[1] or self.bounds[0] not in (0, INT16.limits[0])

    @property
    def multiple(self) -> int:
        """What taps are filled up to for the matrix blocks."""
        return 4 if self.is_long else 2

    @property
    def block(self) -> str:
        """What follows ``tml_dsp_gemm_s16_`` or ``_row_s16_`` in the name of its block."""
        width = "wide_" if self.is_wide else ""
        return f"{width}{_BLOCKS[self.kind]}{'_relu' if self.is_relu else ''}"

    @property
    def name(self) -> str:
        """For the report."""
        return FORM_NAMES[self.kind] + (", 16-bit weights" if self.is_wide else "")

    def struct(self, loop: tuple[int, int], group_words: int) -> Struct:
        """Its ``tml_dsp_gemm_s16_params``; ``loop``: its passes, and bytes that the first skips."""
        return Struct(
            "tml_dsp_gemm_s16_params",
            (
                ("form", self.kind),
                ("is_wide", self.is_wide),
                ("is_relu", self.is_relu),
                ("is_clamped", self.is_clamped),
                ("out_channels", len(self.weights)),
                ("loops", loop[0]),
                ("entry", loop[1]),
                ("group_words", group_words),
                ("clamp", clamp_struct(self.bounds)),
            ),
        )


def choose_form(layer: WeightedSum) -> Form | str:
    """The fastest form that is exact for the layer, or why there is none."""
    found = _constants_of_64(layer) if layer.sum_dtype == INT64 else _constants_of_32(layer)
    if isinstance(found, str):
        return found
    kind, constants = found
    return Form(kind, layer.weights, layer.bias, constants, layer.bounds)


def sums_fit(layer: WeightedSum, limit: int = _SUM_LIMIT) -> bool:
    """Whether every sum, partial ones too, lies in [-limit, limit) for every input."""
    low, high = layer.sum_bounds
    return bool(np.all(low >= -limit) and np.all(high < limit))


def wide_factors(layer: WeightedSum) -> tuple[IntArray, IntArray]:
    """m and S of each channel; a factor of 0 gives 0 with any S."""
    pairs = zip(layer.multiplier.tolist(), layer.shift.tolist(), strict=True)
    factor, right = np.array([wide_factor(*pair) for pair in pairs], np.int64).T
    return factor, np.where(factor == 0, _WORD, right)


def shifted_constants(layer: WeightedSum) -> tuple[IntArray, IntArray] | None:
    """M and n of ``SHIFTED`` for each channel, where every factor is below a quarter."""
    factor, right = wide_factors(layer)
    if np.any(right <= _WORD - _MOST_LEFT):
        return None
    shift = np.maximum(right - _WORD, 1)
    return factor << (shift + _WORD - right), shift


def _constants_of_64(layer: WeightedSum) -> tuple[int, IntArray] | str:
    factor, right = wide_factors(layer)
    if np.any(right < _WORD - _MOST_LEFT):
        return "a factor is a half or more"
    if sums_fit(layer):
        if np.all(right <= _WORD):
            return ONCE, (factor << (_WORD - right))[:, None]
        shifted = shifted_constants(layer)
        if shifted is not None:
            moved, shift = shifted
            return SHIFTED, np.stack((moved, np.int64(1) << (shift - 1), shift), axis=1)
    is_once = right <= _WORD
    shift = np.where(is_once, 0, right - _WORD)
    moved = factor << np.maximum(_WORD - right, 0)
    low = np.where(is_once, np.int64(1) << 31, 0)
    high = np.where(is_once, 0, (np.int64(1) << shift) >> 1)
    return LONG, np.stack((moved, low, high, shift), axis=1)


def _constants_of_32(layer: WeightedSum) -> tuple[int, IntArray] | str:
    if not sums_fit(layer, RIGHT_SHIFT_LIMIT) or not np.all(layer.c_shift() < 0):
        return "sums of 32 bits are 2^30 or more, or a factor is a half or more"
    shift = -layer.c_shift()
    return TWICE, np.stack((layer.multiplier, np.int64(1) << (shift - 1), shift), axis=1)


def tap_order(segments: int, length: int, multiple: int) -> IntArray:
    """The taps in the order in which windows are gathered; -1 where a zero fills up.

    ``segments`` runs of ``length`` taps are contiguous in the input: first the whole words of all
    segments, then the last of each that has an odd one.
    """
    taps = np.arange(segments * length, dtype=np.int64).reshape(segments, length)
    whole = length // 2 * 2
    order = np.concatenate((taps[:, :whole].reshape(-1), taps[:, whole:].reshape(-1)))
    return np.concatenate((order, np.full(-len(order) % multiple, -1, np.int64)))


def matrix_stream(form: Form, order: IntArray) -> Constant:
    """Weights for gemm_block_s16.h: per two filters (long sums: one) biases, weights, constants."""
    return _stream(form, order, 1 if form.is_long else 2)


def row_stream(form: Form, order: IntArray) -> Constant:
    """Weights for row_block_s16.h: the same per four filters (long sums: two)."""
    return _stream(form, order, row_group(form))


def row_group(form: Form) -> int:
    """Filters that a block for one row computes at a time."""
    return 2 if form.is_long else 4


def group_words(form: Form, taps: int, group: int) -> int:
    """Words of a stream per group of filters, for a number of taps already filled up."""
    besides = (2 if form.is_long else 1) + int(form.constants.shape[1])
    return group * besides + group * taps // (2 if form.is_wide else 4)


def _stream(form: Form, order: IntArray, group: int) -> Constant:
    rows = np.concatenate((form.weights, np.zeros((len(form.weights), 1), np.int64)), axis=1)
    rows = pad_rows(rows[:, order], group).reshape(-1, group, len(order))
    blocks = len(rows)
    bias = pad_rows(form.bias[:, None], group).astype(np.int64 if form.is_long else np.int32)
    constants = pad_rows(form.constants, group).astype(np.uint32)
    parts = (bias, _weight_bytes(form, rows), constants)
    words = [np.ascontiguousarray(part).reshape(blocks, -1).view(np.int32) for part in parts]
    width = 16 if form.is_wide else 8
    return Constant(
        "weights",
        np.concatenate(words, axis=1).reshape(-1),
        f"per {('filter', 'two filters', '', 'four filters')[group - 1]}: biases, "
        f"{width}-bit weights, rescaling",
    )


def _weight_bytes(form: Form, rows: IntArray) -> NDArray[np.int8] | NDArray[np.int16]:
    """Weights [blocks, filters, taps] in the order of a stream."""
    blocks, group, taps = rows.shape
    if form.is_long:
        fours = rows.reshape(blocks, group, taps // 4, 4)[..., (0, 2, 1, 3)]
        return fours.transpose(0, 2, 1, 3).astype(np.int8)
    if form.is_wide:
        return rows.reshape(blocks, group, taps // 2, 2).transpose(0, 2, 1, 3).astype(np.int16)
    pairs = rows.reshape(blocks, group // 2, 2, taps // 2, 2)
    return pairs.transpose(0, 3, 1, 4, 2).astype(np.int8)


def pad_rows(rows: IntArray, multiple: int) -> IntArray:
    """With rows of 0 up to a multiple."""
    missing = -len(rows) % multiple
    return np.concatenate((rows, np.zeros((missing, rows.shape[1]), np.int64)))
