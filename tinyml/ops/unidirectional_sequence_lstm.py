"""UNIDIRECTIONAL_SEQUENCE_LSTM: a recurrent layer of int8 or int16 values with a 16-bit cell,
or of floats.

Source: TensorFlow Lite Micro, unidirectional_sequence_lstm.cc. The two states, the last outputs
("hidden") and the cell, are variables.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinyml.ir.dtype import INT8, INT64
from tinyml.ir.fixedpoint import wide_factor
from tinyml.ir.gates import sigmoid_table
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Struct, Value
from tinyml.ops.common import (
    of_type,
    requant_struct,
    result,
)
from tinyml.ops.float_lstm import FLOAT_FORM
from tinyml.ops.forms import Form
from tinyml.ops.lstm_constraints import (
    CELL,
    COMMON,
    HIDDEN,
    ROLES,
    S8,
    S8_TYPES,
    S16,
    S16_TYPES,
)
from tinyml.ops.lstm_layer import GATES, LstmLayer, layer
from tinyml.ops.lstm_walk import STATES, extent, walk_fields, wide_extent
from tinyml.ops.spec import OpSpec
from tinyml.ops.table import ACTIVATION, Field, Table
from tinyml.ops.traits import State, Steps
from tinyml.ops.weighted import WeightedSum
from tinyml.ops.weighted_constraints import sums_fit


@dataclass(frozen=True, slots=True)
class LstmAttrs:
    """Options of UNIDIRECTIONAL_SEQUENCE_LSTM."""

    fused: str = "TANH"  # of new values and of the cell; only tanh
    cell_clip: float = 0.0  # 0: none
    time_major: bool = False  # [steps, batch, features] in place of [batch, steps, features]
    is_last_only: bool = False  # the output is one step; no file says so, a pass finds out


TABLE = Table(
    "UnidirectionalSequenceLSTMOptions",
    LstmAttrs,
    (
        Field("fused", "FusedActivationFunction", ACTIVATION),
        Field("cell_clip", "CellClip", float),
        Field("time_major", "TimeMajor", bool),
    ),
)


def infer(op: Op, graph: Graph) -> tuple[tuple[int, ...], ...]:
    """The input's batches and steps, and the units of the state."""
    if op.attrs.is_last_only:
        return (result(op, graph).shape,)
    given, hidden = graph.tensors[op.inputs[0]].shape, graph.tensors[op.inputs[HIDDEN]].shape
    return ((*given[:2], hidden[-1]),)


def run(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, dict[int, Array]]:
    """The output, and the states afterwards by operand."""
    given, hidden, cell = inputs[0], inputs[HIDDEN], inputs[CELL]
    assert given is not None
    assert hidden is not None
    assert cell is not None
    numbers, wide = layer(op, graph), cell.astype(np.int64)
    made = []
    for x in given if op.attrs.time_major else np.swapaxes(given, 0, 1):
        hidden, wide = numbers.step(x, hidden, wide)
        made.append(hidden)
    output = np.stack(made, 0 if op.attrs.time_major else 1)
    return output, {HIDDEN: hidden, CELL: wide.astype(np.int16)}


def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The outputs of all steps, or of the last one."""
    output, states = run(op, graph, inputs)
    return (states[HIDDEN].reshape(result(op, graph).shape) if op.attrs.is_last_only else output,)


def states_after(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> dict[int, Array]:
    """The states that the next inference begins with, by operand."""
    return run(op, graph, inputs)[1]


def sums_fit_32_bits(numbers: LstmLayer) -> str | None:
    """No sum before a gate may overflow 32 bits."""
    for part in (numbers.inputs, numbers.hidden):
        low, high = part.sum_bounds
        if low.min() < -(1 << 31) or high.max() >= 1 << 31:
            return f"sums from {low.min()} to {high.max()}"
    return None


def sums_fit_47_bits(numbers: LstmLayer) -> str | None:
    """No sum before a gate may leave the 47 bits that TFLM rescales, or give more than 32."""
    return sums_fit(numbers.inputs) or sums_fit(numbers.hidden)


def macs(op: Op, graph: Graph) -> int:
    """Multiplications with weights, in all steps."""
    batches, steps, features = graph.tensors[op.inputs[0]].shape
    units = graph.tensors[op.inputs[HIDDEN]].shape[-1]
    return batches * steps * GATES * units * (features + units)


def lower(op: Op, graph: Graph, numbers: LstmLayer) -> KernelCall:
    """The plain kernel."""
    parts = (numbers.inputs, numbers.hidden)
    dtype = numbers.inputs.dtype
    factors = [pair for part in parts for pair in _factors(part)]
    fields: tuple[tuple[str, Value], ...] = (
        *walk_fields(op, graph),
        ("multiplier", tuple(multiplier for multiplier, _ in factors)),
        ("shift", tuple(shift for _, shift in factors)),
        ("shifts_right", all(part.shifts_right for part in parts)),
        ("cell", cell_struct(numbers)),
    )
    weights = np.concatenate([part.weights for part in parts], axis=1).astype(np.int8)
    weights = weights.reshape(numbers.units, GATES, -1).swapaxes(1, 2)
    bias = np.stack([part.folded_bias().reshape(-1, GATES) for part in parts], axis=1)
    constants = (
        Constant("weights", weights.reshape(-1), "unit, input features and then units, gate"),
        Constant(
            "bias",
            bias.reshape(-1).astype(numbers.inputs.sum_dtype.numpy),
            "unit, sum over inputs and outputs, gate",
        ),
        table_constant(),
    )
    runs = macs(op, graph) // (GATES * (numbers.features + numbers.units))
    products = GATES * (numbers.features + numbers.units)
    call = KernelCall(
        "tml_unidirectional_sequence_lstm_s8",
        "kernels/unidirectional_sequence_lstm/s8.h",
        Struct("tml_lstm_params" if dtype == INT8 else "tml_lstm_s16_params", fields),
        (
            Arg("input", 0),
            *(Arg("constant", constant=item.name) for item in constants),
            *STATES,
            Arg("output", 0),
        ),
        constants,
        cost=Cost(runs * (3 * products + 345)),
    )
    return call if dtype == INT8 else of_type(call, "s16", dtype)


def _factors(part: WeightedSum) -> list[tuple[int, int]]:
    """Multiplier and shift of each gate as its kernel gets them."""
    pairs = zip(part.multiplier[:GATES].tolist(), part.c_shift()[:GATES].tolist(), strict=True)
    return [wide_factor(*pair) if part.sum_dtype == INT64 else pair for pair in pairs]


def cell_struct(numbers: LstmLayer) -> Struct:
    """A ``tml_lstm_cell``."""
    multiplier, shift = numbers.made
    return Struct(
        "tml_lstm_cell",
        (
            ("tanh_shift", numbers.tanh_shift),
            ("clip", numbers.clip),
            ("input_shift", -numbers.added[1]),  # the multiplier of a power of two is 2^30
            ("output", requant_struct(multiplier, shift if multiplier else -1)),  # 0: right too
            ("output_offset", numbers.hidden.input_zero_point),
        ),
    )


def table_constant() -> Constant:
    """What sigmoid and tanh interpolate in."""
    return Constant("table", sigmoid_table().astype(np.int16), "2^16 * sigmoid(i / 24) - 2^15")


EXTENTS = {"tml_lstm_params": extent, "tml_lstm_s16_params": wide_extent}

OPS = (
    OpSpec(
        kind="UNIDIRECTIONAL_SEQUENCE_LSTM",
        title="recurrent layer; the cell has 16 bits or floats; keeps its state until it is reset",
        traits=(State((HIDDEN, CELL)), Steps()),
        table=TABLE,
        inputs=ROLES,
        constraints=COMMON,
        infer=infer,
        macs=macs,
        forms=(
            Form("s8", S8_TYPES, reference, lower, S8, layer, (sums_fit_32_bits,), states_after),
            Form("s16", S16_TYPES, reference, lower, S16, layer, (sums_fit_47_bits,), states_after),
            FLOAT_FORM,
        ),
    ),
)
