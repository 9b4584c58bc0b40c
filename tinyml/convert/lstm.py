"""UNIDIRECTIONAL_SEQUENCE_LSTM in integers: 8-bit values and weights, a 16-bit cell.

The kernels of TensorFlow Lite Micro fix all inner scales but the cell's, which must be a power of
two. The float kernel does not show the cell at every step, so its range comes from the same steps
computed here on the samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, log2

import numpy as np

from tinyml.convert.weights import (
    constant,
    product_scales,
    quantised_bias,
    quantised_weights,
    weight_quant,
)
from tinyml.ir.dtype import INT8, INT16
from tinyml.ir.graph import Array, Graph, Op, Quant, Tensor

INPUT_WEIGHTS = (1, 2, 3, 4)  # operands, in the order input, forget, cell, output gate
RECURRENT_WEIGHTS = (5, 6, 7, 8)
BIASES = (12, 13, 14, 15)
HIDDEN, CELL = 18, 19
_ABSENT = (9, 10, 11, 16, 17, 20, 21, 22, 23)  # peepholes, projection, layer normalisation
_TANH = 4  # ActivationFunctionType
_GATE_SCALE = 2.0**-12  # of the sums before each gate, int16


@dataclass(frozen=True, slots=True)
class LstmTensors:
    """The operands of the integer op but input and output, by position; and its intermediates."""

    operands: dict[int, Tensor]
    intermediates: tuple[Tensor, ...]


def problem(op: Op) -> str | None:
    """What the integer kernel does not know of this layer; None when it knows all of it."""
    held = [k for k in _ABSENT if k < len(op.inputs) and op.inputs[k] >= 0]
    if held:
        return "peepholes, a projection or layer normalisation"
    if op.attrs.get("FusedActivationFunction") != _TANH:
        return "another activation than tanh"
    if any(op.inputs[k] < 0 for k in (*INPUT_WEIGHTS, *RECURRENT_WEIGHTS, *BIASES)):
        return "a missing gate"
    return None


def cell_peak(op: Op, graph: Graph, inputs: Sequence[Array]) -> float:
    """The largest magnitude of the cell over all steps of all samples."""
    into, back, bias = (
        [np.asarray(graph.tensors[op.inputs[k]].data, np.float64) for k in positions]
        for positions in (INPUT_WEIGHTS, RECURRENT_WEIGHTS, BIASES)
    )
    peak = 0.0
    for value in inputs:
        steps = value if op.attrs.get("TimeMajor") else np.swapaxes(value, 0, 1)
        hidden = cell = np.zeros((steps.shape[1], len(bias[0])))
        for step in steps.astype(np.float64):
            sums = [step @ w.T + hidden @ r.T + b for w, r, b in zip(into, back, bias, strict=True)]
            first, forget, output = (1 / (1 + np.exp(-sums[k])) for k in (0, 1, 3))
            cell = forget * cell + first * np.tanh(sums[2])
            hidden = output * np.tanh(cell)
            peak = max(peak, float(np.abs(cell).max()))
    return peak


def lstm_tensors(op: Op, graph: Graph, scales: tuple[Quant, Quant], peak: float) -> LstmTensors:
    """The constants and states of the integer op; ``scales`` are those of input and output."""
    given, made = scales
    operands: dict[int, Tensor] = {}
    for position in (*INPUT_WEIGHTS, *RECURRENT_WEIGHTS):
        weights = replace(graph.tensors[op.inputs[position]], quant=None)
        quant = weight_quant(weights, 0, per_channel=False)
        operands[position] = quantised_weights(weights, quant)
    for position, gate in zip(BIASES, INPUT_WEIGHTS, strict=True):
        bias = graph.tensors[op.inputs[position]]
        held = operands[gate].quant
        assert bias.data is not None
        assert held is not None
        products = product_scales(given.scale, held)
        operands[position] = quantised_bias(bias.name, bias.data, products, 8)
    units = operands[RECURRENT_WEIGHTS[0]].shape[1]
    cell = Quant((2.0 ** ceil(log2(max(peak, 2.0**-10) / 32767)),), (0,))
    operands[HIDDEN] = replace(
        constant("hidden", np.zeros((1, units), np.int8), made), name=f"{op.name}/hidden"
    )
    operands[CELL] = replace(
        constant("cell", np.zeros((1, units), np.int16), cell), name=f"{op.name}/cell"
    )
    gates = tuple(
        Tensor(f"{op.name}/gate{k}", INT16, (), Quant((_GATE_SCALE,), (0,))) for k in range(4)
    )
    return LstmTensors(operands, (*gates, Tensor(f"{op.name}/state", INT8, (), made)))
