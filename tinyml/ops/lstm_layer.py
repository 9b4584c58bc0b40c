"""The numbers of an LSTM layer, and one step of it in integers.

The sums before the gates have 12 fraction bits, the gates 15, the cell a power of two.
Source: TensorFlow Lite Micro, lstm_eval.h, lstm_eval_common.cc.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinyml.ir.dtype import INT8, INT32, INT64
from tinyml.ir.fixedpoint import multiply_by_quantized_multiplier, quantize_multiplier
from tinyml.ir.gates import sigmoid_16, tanh_16
from tinyml.ir.graph import Array, Graph, Op, Quant
from tinyml.ops.common import channel_factors, quant_of
from tinyml.ops.lstm_constraints import (
    BIASES,
    CELL,
    HIDDEN,
    INPUT_WEIGHTS,
    RECURRENT_WEIGHTS,
    cell_power,
)
from tinyml.ops.weighted import WeightedSum

IntArray = NDArray[np.int64]
GATES = 4  # input, forget, new value, output
INT16 = (-(1 << 15), (1 << 15) - 1)
_GATE_QUANT = Quant((2.0**-12,), (0,))  # of the sums before each gate
_FORGET = (1 << 30, -14)  # factor 2^-15: gate * cell -> cell


@dataclass(frozen=True, slots=True, eq=False)
class LstmLayer:
    """The numbers of one layer. Rows of both parts: unit, then gate."""

    inputs: WeightedSum  # over the inputs of a step
    hidden: WeightedSum  # over the outputs of the step before
    added: tuple[int, int]  # multiplier and shift: input gate * new value -> cell
    made: tuple[int, int]  # output gate * tanh(cell) -> output
    tanh_shift: int  # of the cell, to the argument of tanh; positive = left
    clip: int  # the cell's largest magnitude; 32768 where it is not clipped

    @property
    def units(self) -> int:
        """Outputs per step."""
        return len(self.hidden.weights) // GATES

    @property
    def features(self) -> int:
        """Inputs per step."""
        return int(self.inputs.weights.shape[1])

    def step(self, x: Array, hidden: Array, cell: IntArray) -> tuple[Array, IntArray]:
        """Output and cell after one step; each [batch, features or units]."""
        sums = np.clip(_gates(self.inputs, x) + _gates(self.hidden, hidden), *INT16)
        first, forget, value, last = np.moveaxis(sums.reshape(len(x), -1, GATES), -1, 0)
        kept = multiply_by_quantized_multiplier(sigmoid_16(forget) * cell, *_FORGET)
        product = sigmoid_16(first) * tanh_16(value, 0)
        added = np.clip(multiply_by_quantized_multiplier(product, *self.added), *INT16)
        cell = np.clip(np.clip(kept + added, *INT16), -self.clip, self.clip)
        product = tanh_16(cell, self.tanh_shift) * sigmoid_16(last)
        made = multiply_by_quantized_multiplier(product, *self.made)
        dtype = self.hidden.dtype
        made = np.clip(made + self.hidden.input_zero_point, *dtype.limits)
        return made.astype(dtype.numpy), cell


def _gates(part: WeightedSum, values: Array) -> IntArray:
    """The part of the gates' arguments that comes from some values; exact in binary64."""
    sums = (values.astype(np.float64) @ part.weights.T.astype(np.float64)).astype(np.int64)
    if part.sum_dtype == INT64:
        return part.outputs(sums + part.bias).astype(np.int64)
    scaled = multiply_by_quantized_multiplier(
        sums + part.folded_bias(), part.multiplier, part.shift
    )
    return np.clip(scaled, *INT16)


def layer(op: Op, graph: Graph) -> LstmLayer:
    """The numbers of a layer."""
    states = [quant_of(graph.tensors[op.inputs[k]]) for k in (HIDDEN, CELL)]
    scale = float(np.float32(states[1].scale))
    clip = min(float(np.float32(op.attrs.cell_clip)) / scale, 32767.0)
    return LstmLayer(
        inputs=_part(op, graph, 0, INPUT_WEIGHTS, BIASES),
        hidden=_part(op, graph, HIDDEN, RECURRENT_WEIGHTS, ()),
        added=quantize_multiplier(2.0**-30 / scale),
        made=quantize_multiplier(2.0**-30 / float(np.float32(states[0].scale))),
        tanh_shift=12 + cell_power(states[1]),
        clip=int(clip) if clip > 0 else 32768,
    )


def _part(
    op: Op, graph: Graph, given: int, weights: Sequence[int], biases: Sequence[int]
) -> WeightedSum:
    tensor = graph.tensors[op.inputs[given]]
    quant, dtype = quant_of(tensor), tensor.dtype
    rows, factors = [], []
    for position in weights:
        tensor = graph.tensors[op.inputs[position]]
        assert tensor.data is not None
        rows.append(tensor.data.astype(np.int64))
        pairs = channel_factors(quant, quant_of(tensor), _GATE_QUANT, len(tensor.data))
        factors.append(np.stack(pairs))
    values = [graph.tensors[op.inputs[position]].data for position in biases]
    bias = np.zeros((GATES, len(rows[0]))) if not values else np.array(values)
    multiplier, shift = np.stack(factors, axis=-1).reshape(2, -1)
    return WeightedSum(
        weights=np.stack(rows, axis=1).reshape(-1, rows[0].shape[1]),
        bias=bias.T.reshape(-1).astype(np.int64),
        multiplier=multiplier,
        shift=shift,
        input_zero_point=quant.zero_point,
        output_zero_point=0,
        bounds=INT16,
        dtype=dtype,
        sum_dtype=INT32 if dtype == INT8 else INT64,
    )
