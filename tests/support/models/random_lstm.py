"""Random LSTM layers: scales from gates that barely move to gates that are all saturated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.support.models.random_parts import Rng, activations, one_op
from tinyml.ir.dtype import FLOAT32, INT16, dtype_of
from tinyml.ir.graph import Graph, Quant, Tensor
from tinyml.ops.lstm_constraints import (
    BIASES,
    CELL,
    HIDDEN,
    INPUT_WEIGHTS,
    OPERANDS,
    RECURRENT_WEIGHTS,
)
from tinyml.ops.unidirectional_sequence_lstm import LstmAttrs


def random_lstm(rng: Rng, *, is_wide: bool = False) -> Graph:
    """A graph of one op, small enough that many of them fit an image; of int8 or int16 values."""
    batches, steps, units = (int(rng.integers(1, most)) for most in (3, 6, 12))
    features = int(rng.choice((1, 2, 3, 4, 5, 7, 8, 12, 17, 24, 33)))
    attrs = LstmAttrs(
        cell_clip=float(rng.choice((0.0, 0.0, 0.1, 1.0, 10.0))),
        time_major=bool(rng.random() < 0.3),
    )
    order = (steps, batches) if attrs.time_major else (batches, steps)
    given = activations("x", (*order, features), rng, 2.0 ** rng.uniform(-10, -2))
    hidden = activations("hidden", (batches, units), rng, 2.0 ** rng.uniform(-9, -5))
    if is_wide:
        given, hidden = _wide(given, 2.0 ** rng.uniform(-16, -12)), _wide(hidden, 2.0**-15)
    power = Quant((2.0 ** int(rng.integers(-16, -7)),), (0,))
    operands = {
        0: given,
        HIDDEN: replace(hidden, is_variable=True),
        CELL: Tensor("cell", INT16, (batches, units), power, None, True),
    }
    size = rng.uniform(-10, -4)
    lowest = -128 if rng.random() < 0.2 else -127
    for k in (*INPUT_WEIGHTS, *RECURRENT_WEIGHTS):
        columns = features if k in INPUT_WEIGHTS else units
        scale = float(np.float32(2.0 ** (size + rng.uniform(-1, 1))))
        data = rng.integers(lowest, 128, (units, columns)).astype(np.int8)
        operands[k] = _constant(f"w{k}", data, scale)
    for k in BIASES:
        data = rng.integers(-9000, 9000, units).astype(np.int64 if is_wide else np.int32)
        operands[k] = _constant(f"b{k}", data, 1e-4)
    made = Tensor("y", hidden.dtype, (), hidden.quant)
    numbers = {k: number for number, k in enumerate(sorted(operands))}
    graph = one_op(
        "UNIDIRECTIONAL_SEQUENCE_LSTM", attrs, tuple(operands[k] for k in sorted(operands)), made
    )
    (op,) = graph.ops
    inputs = tuple(numbers.get(k, -1) for k in range(OPERANDS))
    return replace(graph, ops=(replace(op, inputs=inputs),))


def random_float_lstm(rng: Rng) -> Graph:
    """The same layers of float32 values."""
    graph = random_lstm(rng)
    largest = rng.choice((0.3, 1.0, 5.0))

    def floats(tensor: Tensor) -> Tensor:
        made = replace(tensor, dtype=FLOAT32, quant=None)
        if tensor.data is None:
            return made
        data = rng.uniform(-largest, largest, tensor.shape).astype(np.float32)
        data.flags.writeable = False
        return replace(made, data=data)

    return replace(graph, tensors=tuple(map(floats, graph.tensors)))


def _wide(tensor: Tensor, scale: float) -> Tensor:
    return replace(tensor, dtype=INT16, quant=Quant((float(np.float32(scale)),), (0,)))


def _constant(name: str, data: np.ndarray, scale: float) -> Tensor:  # type: ignore[type-arg]
    data.flags.writeable = False
    return Tensor(name, dtype_of(data.dtype), data.shape, Quant((scale,), (0,)), data)
