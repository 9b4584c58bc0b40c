"""Recurrent layers as converters write them out, step by step; quantised by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tests.support.models.small_graphs import GraphBuilder
from tinyml.ir.graph import Graph
from tinyml.ops.elementwise import BinaryAttrs
from tinyml.ops.fully_connected import FullyConnectedAttrs
from tinyml.ops.layout import ConcatenationAttrs, ReshapeAttrs
from tinyml.ops.lookup import NoAttrs
from tinyml.ops.pack import PackAttrs
from tinyml.ops.split import UnpackAttrs

KEPT = (1 / 128, 0)  # the scale of TANH's result
SUM = (0.05, 2)


@dataclass(frozen=True, slots=True)
class Layer:
    """The operands of all steps of a layer; h' = tanh(W x + U h)."""

    weights: tuple[int, int]
    recurrent: tuple[int, int]
    units: int


class Unrolled(GraphBuilder):
    """A graph with recurrent layers."""

    def layer(self, features: int, units: int, name: str = "rnn") -> Layer:
        """Its weights; small, so that states keep moving."""
        return Layer(
            (self.weights(f"{name}_w", (units, features), 0, units), self.bias(f"{name}_b", units)),
            (self.weights(f"{name}_u", (units, units), 0, units), self.bias(f"{name}_c", units)),
            units,
        )

    def dense(self, x: int, operands: tuple[int, int], units: int) -> int:
        made = self.value("dense", (1, units), SUM)
        return self.op("FULLY_CONNECTED", (x, *operands), made, FullyConnectedAttrs())

    def step(self, layer: Layer, x: int, before: int) -> int:
        """The next state."""
        parts = (
            self.dense(x, layer.weights, layer.units),
            self.dense(before, layer.recurrent, layer.units),
        )
        total = self.op("ADD", parts, self.value("total", (1, layer.units), SUM), BinaryAttrs())
        return self.op("TANH", (total,), self.value("state", (1, layer.units), KEPT), NoAttrs())

    def zeros(self, units: int) -> int:
        held = self.value("zeros", (1, units), KEPT)
        quant = self.tensors[held].quant
        return self.constant("zero_state", np.zeros((1, units), np.int8), quant)

    def steps(self, layer: Layer, xs: Sequence[int], before: int) -> list[int]:
        found = []
        for x in xs:
            before = self.step(layer, x, before)
            found.append(before)
        return found

    def unpacked(self, x: int, count: int, features: int) -> list[int]:
        """The steps of a sequence [1, count, features]."""
        seen = self.value("by_step", (count, 1, features))
        self.op("RESHAPE", (x,), seen, ReshapeAttrs((count, 1, features)))
        made = tuple(self.value(f"x{i}", (1, features)) for i in range(count))
        self.op("UNPACK", (seen,), made, UnpackAttrs(count, 0))
        return list(made)

    def packed(self, values: Sequence[int], units: int) -> int:
        made = self.value("sequence", (1, len(values), units), KEPT)
        return self.op("PACK", tuple(values), made, PackAttrs(1, len(values)))


def last_only(count: int = 8, features: int = 5, units: int = 6) -> Graph:
    """The last state alone."""
    b = Unrolled()
    x = b.value("x", (1, count, features))
    xs = b.unpacked(x, count, features)
    states = b.steps(b.layer(features, units), xs, b.zeros(units))
    return b.graph((x,), (b.dense(states[-1], b.layer(units, 3, "head").weights, 3),))


def sequences(count: int = 8, features: int = 5, units: int = 6) -> Graph:
    """All states."""
    b = Unrolled()
    x = b.value("x", (1, count, features))
    xs = b.unpacked(x, count, features)
    states = b.steps(b.layer(features, units), xs, b.zeros(units))
    return b.graph((x,), (b.packed(states, units),))


def first_is_another(count: int = 9, features: int = 4, units: int = 7) -> Graph:
    """All states, of which the first is made in another way: converters fold the zeros into it."""
    b = Unrolled()
    x = b.value("x", (1, count, features))
    xs = b.unpacked(x, count, features)
    layer = b.layer(features, units)
    total = b.dense(xs[0], layer.weights, units)
    first = b.op("TANH", (total,), b.value("first", (1, units), KEPT), NoAttrs())
    return b.graph((x,), (b.packed([first, *b.steps(layer, xs[1:], first)], units),))


def given_state(count: int = 7, features: int = 4, units: int = 6) -> Graph:
    """The first state is an input; the last one and that of a step in the middle are outputs."""
    b = Unrolled()
    x, h = b.value("x", (1, count, features)), b.value("h", (1, units), KEPT)
    states = b.steps(b.layer(features, units), b.unpacked(x, count, features), h)
    both = b.op(
        "CONCATENATION",
        (states[2], states[-1]),
        b.value("two", (1, 2 * units), KEPT),
        ConcatenationAttrs(1),
    )
    return b.graph((x, h), (states[-1], both))


def two_layers(count: int = 8, features: int = 3, units: int = 5) -> Graph:
    """The second reads the states of the first as they come."""
    b = Unrolled()
    x = b.value("x", (1, count, features))
    below = b.steps(b.layer(features, units), b.unpacked(x, count, features), b.zeros(units))
    above = b.steps(b.layer(units, 4, "second"), below, b.zeros(4))
    return b.graph((x,), (above[-1],))


def bidirectional(count: int = 8, features: int = 3, units: int = 6) -> Graph:
    """A second layer goes through the sequence from its end; both are read side by side."""
    b = Unrolled()
    x = b.value("x", (1, count, features))
    xs = b.unpacked(x, count, features)
    ahead = b.steps(b.layer(features, units), xs, b.zeros(units))
    back = b.steps(b.layer(features, units, "back"), xs[::-1], b.zeros(units))[::-1]
    both = b.value("both", (1, count, 2 * units), KEPT)
    parts = (b.packed(ahead, units), b.packed(back, units))
    return b.graph((x,), (b.op("CONCATENATION", parts, both, ConcatenationAttrs(2)),))


def one_other_weight(which: int = 3, count: int = 8) -> Graph:
    """One step has a weight that differs by one."""
    b = Unrolled()
    x = b.value("x", (1, count, 4))
    xs = b.unpacked(x, count, 4)
    layer = b.layer(4, 6)
    held = b.tensors[layer.recurrent[0]]
    assert held.data is not None
    data = held.data.copy()
    data[2, 3] += 1 if data[2, 3] < 127 else -1
    other = Layer(layer.weights, (b.constant("other", data, held.quant), layer.recurrent[1]), 6)
    state = b.zeros(6)
    for number, value in enumerate(xs):
        state = b.step(other if number == which else layer, value, state)
    return b.graph((x,), (state,))


def uneven(count: int = 8) -> Graph:
    """Steps read the sequence in an order that is no line."""
    b = Unrolled()
    x = b.value("x", (1, count, 4))
    xs = b.unpacked(x, count, 4)
    xs[2], xs[5] = xs[5], xs[2]
    return b.graph((x,), (b.steps(b.layer(4, 6), xs, b.zeros(6))[-1],))


def other_scale(count: int = 8) -> Graph:
    """One step has a sum with another scale, as a converter that looks at each step makes it."""
    b = Unrolled()
    x = b.value("x", (1, count, 4))
    xs = b.unpacked(x, count, 4)
    layer = b.layer(4, 6)
    states = b.steps(layer, xs, b.zeros(6))
    quants = [i for i, tensor in enumerate(b.tensors) if tensor.name == "total"]
    wider = b.value("wider", (1, 6), (0.06, 2))
    b.tensors[quants[4]] = b.tensors[wider]
    return b.graph((x,), (states[-1],))
