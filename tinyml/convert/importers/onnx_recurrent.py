"""ONNX recurrent layers, unrolled: each step is a handful of ordinary operators.

An LSTM with the usual functions is one operator instead (``onnx_lstm``).

The products of all inputs with their weights are one FULLY_CONNECTED per gate; a step adds what
comes from the state before. Steps share their weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tinyml.convert.importers.onnx_axes import cut
from tinyml.convert.importers.onnx_elementwise import two
from tinyml.convert.importers.onnx_lstm import USUAL, lstm
from tinyml.convert.importers.onnx_protos import Attributes, Node, Unknown
from tinyml.convert.importers.onnx_values import Reader
from tinyml.ir.graph import Array

_DEFAULTS = {
    "LSTM": USUAL,
    "GRU": ["Sigmoid", "Tanh"],
    "RNN": ["Tanh"],
}
_GATES = {"LSTM": "iofc", "GRU": "zrh", "RNN": "h"}
_KINDS = {"Sigmoid": "LOGISTIC", "Tanh": "TANH", "Relu": "RELU"}


@dataclass(frozen=True, slots=True)
class _Cell:
    """One direction of a layer: weights per gate, and the operators of its functions."""

    reader: Reader
    name: str
    inputs: dict[str, int]  # per gate, the products of all steps: [steps, hidden]
    weights: dict[str, int]  # per gate, [hidden, hidden]
    biases: dict[str, int]  # per gate, [hidden]: of the state's products
    functions: tuple[str, ...]  # operator kinds
    hidden: int

    def given(self, gate: str, step: int) -> int:
        """What the input of a step adds to a gate."""
        return cut(self.reader, self.inputs[gate], (0, step, 1), f"{self.name}/x_{gate}_{step}")

    def state(self, gate: str, value: int) -> int:
        """What the state before adds to a gate."""
        operands = (value, self.weights[gate], self.biases[gate])
        shape = (1, self.hidden)
        return self.reader.new.op("FULLY_CONNECTED", operands, shape, f"{self.name}/h_{gate}")

    def act(self, number: int, value: int, what: str) -> int:
        """The function of a gate."""
        shape = (1, self.hidden)
        return self.reader.new.op(self.functions[number], (value,), shape, f"{self.name}/{what}")

    def join(self, kind: str, left: int, right: int, what: str) -> int:
        """An operator on two values."""
        return two(self.reader, kind, (left, right), f"{self.name}/{what}")

    def gate(self, name: str, number: int, step: int, value: int) -> int:
        """A whole gate: function of input plus state."""
        sum_ = self.join("ADD", self.given(name, step), self.state(name, value), f"sum_{name}")
        return self.act(number, sum_, name)


def recurrent(reader: Reader, node: Node, attrs: Attributes) -> tuple[int, ...]:
    """LSTM, GRU and RNN, forward, backward or both, from a state of zeros."""
    kind = node.op_type
    _check(reader, node, attrs)
    direction = attrs.text("direction", "forward")
    count = 2 if direction == "bidirectional" else 1
    functions = attrs.texts("activations") or _DEFAULTS[kind] * count
    if not set(functions) <= set(_KINDS):
        raise Unknown(f"activations {functions}")
    value = reader.value(node.input[0])
    steps, _, width = reader.new.shape(value)
    value = reader.new.reshape(value, (steps, width))
    if kind == "LSTM" and functions == USUAL * count:
        return lstm(reader, node, value, direction)
    sequences, lasts = [], []
    for number in range(count):
        part = len(functions) // count
        used = tuple(_KINDS[f] for f in functions[number * part : (number + 1) * part])
        cell = _cell(reader, node, (value, number), used)
        order = range(steps)
        if direction == "reverse" or number == 1:
            order = order[::-1]
        found = _STEPS[kind](cell, order, bool(attrs.integer("linear_before_reset", 0)))
        lasts.append(found[order[-1]])
        sequences.append([found[step] for step in range(steps)])
    return _outputs(reader, node, sequences, lasts)


def _check(reader: Reader, node: Node, attrs: Attributes) -> None:
    if attrs.integer("layout", 0) or attrs.number("clip", 0.0) or attrs.integer("input_forget", 0):
        raise Unknown("layout 1, clip or input_forget")
    if len(node.input) > 4 and node.input[4]:
        raise Unknown("sequences of different lengths")
    for place in (5, 6, 7):
        held = reader.constant(node, place, "the first state")
        if held is not None and np.any(held):
            raise Unknown("a first state other than zeros, or peepholes")


def _cell(reader: Reader, node: Node, what: tuple[int, int], functions: tuple[str, ...]) -> _Cell:
    value, number = what
    held = [reader.constant(node, i, "a weight") for i in (1, 2, 3)]
    assert held[0] is not None
    assert held[1] is not None
    gates = _GATES[node.op_type]
    hidden = held[1].shape[-1]
    zeros = np.zeros(2 * len(gates) * hidden, np.float32)
    biases = zeros if held[2] is None else held[2][number]
    split: Callable[[Array], list[Array]] = lambda array: np.split(array, len(gates))  # noqa: E731
    from_inputs, from_states = np.split(biases, 2)
    name = node.output[0] or node.name
    parts = zip(
        gates,
        split(held[0][number]),
        split(held[1][number]),
        split(from_inputs),
        split(from_states),
        strict=True,
    )
    inputs, weights, biases_of = {}, {}, {}
    for gate, w, r, b, s in parts:
        operands = (
            value,
            reader.new.constant(f"{name}/w_{gate}", w.astype(np.float32)),
            reader.new.constant(f"{name}/b_{gate}", b.astype(np.float32)),
        )
        shape = (reader.new.shape(value)[0], hidden)
        inputs[gate] = reader.new.op("FULLY_CONNECTED", operands, shape, f"{name}/x_{gate}")
        weights[gate] = reader.new.constant(f"{name}/r_{gate}", r.astype(np.float32))
        biases_of[gate] = reader.new.constant(f"{name}/s_{gate}", s.astype(np.float32))
    return _Cell(reader, name, inputs, weights, biases_of, functions, hidden)


def _zeros(cell: _Cell) -> int:
    return cell.reader.new.constant(f"{cell.name}/zeros", np.zeros((1, cell.hidden), np.float32))


def _rnn(cell: _Cell, order: range, linear: bool) -> dict[int, int]:
    found, state = {}, _zeros(cell)
    for step in order:
        state = found[step] = cell.gate("h", 0, step, state)
    return found


def _lstm(cell: _Cell, order: range, linear: bool) -> dict[int, int]:
    found, state, memory = {}, _zeros(cell), _zeros(cell)
    for step in order:
        entry, out, keep = (cell.gate(gate, 0, step, state) for gate in "iof")
        new = cell.gate("c", 1, step, state)
        kept = cell.join("MUL", keep, memory, f"kept_{step}")
        added = cell.join("MUL", entry, new, f"added_{step}")
        memory = cell.join("ADD", kept, added, f"memory_{step}")
        shown = cell.act(2, memory, f"shown_{step}")
        state = found[step] = cell.join("MUL", out, shown, f"state_{step}")
    return found


def _gru(cell: _Cell, order: range, linear: bool) -> dict[int, int]:
    found, state = {}, _zeros(cell)
    for step in order:
        update, reset = (cell.gate(gate, 0, step, state) for gate in "zr")
        if linear:
            old = cell.join("MUL", reset, cell.state("h", state), f"old_{step}")
        else:
            old = cell.state("h", cell.join("MUL", reset, state, f"reset_{step}"))
        new = cell.act(1, cell.join("ADD", cell.given("h", step), old, f"sum_h_{step}"), "h")
        change = cell.join("SUB", state, new, f"change_{step}")
        kept = cell.join("MUL", update, change, f"kept_{step}")
        state = found[step] = cell.join("ADD", new, kept, f"state_{step}")
    return found


_STEPS = {"RNN": _rnn, "LSTM": _lstm, "GRU": _gru}


def _outputs(
    reader: Reader, node: Node, sequences: list[list[int]], lasts: list[int]
) -> tuple[int, ...]:
    """Y [steps, directions, 1, hidden] and Y_h [directions, 1, hidden], where they are wanted."""
    names = [*node.output, ""][:2]
    hidden = reader.new.shape(lasts[0])[1]
    results = []
    for name, columns in ((names[0], sequences), (names[1], [[last] for last in lasts])):
        rows = [step for steps in zip(*columns, strict=True) for step in steps]
        shape = (len(columns[0]), len(columns), 1, hidden)
        if not name:
            results.append(rows[0])
            continue
        joined = rows[0]
        if len(rows) > 1:
            whole = (len(rows), hidden)
            joined = reader.new.op("CONCATENATION", rows, whole, name, Axis=0)
        results.append(reader.new.reshape(joined, shape if name == names[0] else shape[1:]))
    return tuple(results[: len(node.output)])  # the last memory of an LSTM is not given
