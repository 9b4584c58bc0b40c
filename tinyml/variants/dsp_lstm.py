"""UNIDIRECTIONAL_SEQUENCE_LSTM for cores with DSP instructions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tinyml.ir.dtype import INT32
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Struct
from tinyml.ops import unidirectional_sequence_lstm as lstm
from tinyml.ops.lstm_layer import GATES, LstmLayer
from tinyml.ops.lstm_walk import STATES, extent
from tinyml.ops.weighted import RIGHT_SHIFT_LIMIT, WeightedSum
from tinyml.variants import Variant
from tinyml.variants.dsp_streams import (
    SUMS,
    WIDE_SUMS,
    Form,
    fits_packed,
    group_words,
    quad_stream,
    stream_order,
    unrolled,
)


@dataclass(frozen=True, slots=True)
class _Row:
    """One of the two rows that the gates sum over."""

    struct: Struct
    weights: Constant
    factors: NDArray[np.int64]  # of the four gates, as the kernel wants them
    widened_words: int
    instructions: int  # of all sums over it


_UNIT = 135  # instructions of a unit besides its gates
_STEP = 100  # around all units
_GATES = 41  # of a unit over one row, besides the steps


def lower(op: Op, graph: Graph, numbers: LstmLayer, *, is_wide: bool = False) -> KernelCall | str:
    """A call of ``tml_dsp_unidirectional_sequence_lstm_s8``.

    ``is_wide``: weights of 16 bits, which take fewer instructions, where bytes would do.
    """
    plain = lstm.lower(op, graph, numbers)
    if not all(_is_exact(part) for part in (numbers.inputs, numbers.hidden)):
        return "a sum before a gate may reach 2^30 when it is shifted to the left"
    rows = [_row(part, is_wide) for part in (numbers.inputs, numbers.hidden)]
    pairs = zip(rows, ("input_weights", "output_weights"), strict=True)
    streams = tuple(replace(row.weights, name=name) for row, name in pairs)
    runs = lstm.macs(op, graph) // (GATES * (numbers.features + numbers.units) * numbers.units)
    per_step = _STEP + sum(row.instructions for row in rows) + _UNIT * numbers.units
    scratch = sum(row.widened_words for row in rows) + 2 * numbers.units
    constants = (*streams, _factors(rows), lstm.table_constant())
    return replace(
        plain,
        function="tml_dsp_unidirectional_sequence_lstm_s8",
        header="kernels/dsp/unidirectional_sequence_lstm_s8.h",
        params=Struct(
            "tml_dsp_lstm_params",
            (
                ("input", rows[0].struct),
                ("output", rows[1].struct),
                ("layer", plain.params),
            ),
        ),
        arguments=(
            Arg("input", 0),
            *(Arg("constant", constant=item.name) for item in constants),
            *STATES,
            Arg("output", 0),
            Arg("scratch", dtype=INT32),
        ),
        constants=constants,
        scratch_bytes=4 * scratch,
        cost=Cost(runs * per_step),
        isa="dsp",
    )


def _factors(rows: list[_Row]) -> Constant:
    factors = np.concatenate([row.factors for row in rows]).astype(np.int32)
    return Constant("factors", factors, "M C n l s of each gate, over both rows")


def _is_exact(part: WeightedSum) -> bool:
    """Whether twice each sum, shifted to the left as its factor says, fits 32 bits."""
    low, high = part.sum_bounds
    reach = np.maximum(-low, high) << np.maximum(part.shift, 0)
    return bool(reach.max() < RIGHT_SHIFT_LIMIT)


def _row(part: WeightedSum, is_wide: bool) -> _Row:
    kind = SUMS if fits_packed(part) and not is_wide else WIDE_SUMS
    multiplier, shift = part.multiplier[:GATES], part.c_shift()[:GATES]
    filters, features = part.weights.shape
    form = Form(kind, 0, part.weights, part.folded_bias(), np.zeros((filters, 0), np.int64))
    order = stream_order(1, features, 8)
    taps = len(order)
    loops, entry = unrolled(taps // 8, 4, 84 if form.is_wide else 108)
    steps = (21 if form.is_wide else 27) * (taps // 8) + 3 * loops
    struct = Struct(
        "tml_dsp_lstm_row",
        (
            ("features", features),
            ("words", taps // 2),
            ("entry", entry),
            ("group_words", group_words(form, taps, GATES)),
            ("is_wide", form.is_wide),
            ("shifts_left", bool(shift.max() >= 0)),
        ),
    )
    each = steps + _GATES + (6 if form.is_wide else 8 if shift.max() >= 0 else 0)
    instructions = 40 + 6 * (features // 4) + filters // GATES * each
    right = np.maximum(-shift, 0)
    rounding = np.where(right > 0, 1 << np.maximum(right - 1, 0), 0)
    left = np.maximum(shift, 0)
    factors = np.stack((multiplier, rounding, right, left, np.where(right > 0, -1, 0)), axis=1)
    stream = quad_stream(form, order)
    return _Row(struct, stream, factors.reshape(-1), taps // 2, instructions)


EXTENTS = {"tml_dsp_lstm_params": lambda f: extent(f["layer"])}

VARIANTS = (
    Variant("dsp/lstm", "UNIDIRECTIONAL_SEQUENCE_LSTM", "s8", "dsp", lower),
    Variant(
        "dsp/lstm_wide",
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        "s8",
        "dsp",
        partial(lower, is_wide=True),
    ),
)
