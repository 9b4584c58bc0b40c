"""What the DSP matrix kernels share: the form of a layer's arithmetic and its stream of weights.

A form says how wide weights are in flash and how sums become outputs; ``choose_form`` takes the
fastest one that is proven exact for the layer. The layout of the stream is described in
firmware/kernels/dsp/gemm_block.h and row_block.h.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tinyml.ir.kernel import Constant
from tinyml.ir.requant import Linear, Rescaling, Rounding, solve_linear, solve_rounding
from tinyml.ops.weighted import WeightedSum

IntArray = NDArray[np.int64]

LINEAR, ROUNDING, SUMS, WIDE_ROUNDING, WIDE_SUMS, DIRECT = range(6)  # as in gemm_run.h
FORM_NAMES = ("linear", "rounding", "32-bit sums", "wide, rounding", "wide, 32-bit sums", "direct")
_BLOCKS = ("linear", "rounding", "sums", "wide_rounding", "wide_sums", "direct")

PACKED_SCALE_LOG2 = 8  # packed blocks deliver 256 * sum of every second filter
_DIRECT_SHIFTS = 4, 11  # of the sum as it is, and of 256 * sum
_PACKED_LIMIT = 1 << 23
UNIFORM_WORDS = 3  # M C n in front of the stream; n is the shift of the linear form too
LINEAR_SHIFTS = (11, 12, 10, 9, 8, 13)  # those that have a block


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """The arithmetic of a layer, with its constants; one row or element per output channel."""

    kind: int  # LINEAR ..
    shift: int  # of the linear form, else 0
    weights: IntArray  # [channels, taps]
    bias: IntArray  # [channels], zero point and delta folded in
    constants: IntArray  # [channels, 2 or 3] for the epilogue, [1, 2 or 3] when uniform
    is_uniform: bool = False  # all channels have the same constants, kept once

    @property
    def is_wide(self) -> bool:
        """Whether weights are stored with 16 bits."""
        return self.kind in (WIDE_ROUNDING, WIDE_SUMS)

    @property
    def leaves_sums(self) -> bool:
        """Whether C code rescales the 32-bit sums."""
        return self.kind in (SUMS, WIDE_SUMS)

    @property
    def name(self) -> str:
        """For the report."""
        return FORM_NAMES[self.kind]

    @property
    def block(self) -> str:
        """What follows ``tml_dsp_gemm_``, ``_row_`` or ``_winograd_`` in the name of its block."""
        if self.is_uniform:
            return "uniform" if self.kind == LINEAR else "uniform_rounding"
        return _BLOCKS[self.kind] + (f"_{self.shift}" if self.kind == LINEAR else "")


def rescaling_of(layer: WeightedSum) -> Rescaling:
    """What the layer does with its sums."""
    low, high = layer.sum_bounds
    return Rescaling(
        layer.multiplier, layer.shift, layer.output_zero_point, layer.bounds, low, high
    )


def choose_pair_form(layer: WeightedSum) -> Form:
    """The fastest exact form for gemm_block.h."""
    rescaling = rescaling_of(layer)
    every = np.arange(len(layer.weights))
    first = solve_linear(rescaling.of(every[0::2]), 0, _DIRECT_SHIFTS[:1])
    second = solve_linear(rescaling.of(every[1::2]), PACKED_SCALE_LOG2, _DIRECT_SHIFTS[1:])
    if isinstance(first, str) or isinstance(second, str) or not can_pack(layer.weights):
        return choose_form(layer)
    bias, constants = layer.folded_bias(), np.zeros((len(every), 2), np.int64)
    for lane, solved in enumerate((first, second)):
        bias[lane::2] += solved.delta
        constants[lane::2] = np.stack((solved.multiplier, solved.offset), axis=1)
    return Form(DIRECT, 0, layer.weights, bias, constants)


def choose_form(layer: WeightedSum) -> Form:
    """The fastest exact form without regard to pairs; the last one has no condition."""
    rescaling = rescaling_of(layer)
    linear = solve_linear(rescaling, PACKED_SCALE_LOG2, LINEAR_SHIFTS)
    if isinstance(linear, Linear) and can_pack(layer.weights):
        # The solver has checked 256 * sum for every channel that is not dead.
        return Form(
            LINEAR,
            linear.shift,
            layer.weights,
            layer.folded_bias() + linear.delta,
            np.stack((linear.multiplier, linear.offset), axis=1),
        )
    alive = ~rescaling.is_dead()
    is_small = can_pack(layer.weights) and not np.any(rescaling.reach()[alive] >= _PACKED_LIMIT)
    rounding = solve_rounding(rescaling)
    if isinstance(rounding, Rounding):
        constants = np.stack((rounding.multiplier, rounding.offset, rounding.shift), axis=1)
        kind = ROUNDING if is_small else WIDE_ROUNDING
        return Form(kind, 0, layer.weights, layer.folded_bias(), constants)
    constants = np.stack((layer.multiplier, layer.shift), axis=1)
    kind = SUMS if fits_packed(layer) else WIDE_SUMS
    return Form(kind, 0, layer.weights, layer.folded_bias(), constants)


def choose_uniform_form(layer: WeightedSum) -> Form:
    """As ``choose_form``, with the same constants for all channels where one factor allows that.

    The channels are proven as one whose sums may be any of theirs.
    """
    if not layer.is_uniform or not can_pack(layer.weights):
        return choose_form(layer)
    every = rescaling_of(layer)
    whole = replace(
        every.of(np.zeros(1, np.int64)),
        low=every.low.min(keepdims=True),
        high=every.high.max(keepdims=True),
    )
    linear = solve_linear(whole, PACKED_SCALE_LOG2, LINEAR_SHIFTS)
    bias = layer.folded_bias()
    if isinstance(linear, Linear):
        constants = np.stack((linear.multiplier, linear.offset), axis=1)
        bias = bias + linear.delta
        return Form(LINEAR, linear.shift, layer.weights, bias, constants, is_uniform=True)
    rounding = solve_rounding(whole)
    if isinstance(rounding, Rounding) and int(whole.reach()[0]) < _PACKED_LIMIT:
        constants = np.stack((rounding.multiplier, rounding.offset, rounding.shift), axis=1)
        return Form(ROUNDING, 0, layer.weights, bias, constants, is_uniform=True)
    return choose_form(layer)


def fits_packed(layer: WeightedSum) -> bool:
    """Whether packed blocks deliver every sum of the layer."""
    reach = rescaling_of(layer).reach()
    return can_pack(layer.weights) and not np.any(reach >= _PACKED_LIMIT)


def can_pack(weights: IntArray) -> bool:
    """Whether A + 256 * B fits 16 bits for all weights of each pair of filters."""
    paired = _pad_rows(weights, 2)
    halves = paired[0::2] + 256 * paired[1::2]
    return bool(halves.min() >= -(1 << 15) and halves.max() < 1 << 15)


def stream_order(segments: int, length: int, multiple: int) -> IntArray:
    """The taps in the order in which widened inputs come; -1 where a zero fills up.

    ``segments`` runs of ``length`` taps are contiguous bytes of the input: first the words of all
    segments, each as (0, 2), (1, 3), then what is left of each segment.
    """
    taps = np.arange(segments * length, dtype=np.int64).reshape(segments, length)
    whole = length // 4 * 4
    words = taps[:, :whole].reshape(-1, 4)[:, (0, 2, 1, 3)].reshape(-1)
    order = np.concatenate((words, taps[:, whole:].reshape(-1)))
    return np.concatenate((order, np.full(-len(order) % multiple, -1, np.int64)))


def pair_stream(form: Form, order: IntArray) -> Constant:
    """Weights for gemm_block.h: per pair of filters biases, weights, constants."""
    return _stream(form, order, 2, "two filters")


def quad_stream(form: Form, order: IntArray) -> Constant:
    """Weights for row_block.h: per four filters biases, weights, constants."""
    return _stream(form, order, 4, "four filters")


def _stream(form: Form, order: IntArray, group: int, title: str) -> Constant:
    rows = np.concatenate((form.weights, np.zeros((len(form.weights), 1), np.int64)), axis=1)
    rows = _pad_rows(rows[:, order], group)
    bias = _pad_rows(form.bias[:, None], group)[:, 0]
    constants = _pad_rows(form.constants, group)
    head = np.zeros(0, np.int64)
    if form.is_uniform:
        head = np.zeros(UNIFORM_WORDS, np.int64)
        head[:] = (*form.constants[0, :2], form.shift or form.constants[0, 2])
        constants = np.zeros((len(rows), 0), np.int64)
    if form.is_wide:
        lanes = rows[..., 0::2] & 0xFFFF | rows[..., 1::2] << 16
        first = bias
        taps = lanes.reshape(-1, group, lanes.shape[1])
    else:
        halves = rows[0::2] + 256 * rows[1::2]
        lanes = halves[..., 0::2] & 0xFFFF | halves[..., 1::2] << 16
        first = bias.copy()
        first[1::2] = bias[0::2] + 256 * bias[1::2]
        taps = lanes.reshape(-1, group // 2, lanes.shape[1])
    blocks = len(rows) // group
    parts = (
        first.reshape(blocks, group),
        taps.transpose(0, 2, 1).reshape(blocks, -1),
        constants.reshape(blocks, -1),
    )
    words = np.concatenate((head, np.concatenate(parts, axis=1).reshape(-1)))
    return Constant(
        "weights",
        words.astype(np.uint64).astype(np.uint32).view(np.int32),
        f"per {title}: biases, {'16-bit' if form.is_wide else 'byte-pair'} weights, rescaling",
    )


def _pad_rows(rows: IntArray, multiple: int) -> IntArray:
    missing = -len(rows) % multiple
    return np.concatenate((rows, np.zeros((missing, rows.shape[1]), np.int64)))


def group_words(form: Form, taps: int, group: int) -> int:
    """Words of the stream per group of filters, for a number of taps already filled up."""
    weights = taps * group // (2 if form.is_wide else 4)
    return group + weights + (0 if form.is_uniform else group * int(form.constants.shape[1]))


def unrolled(steps: int, unroll: int, step_bytes: int) -> tuple[int, int]:
    """Passes over an unrolled loop, and the bytes of code that the first pass skips."""
    loops = -(-steps // unroll)
    return loops, (loops * unroll - steps) * step_bytes
