"""Small graphs with variables: ring buffers as streaming models have them, and odder ones."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from tests.support.models.small_graphs import GraphBuilder
from tinyml.ir.dtype import INT8, INT32, DType
from tinyml.ir.graph import Array, Carried, Graph, Quant
from tinyml.ops.conv_2d import Conv2dAttrs
from tinyml.ops.elementwise import BinaryAttrs
from tinyml.ops.layout import ConcatenationAttrs, ReshapeAttrs
from tinyml.ops.lookup import NoAttrs
from tinyml.ops.slice import StridedSliceAttrs
from tinyml.ops.variables import VariableAttrs

QUANT = (0.05, 3)


@dataclass
class StatefulBuilder:
    """A GraphBuilder that knows the present value of its variables."""

    b: GraphBuilder = field(default_factory=GraphBuilder)
    now: dict[int, int] = field(default_factory=dict)  # variable → tensor

    def variable(
        self,
        name: str,
        shape: tuple[int, ...],
        initial: Array | None = None,
        dtype: DType = INT8,
    ) -> int:
        """A variable, at first what ``initial`` is or else its zero point."""
        index = self.b.value(name, shape, QUANT if dtype == INT8 else None, dtype)
        if initial is not None:
            initial.flags.writeable = False
        held = replace(self.b.tensors[index], is_variable=True, initial=initial)
        self.b.tensors[index] = held
        self.now[index] = index
        return index

    def read(self, variable: int) -> int:
        """Its value, as a tensor of its own."""
        kept = self.b.tensors[variable]
        made = self._like(variable, f"{kept.name}_read_{len(self.b.tensors)}")
        return self.b.op("READ_VARIABLE", (self.now[variable],), made, VariableAttrs())

    def assign(self, variable: int, value: int) -> None:
        """Its value from here on."""
        made = self._like(variable, f"{self.b.tensors[variable].name}_{len(self.b.tensors)}")
        operands = (self.now[variable], value)
        self.now[variable] = self.b.op("ASSIGN_VARIABLE", operands, made, VariableAttrs())

    def add(self, one: int, other: int) -> int:
        """The saturated sum of two values of one shape."""
        made = self._like(one, f"sum_{len(self.b.tensors)}")
        return self.b.op("ADD", (one, other), made, BinaryAttrs())

    def relu(self, given: int) -> int:
        """What is not negative of a value."""
        return self.b.op(
            "RELU", (given,), self._like(given, f"relu_{len(self.b.tensors)}"), NoAttrs()
        )

    def reshaped(self, given: int, shape: tuple[int, ...]) -> int:
        """The same in another shape."""
        b = self.b
        wanted = b.constant(f"shape_{len(b.tensors)}", np.array(shape, np.int32))
        made = b.value(f"view_{len(b.tensors)}", shape, QUANT)
        return b.op("RESHAPE", (given, wanted), made, ReshapeAttrs(shape))

    def ring(self, name: str, given: int, rows: int, initial: Array | None = None) -> int:
        """The last ``rows`` rows of a stream of rows; all but the oldest are kept for later."""
        b = self.b
        _, new, _, channels = b.tensors[given].shape
        kept = self.variable(name, (1, rows - new, 1, channels), initial)
        held = b.value(f"{name}/all", (1, rows, 1, channels), QUANT)
        b.op("CONCATENATION", (self.read(kept), given), held, ConcatenationAttrs(1))
        numbers = [
            b.constant(f"{name}/{what}", np.array(values, np.int32))
            for what, values in (
                ("begin", (0, new, 0, 0)),
                ("end", (1, rows, 1, channels)),
                ("steps", (1, 1, 1, 1)),
            )
        ]
        rest = b.value(f"{name}/rest", (1, rows - new, 1, channels), QUANT)
        b.op("STRIDED_SLICE", (held, *numbers), rest, StridedSliceAttrs(13, 13))
        self.assign(kept, rest)
        return held

    def conv(self, given: int, channels: int) -> int:
        """A convolution over all rows."""
        b = self.b
        _, rows, _, depth = b.tensors[given].shape
        weights = b.weights(f"w{len(b.tensors)}", (channels, rows, 1, depth), 0, channels)
        made = b.value(f"conv_{len(b.tensors)}", (1, 1, 1, channels), QUANT)
        bias = b.bias(f"b{len(b.tensors)}", channels)
        return b.op("CONV_2D", (given, weights, bias), made, Conv2dAttrs("VALID"))

    def graph(self, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> Graph:
        """The graph."""
        carried = tuple(Carried(first, last) for first, last in self.now.items() if first != last)
        return replace(self.b.graph(inputs, outputs), carried=carried)

    def _like(self, given: int, name: str) -> int:
        kept = self.b.tensors[given]
        self.b.tensors.append(replace(kept, name=name, is_variable=False, initial=None))
        return len(self.b.tensors) - 1


def streaming(seed: int = 1) -> Graph:
    """Two convolutions over the last rows of a stream, as wake-word models have them."""
    s = StatefulBuilder(GraphBuilder(seed))
    x = s.b.value("x", (1, 1, 1, 5), QUANT)
    first = np.arange(15, dtype=np.int8).reshape(1, 3, 1, 5)
    hidden = s.conv(s.ring("first", x, 4, first), 6)
    out = s.conv(s.ring("second", s.relu(hidden), 3), 4)
    return s.graph((x,), (out,))


def turning() -> Graph:
    """A variable in int32 that is turned round in every inference, and read before and after."""
    s = StatefulBuilder()
    x = s.b.value("x", (1, 4), QUANT)
    kept = s.variable("kept", (3,), np.array([5, -7, 1 << 20], np.int32), INT32)
    before = s.read(kept)
    numbers = [s.b.constant(f"n{n}", np.array([n], np.int32)) for n in (2, -4, -1)]
    turned = s.b.value("turned", (3,), None, INT32)
    s.b.op("STRIDED_SLICE", (before, *numbers), turned, StridedSliceAttrs())
    s.assign(kept, turned)
    return s.graph((x,), (before, s.read(kept), s.relu(x)))


def odd_graphs() -> dict[str, Graph]:
    """Orders of reading and assigning that must not be confused, by name."""
    shape, found = (1, 6), {}

    def begun() -> tuple[StatefulBuilder, int]:
        s = StatefulBuilder()
        return s, s.b.value("x", shape, QUANT)

    s, x = begun()
    v = s.variable("v", shape)
    before = s.read(v)
    s.assign(v, x)
    found["old_value_behind_the_assignment"] = s.graph((x,), (s.relu(s.add(before, x)),))

    s, x = begun()
    v = s.variable("v", shape)
    before = s.read(v)
    s.assign(v, x)
    found["old_value_is_an_output"] = s.graph((x,), (before,))

    s, x = begun()
    v = s.variable("v", shape)
    s.assign(v, s.add(s.read(v), x))
    after = s.read(v)
    found["new_value_is_an_output"] = s.graph((x,), (after, s.relu(after)))

    s, x = begun()
    v = s.variable("v", shape)
    total = s.add(s.read(v), x)
    s.assign(v, total)
    s.assign(v, s.relu(s.read(v)))
    found["assigned_twice"] = s.graph((x,), (total, s.read(v)))

    s, x = begun()
    one, other = s.variable("one", shape), s.variable("other", shape)
    a, b = s.read(one), s.read(other)
    s.assign(one, b)
    s.assign(other, s.add(a, x))
    found["two_change_places"] = s.graph((x,), (s.add(a, b),))

    s, x = begun()
    one, other = s.variable("one", shape), s.variable("other", shape)
    total = s.add(s.add(s.read(one), s.read(other)), x)
    s.assign(one, total)
    s.assign(other, total)
    found["one_value_for_two"] = s.graph((x,), (total,))

    s, x = begun()
    v = s.variable("v", shape)
    kept = s.read(v)
    total = s.add(kept, x)
    s.assign(v, total)
    found["value_is_read_beside_the_old_one"] = s.graph((x,), (s.add(s.relu(kept), total),))

    s, x = begun()
    v = s.variable("v", shape, np.arange(6, dtype=np.int8).reshape(shape))
    s.assign(v, s.reshaped(s.relu(s.reshaped(s.read(v), (2, 3))), shape))
    found["views_in_between"] = s.graph((x,), (s.add(s.read(v), x),))

    s = StatefulBuilder()
    x = s.b.value("x", (1, 1, 1, 6), QUANT)
    flat = s.reshaped(s.ring("ring", x, 4), (1, 24))
    found["a_ring_seen_as_a_vector"] = s.graph((x,), (s.relu(flat),))

    s = StatefulBuilder()
    x = s.b.value("x", (1, 2, 3, 1), QUANT)
    v = s.variable("v", (1, 2, 3, 1))
    before = s.read(v)
    numbers = [s.b.constant("block", np.array([1, 1], np.int32))]
    numbers.append(s.b.constant("pads", np.zeros((2, 2), np.int32)))
    moved = s.b.value("moved", (1, 2, 3, 1), QUANT)
    s.b.op("SPACE_TO_BATCH_ND", (before, *numbers), moved, NoAttrs())
    s.assign(v, x)
    found["a_view_by_a_move_that_moves_nothing"] = s.graph((x,), (s.relu(moved),))

    s, x = begun()
    v = s.variable("v", shape, np.arange(6, dtype=np.int8).reshape(shape))
    found["never_assigned"] = s.graph((x,), (s.add(s.read(v), x), s.read(v)))

    s, x = begun()
    v = s.variable("v", shape)
    fixed = np.arange(6, dtype=np.int8).reshape(shape)
    s.assign(v, s.b.constant("fixed", fixed, Quant((QUANT[0],), (QUANT[1],))))
    found["a_constant_is_assigned"] = s.graph((x,), (s.add(x, s.read(v)),))
    return found
