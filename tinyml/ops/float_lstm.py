"""The form of UNIDIRECTIONAL_SEQUENCE_LSTM for float32: sums in a fixed order, as in C.

Source: TensorFlow Lite Micro, lstm_eval.h, lstm_eval_common.cc.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinyml.ir.dtype import FLOAT32
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Struct, of_elements
from tinyml.ops import float_math
from tinyml.ops.common import result
from tinyml.ops.float_elementwise import LARGEST, constants_are_finite
from tinyml.ops.float_math import Floats, clamp, dot
from tinyml.ops.forms import Form, typed
from tinyml.ops.lstm_constraints import (
    BIASES,
    CELL,
    HIDDEN,
    INPUT,
    INPUT_WEIGHTS,
    RECURRENT_WEIGHTS,
)
from tinyml.ops.lstm_walk import STATES, walk_fields, wide_extent


@dataclass(frozen=True, slots=True, eq=False)
class FloatLstm:
    """The numbers of one layer; gates in the order input, forget, new value, output."""

    inputs: Floats  # [unit, gate, feature]
    hidden: Floats  # [unit, gate, unit of the step before]
    bias: Floats  # [unit, gate]
    clip: float  # the cell's largest magnitude; 0 where it is not clipped

    def step(self, x: Floats, hidden: Floats, cell: Floats) -> tuple[Floats, Floats]:
        """Output and cell after one step; each [batch, features or units]."""
        sums = _finite(dot(x[:, None, None, :], self.inputs) + self.bias)
        gates = sums + _finite(dot(hidden[:, None, None, :], self.hidden))
        first, forget, value, last = np.moveaxis(gates, -1, 0)
        kept = _finite(float_math.logistic(forget) * cell)
        cell = kept + _finite(float_math.logistic(first) * float_math.tanh(value))
        if self.clip > 0:
            cell = clamp(cell, -self.clip, self.clip)
        return _finite(float_math.tanh(cell) * float_math.logistic(last)), cell


def _finite(x: Floats) -> Floats:
    return clamp(x, -LARGEST, LARGEST)


def layer(op: Op, graph: Graph) -> FloatLstm:
    """The numbers of a layer."""

    def stacked(positions: Sequence[int]) -> Floats:
        values = [graph.tensors[op.inputs[position]].data for position in positions]
        return np.stack([np.asarray(value, np.float32) for value in values], axis=1)

    return FloatLstm(
        stacked(INPUT_WEIGHTS),
        stacked(RECURRENT_WEIGHTS),
        stacked(BIASES),
        float(np.float32(op.attrs.cell_clip)),
    )


def run(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Floats, dict[int, Array]]:
    """The output, and the states afterwards by operand."""
    given, hidden, cell = inputs[INPUT], inputs[HIDDEN], inputs[CELL]
    assert given is not None
    assert hidden is not None
    assert cell is not None
    numbers, made = layer(op, graph), []
    with np.errstate(all="ignore"):
        for x in given if op.attrs.time_major else np.swapaxes(given, 0, 1):
            hidden, cell = numbers.step(x, hidden, cell)
            made.append(hidden)
    output = np.stack(made, 0 if op.attrs.time_major else 1)
    return output, {HIDDEN: hidden, CELL: cell}


def _reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    output, states = run(op, graph, inputs)
    return (states[HIDDEN].reshape(result(op, graph).shape) if op.attrs.is_last_only else output,)


def _states(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> dict[int, Array]:
    return run(op, graph, inputs)[1]


def _lower(op: Op, graph: Graph, numbers: FloatLstm) -> KernelCall:
    """A call of ``tml_unidirectional_sequence_lstm_f32``."""
    units, gates, features = numbers.inputs.shape
    clip = min(numbers.clip, LARGEST)
    fields = (
        *walk_fields(op, graph),
        ("is_clipped", clip > 0),
        ("clip", _bounds(clip)),
        ("finite", _bounds(LARGEST)),
    )
    weights = np.concatenate((numbers.inputs, numbers.hidden), axis=2).swapaxes(1, 2)
    constants = (
        Constant("weights", weights.reshape(-1), "unit, input features and then units, gate"),
        Constant("bias", numbers.bias.reshape(-1), "unit, gate"),
    )
    given = graph.tensors[op.inputs[INPUT]]
    made = given.elements // features * units
    call = KernelCall(
        "tml_unidirectional_sequence_lstm_f32",
        "kernels/unidirectional_sequence_lstm/f32.h",
        Struct("tml_lstm_params_f32", fields),
        (
            Arg("input", INPUT),
            *(Arg("constant", constant=item.name) for item in constants),
            *STATES,
            Arg("output", 0),
        ),
        constants,
        cost=Cost(made * (5 * gates * (features + units) + 400)),
    )
    return of_elements(call, 4)


def _bounds(largest: float) -> Struct:
    return Struct("tml_clamp_f32", (("min", -largest), ("max", largest)))


_TYPES = typed(
    input=FLOAT32, weights=FLOAT32, bias=FLOAT32, hidden=FLOAT32, cell=FLOAT32, output=FLOAT32
)
FLOAT_FORM = Form("f32", _TYPES, _reference, _lower, (constants_are_finite,), layer, states=_states)

EXTENTS = {"tml_lstm_params_f32": wide_extent}
