"""An ONNX LSTM with the usual functions as one UNIDIRECTIONAL_SEQUENCE_LSTM per direction.

Backwards, the layer gets its steps in reverse order, and so do those behind it.
"""

from __future__ import annotations

import numpy as np

from tinyml.convert.importers.onnx_axes import cut
from tinyml.convert.importers.onnx_protos import Node
from tinyml.convert.importers.onnx_values import Reader
from tinyml.ops.lstm_constraints import (
    BIASES,
    CELL,
    HIDDEN,
    INPUT_WEIGHTS,
    OPERANDS,
    RECURRENT_WEIGHTS,
)

USUAL = ["Sigmoid", "Tanh", "Tanh"]
_ORDER = (0, 2, 3, 1)  # ONNX keeps input, output, forget, cell; wanted: input, forget, cell, output


def lstm(reader: Reader, node: Node, value: int, direction: str) -> tuple[int, ...]:
    """Y and Y_h of a layer on ``value`` [steps, features], from a state of zeros."""
    steps, features = reader.new.shape(value)
    value = reader.new.reshape(value, (1, steps, features))
    is_backward = {"forward": (False,), "reverse": (True,)}.get(direction, (False, True))
    sequences, lasts = [], []
    for number, backward in enumerate(is_backward):
        name = f"{node.output[0] or node.name}/{number}"
        given = _reversed(reader, value, f"{name}/turned") if backward else value
        made = _layer(reader, node, (given, number), name)
        units = reader.new.shape(made)[2]
        lasts.append(
            reader.new.reshape(cut(reader, made, (1, steps - 1, 1), f"{name}/last"), (1, units))
        )
        made = _reversed(reader, made, f"{name}/sequence") if backward else made
        sequences.append(reader.new.reshape(made, (steps, units)))
    return _results(reader, node, sequences, lasts)


def _layer(reader: Reader, node: Node, what: tuple[int, int], name: str) -> int:
    value, number = what
    held = [reader.constant(node, i, "a weight") for i in (1, 2, 3)]
    assert held[0] is not None
    assert held[1] is not None
    units = held[1].shape[-1]
    biases = np.zeros(8 * units, np.float32) if held[2] is None else held[2][number]
    operands = [-1] * OPERANDS
    operands[0] = value
    parts = (
        (INPUT_WEIGHTS, np.split(held[0][number], 4), "w"),
        (RECURRENT_WEIGHTS, np.split(held[1][number], 4), "r"),
        (BIASES, np.split(biases[: 4 * units] + biases[4 * units :], 4), "b"),
    )
    for positions, arrays, letter in parts:
        for position, gate in zip(positions, _ORDER, strict=True):
            array = arrays[gate].astype(np.float32)
            operands[position] = reader.new.constant(f"{name}/{letter}{position}", array)
    for position, what_it_is in ((HIDDEN, "hidden"), (CELL, "cell")):
        zeros = np.zeros((1, units), np.float32)
        operands[position] = reader.new.constant(f"{name}/{what_it_is}", zeros)
    shape = (1, reader.new.shape(value)[1], units)
    return reader.new.op(
        "UNIDIRECTIONAL_SEQUENCE_LSTM", operands, shape, name, FusedActivationFunction=4
    )


def _reversed(reader: Reader, value: int, name: str) -> int:
    """[1, steps, width] with the last step first."""
    numbers = [
        reader.new.integers(f"{name}/{word}", numbers)
        for word, numbers in (("begin", (0, -1, 0)), ("end", (0, 0, 0)), ("step", (1, -1, 1)))
    ]
    shape = reader.new.shape(value)
    return reader.new.op("STRIDED_SLICE", (value, *numbers), shape, name, BeginMask=7, EndMask=7)


def _results(reader: Reader, node: Node, sequences: list[int], lasts: list[int]) -> tuple[int, ...]:
    """Y [steps, directions, 1, units] and Y_h [directions, 1, units]."""
    names = [*node.output, "", ""]
    steps, units = reader.new.shape(sequences[0])
    joined = []
    for name, parts, rows, axis in ((names[0], sequences, steps, 1), (names[1], lasts, 1, 0)):
        shape = (rows, len(parts) * units) if axis else (len(parts), units)
        whole = parts[0]
        if len(parts) > 1:
            whole = reader.new.op("CONCATENATION", parts, shape, name or node.name, Axis=axis)
        joined.append(whole)
    y = reader.new.reshape(joined[0], (steps, len(sequences), 1, units))
    last = reader.new.reshape(joined[1], (len(lasts), 1, units))
    return (y, last)[: len(node.output)]  # the last memory is not given
