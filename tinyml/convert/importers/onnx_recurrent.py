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
from tinyml.convert.importers.onnx_functions import FUNCTIONS, Value
from tinyml.convert.importers.onnx_lstm import USUAL, lstm
from tinyml.convert.importers.onnx_protos import Attributes, Node, Unknown
from tinyml.convert.importers.onnx_values import Handler, Reader
from tinyml.ir.graph import Array

_DEFAULTS = {
    "LSTM": USUAL,
    "GRU": ["Sigmoid", "Tanh"],
    "RNN": ["Tanh"],
}
_GATES = {"LSTM": "iofc", "GRU": "zrh", "RNN": "h"}
_OTHERS = ("Elu", "Softplus", "Softsign")  # of FUNCTIONS, those whose defaults are the same
_KINDS = {"Sigmoid": "LOGISTIC", "Tanh": "TANH", "Relu": "RELU"}


@dataclass(frozen=True, slots=True)
class _Cell:
    """One direction of a layer: weights per gate, and the operators of its functions."""

    reader: Reader
    name: str
    inputs: dict[str, int]  # per gate, the products of all steps: [steps, hidden]
    weights: dict[str, int]  # per gate, [hidden, hidden]
    biases: dict[str, int]  # per gate, [hidden]: of the state's products
    functions: tuple[str, ...]  # ONNX's names
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
        name = f"{self.name}/{what}"
        kind = _KINDS.get(self.functions[number])
        if kind is not None:
            return self.reader.new.op(kind, (value,), (1, self.hidden), name)
        x = Value(self.reader, value, name)
        return FUNCTIONS[self.functions[number]](x, Attributes({})).index

    def join(self, kind: str, left: int, right: int, what: str) -> int:
        """An operator on two values."""
        return two(self.reader, kind, (left, right), f"{self.name}/{what}")

    def gate(self, name: str, number: int, step: int, value: int) -> int:
        """A whole gate: function of input plus state."""
        sum_ = self.join("ADD", self.given(name, step), self.state(name, value), f"sum_{name}")
        return self.act(number, sum_, name)


def recurrent(reader: Reader, node: Node, attrs: Attributes) -> tuple[int, ...]:
    """LSTM, GRU and RNN, forward, backward or both, from zeros or from states that are given."""
    kind = node.op_type
    _check(reader, node, attrs)
    direction = attrs.text("direction", "forward")
    count = 2 if direction == "bidirectional" else 1
    functions = attrs.texts("activations") or _DEFAULTS[kind] * count
    if not set(functions) <= {*_KINDS, *_OTHERS} or "activation_alpha" in attrs:
        raise Unknown(f"activations {functions}")
    value = reader.value(node.input[0])
    steps, _, width = reader.new.shape(value)
    value = reader.new.reshape(value, (steps, width))
    gives_memory = len(node.output) > 2 and bool(node.output[2])
    is_usual = kind == "LSTM" and functions == USUAL * count
    if is_usual and not gives_memory and not _has_state(reader, node):
        return lstm(reader, node, value, direction)
    sequences, lasts, memories = [], [], []
    for number in range(count):
        part = len(functions) // count
        used = tuple(functions[number * part : (number + 1) * part])
        cell = _cell(reader, node, (value, number), used)
        order = range(steps)
        if direction == "reverse" or number == 1:
            order = order[::-1]
        start = _states(reader, node, number, cell)
        is_linear = bool(attrs.integer("linear_before_reset", 0))
        found, memory = _STEPS[kind](cell, order, start, is_linear)
        lasts.append(found[order[-1]])
        memories.append(memory)
        sequences.append([found[step] for step in range(steps)])
    return _outputs(reader, node, sequences, (lasts, memories))


def _has_state(reader: Reader, node: Node) -> bool:
    """Whether a layer begins with anything but zeros."""
    given = [name for name in node.input[5:7] if name]
    return any(name not in reader.constants or np.any(reader.constants[name]) for name in given)


def _states(reader: Reader, node: Node, number: int, cell: _Cell) -> tuple[int, int]:
    """The first state of a direction, and an LSTM's first memory."""
    found = []
    for place in (5, 6):
        if place < len(node.input) and node.input[place]:
            held = reader.value(node.input[place])
            part = cut(reader, held, (0, number, 1), f"{cell.name}/first_{place}_{number}")
            found.append(reader.new.reshape(part, (1, cell.hidden)))
        else:
            zeros = np.zeros((1, cell.hidden), np.float32)
            found.append(reader.new.constant(f"{cell.name}/zeros", zeros))
    return found[0], found[1]


def _check(reader: Reader, node: Node, attrs: Attributes) -> None:
    if attrs.integer("layout", 0) or attrs.number("clip", 0.0) or attrs.integer("input_forget", 0):
        raise Unknown("layout 1, clip or input_forget")
    if len(node.input) > 4 and node.input[4]:
        lengths = reader.constant(node, 4, "the length of sequences")
        if lengths is not None and np.any(lengths != reader.shape(node.input[0])[0]):
            raise Unknown("sequences of different lengths")
    peepholes = reader.constant(node, 7, "a peephole")
    if peepholes is not None and np.any(peepholes):
        raise Unknown("peepholes")


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


Found = tuple[dict[int, int], int]  # the state behind each step, the memory behind the last


def _rnn(cell: _Cell, order: range, start: tuple[int, int], linear: bool) -> Found:
    found, state = {}, start[0]
    for step in order:
        state = found[step] = cell.gate("h", 0, step, state)
    return found, state


def _lstm(cell: _Cell, order: range, start: tuple[int, int], linear: bool) -> Found:
    found, (state, memory) = {}, start
    for step in order:
        entry, out, keep = (cell.gate(gate, 0, step, state) for gate in "iof")
        new = cell.gate("c", 1, step, state)
        kept = cell.join("MUL", keep, memory, f"kept_{step}")
        added = cell.join("MUL", entry, new, f"added_{step}")
        memory = cell.join("ADD", kept, added, f"memory_{step}")
        shown = cell.act(2, memory, f"shown_{step}")
        state = found[step] = cell.join("MUL", out, shown, f"state_{step}")
    return found, memory


def _gru(cell: _Cell, order: range, start: tuple[int, int], linear: bool) -> Found:
    found, state = {}, start[0]
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
    return found, state


_STEPS = {"RNN": _rnn, "LSTM": _lstm, "GRU": _gru}


def _outputs(
    reader: Reader, node: Node, sequences: list[list[int]], ends: tuple[list[int], list[int]]
) -> tuple[int, ...]:
    """Y [steps, directions, 1, hidden], and Y_h and Y_c [directions, 1, hidden], where wanted."""
    names = [*node.output, "", ""][:3]
    hidden = reader.new.shape(ends[0][0])[1]
    results = []
    columns_of = (sequences, *([[last] for last in part] for part in ends))
    for number, (name, columns) in enumerate(zip(names, columns_of, strict=True)):
        rows = [step for steps in zip(*columns, strict=True) for step in steps]
        shape = (len(columns[0]), len(columns), 1, hidden)
        if not name:
            results.append(rows[0])
            continue
        joined = rows[0]
        if len(rows) > 1:
            whole = (len(rows), hidden)
            joined = reader.new.op("CONCATENATION", rows, whole, name, Axis=0)
        results.append(reader.new.reshape(joined, shape[1:] if number else shape))
    return tuple(results[: len(node.output)])


HANDLERS: dict[str, Handler] = {"GRU": recurrent, "LSTM": recurrent, "RNN": recurrent}
