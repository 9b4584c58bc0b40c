"""ONNX Loop and Scan, with as many copies of their bodies as there are steps.

The number of the step is a constant in each copy, so a loop that counts ends when its condition,
computed from that, says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np

from tinyml.convert.importers.onnx_axes import cut
from tinyml.convert.importers.onnx_protos import Attributes, Graph, Node, Unknown, attributes
from tinyml.convert.importers.onnx_values import Reader
from tinyml.ir.graph import Array

CONTROL_FLOW = "control flow"  # why a node is unknown
MOST_STEPS = 256
_Held: TypeAlias = "int | Array"  # a tensor of the new graph, or what is known of it already
_ReadBody: TypeAlias = Callable[[Reader, Graph], None]


def is_unrolled(reader: Reader, node: Node, read_body: _ReadBody) -> bool:
    """Reads the steps of a Loop or a Scan; returns whether the node is one.

    Raises Unknown where the number of steps is not known, or large.
    """
    if node.op_type == "Loop":
        results = _loop(reader, node, read_body)
    elif node.op_type == "Scan":
        results = _scan(reader, node, read_body)
    else:
        return False
    for name, held in zip(node.output, results, strict=False):
        _bind(reader, name, held)
    return True


def _loop(reader: Reader, node: Node, read_body: _ReadBody) -> list[_Held]:
    """What a Loop gives: its states, and the results of all steps one behind the other."""
    body = attributes(node).graph("body")
    most = _known(reader, node, 0, "the number of steps")
    goes_on = _known(reader, node, 1, "whether it begins")
    states = [_held(reader, name) for name in node.input[2:]]
    count, collected = len(states), _Collected(node, body, 1 + len(states))
    step = 0
    while (goes_on is None or goes_on) and (most is None or step < most):
        _check_steps(step + 1)
        fed = (np.array(step, np.int64), np.array(True), *states)
        end, *results = _results(reader, body, fed, read_body)
        if isinstance(end, int):
            raise Unknown(f"{CONTROL_FLOW}: whether it goes on is computed at run time")
        goes_on, states = int(end.ravel()[0]), results[:count]
        collected.add(results[count:])
        step += 1
    return [*states, *collected.joined(reader, Attributes({}))]


def _scan(reader: Reader, node: Node, read_body: _ReadBody) -> list[_Held]:
    """What a Scan gives: its states, and the results of all steps one behind the other."""
    attrs = attributes(node)
    if reader.opset < 9:
        raise Unknown(f"{CONTROL_FLOW}: Scan of opset {reader.opset}")
    body, count = attrs.graph("body"), len(node.input) - attrs.integer("num_scan_inputs")
    held = [_held(reader, name) for name in node.input]
    states, scanned = held[:count], held[count:]
    axes = attrs.integers("scan_input_axes") or [0] * len(scanned)
    back = attrs.integers("scan_input_directions") or [0] * len(scanned)
    steps = _shape(reader, scanned[0])[axes[0]]
    _check_steps(steps)
    collected = _Collected(node, body, count)
    for step in range(steps):
        fed = list(states)
        for value, axis, turned in zip(scanned, axes, back, strict=True):
            number = steps - 1 - step if turned else step
            fed.append(_part(reader, value, axis, number, f"{node.output[0]}/{len(fed)}_{step}"))
        results = _results(reader, body, fed, read_body)
        states = results[:count]
        collected.add(results[count:])
    return [*states, *collected.joined(reader, attrs)]


class _Collected:
    """What each step of a node gives besides its states."""

    def __init__(self, node: Node, body: Graph, first: int) -> None:
        self._names = [f"{node.output[0]}/all_{k}" for k in range(len(body.output) - first)]
        self._results: list[list[_Held]] = []

    def add(self, results: Sequence[_Held]) -> None:
        """Takes in what a step gives."""
        self._results.append(list(results))

    def joined(self, reader: Reader, attrs: Attributes) -> Iterator[_Held]:
        """Each result of all steps along a new axis."""
        if self._names and not self._results:
            raise Unknown(f"{CONTROL_FLOW}: no step at all")
        axes = attrs.integers("scan_output_axes") or [0] * len(self._names)
        back = attrs.integers("scan_output_directions") or [0] * len(self._names)
        for number, name in enumerate(self._names):
            parts = [results[number] for results in self._results]
            yield _stacked(reader, parts[::-1] if back[number] else parts, axes[number], name)


def _results(
    reader: Reader, body: Graph, fed: Sequence[_Held], read_body: _ReadBody
) -> list[_Held]:
    """What one step gives."""
    for name in _made_in(body):
        _forget(reader, name)
    for item, held in zip(body.input, fed, strict=True):
        _bind(reader, item.name, held)
    read_body(reader, body)
    return [_held(reader, item.name) for item in body.output]


def _made_in(graph: Graph) -> Iterator[str]:
    """The names of all that nodes make, also those in branches."""
    for node in graph.node:
        yield from node.output
        for attribute in node.attribute:
            inner = getattr(attribute, "g", None)
            if inner is not None:
                yield from _made_in(inner)


def _held(reader: Reader, name: str) -> _Held:
    return reader.constants[name] if name in reader.constants else reader.value(name)


def _forget(reader: Reader, name: str) -> None:
    reader.values.pop(name, None)
    reader.constants.pop(name, None)


def _bind(reader: Reader, name: str, held: _Held) -> None:
    _forget(reader, name)
    if isinstance(held, int):
        reader.values[name] = held
    else:
        reader.constants[name] = held


def _known(reader: Reader, node: Node, number: int, what: str) -> int | None:
    """A number that must be constant; None where there is none."""
    if not node.input[number]:
        return None
    held = reader.constants.get(node.input[number])
    if held is None:
        raise Unknown(f"{CONTROL_FLOW}: {what} is computed at run time")
    return int(held.ravel()[0])


def _check_steps(count: int) -> None:
    if count > MOST_STEPS:
        raise Unknown(f"{CONTROL_FLOW}: more than {MOST_STEPS} steps")


def _shape(reader: Reader, held: _Held) -> tuple[int, ...]:
    return reader.new.shape(held) if isinstance(held, int) else held.shape


# Five words say which part of what is taken.
def _part(reader: Reader, held: _Held, axis: int, number: int, name: str) -> _Held:
    """One place along an axis, without the axis."""
    if not isinstance(held, int):
        return np.asarray(held.take(number, axis))
    shape = reader.new.shape(held)
    axis %= len(shape)
    taken = cut(reader, held, (axis, number, 1), name)
    return reader.new.reshape(taken, [n for k, n in enumerate(shape) if k != axis])


def _stacked(reader: Reader, parts: Sequence[_Held], axis: int, name: str) -> _Held:
    """Values side by side along a new axis."""
    known = [part for part in parts if not isinstance(part, int)]
    if len(known) == len(parts):
        return np.stack(known, axis)
    shape = list(_shape(reader, parts[0]))
    place = axis % (len(shape) + 1)
    one = [*shape[:place], 1, *shape[place:]]
    tensors = [
        part if isinstance(part, int) else reader.new.constant(f"{name}/{k}", part)
        for k, part in enumerate(parts)
    ]
    rows = [reader.new.reshape(tensor, one) for tensor in tensors]
    if len(rows) == 1:
        return rows[0]
    whole = [len(rows) if k == place else n for k, n in enumerate(one)]
    return reader.new.op("CONCATENATION", rows, whole, name, Axis=place)
