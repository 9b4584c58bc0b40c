"""A model for an application that has none yet: one layer, so that everything builds and runs."""

from __future__ import annotations

import numpy as np

from tinyml.ir.dtype import INT8, INT32
from tinyml.ir.graph import Graph, Op, Quant, Source, Tensor
from tinyml.model.writer import write
from tinyml.ops.fully_connected import FULLY_CONNECTED, FullyConnectedAttrs

INPUTS, OUTPUTS = 4, 2
STEP = 1 / 128  # scale of inputs and weights


def starter_model() -> bytes:
    """y = Wx for four inputs and two outputs, int8, as a .tflite file."""
    weights = np.array([[64, 64, 0, 0], [0, 0, 64, 64]], np.int8)
    bias = np.zeros(OUTPUTS, np.int32)
    for array in (weights, bias):
        array.setflags(write=False)
    quant = Quant((STEP,), (0,))
    tensors = (
        Tensor("input", INT8, (1, INPUTS), quant),
        Tensor("weights", INT8, (OUTPUTS, INPUTS), quant, weights),
        Tensor("bias", INT32, (OUTPUTS,), Quant((STEP * STEP,), (0,)), bias),
        Tensor("output", INT8, (1, OUTPUTS), quant),
    )
    op = Op(FULLY_CONNECTED, "output", (0, 1, 2), (3,), FullyConnectedAttrs())
    return write(Graph("model", Source("model.tflite", "", 0), tensors, (op,), (0,), (3,)))
