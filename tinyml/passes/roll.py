"""Unrolled layers become loops: one body that runs again and again in the place of its copies.

What converters write out step by step is found by ``repetition``; the rounds must compute the very
same thing with the same constants, and what each reads for itself must be a run of elements of one
tensor that moves on evenly. So the results are those of the copies, in every element.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from dataclasses import dataclass, field, replace

from tinyml import ops
from tinyml.ir.graph import Carried, Graph, Op, Tensor
from tinyml.ops.loop import LoopAttrs, Part, loop_op
from tinyml.ops.traits import MovesOnly, Runs, State, Variable
from tinyml.ops.variables import assigning_op, reading_op
from tinyml.passes.collect import collected
from tinyml.passes.growth import Key, Keys, Lane
from tinyml.passes.repetition import Each, Kept, Made, Operand, Repetition, repetitions
from tinyml.passes.sources import Sources

_LEAST_CALLS = 12  # kernel calls that a loop must save to be worth its copies


def roll_rounds(graph: Graph) -> Graph:
    """Puts a loop in the place of each repetition that is worth one."""
    if len(graph.ops) < _LEAST_CALLS:
        return graph
    while True:
        sources = Sources(graph)

        def is_even(tensors: Lane, sources: Sources = sources) -> bool:
            return sources.affine(tensors) is not None

        found = [item for item in repetitions(graph, alike(graph), is_even) if _pays(item, graph)]
        if not found:
            return graph
        graph = _Rolling(graph, found[0], sources).graph_with_loop()


def alike(graph: Graph, *, has_scales: bool = True) -> Keys:
    """A key per op that is equal where ops compute the same of their operands."""
    digests: dict[int, bytes] = {}

    def typed(i: int) -> Hashable:
        if i < 0:
            return None
        tensor = graph.tensors[i]
        return tensor.dtype.name, tensor.shape, tensor.quant if has_scales else None

    def operand(i: int) -> tuple[Hashable, bytes]:
        data = graph.tensors[i].data if i >= 0 else None
        if data is not None and i not in digests:
            digests[i] = hashlib.sha256(data.tobytes()).digest()
        return typed(i), digests.get(i, b"")

    def key(held: Graph, op: Op) -> Key:
        if any(ops.trait_of(op.kind, trait) for trait in (Runs, State, Variable)):
            return Key((op.kind, op.outputs))  # like no other
        return Key(
            (op.kind, op.attrs), tuple(map(operand, op.inputs)), tuple(map(typed, op.outputs))
        )

    return key


def _pays(found: Repetition, graph: Graph) -> bool:
    kinds = (ops.trait_of(graph.ops[lane[0]].kind, MovesOnly) for lane in found.places)
    return (found.rounds - 1) * sum(trait is None for trait in kinds) >= _LEAST_CALLS


@dataclass(slots=True)
class _Rolling:
    """One loop in the making."""

    graph: Graph
    found: Repetition
    sources: Sources
    tensors: list[Tensor] = field(default_factory=list)  # of the body
    inputs: list[tuple[int, Part, int]] = field(default_factory=list)  # body tensor, part, source
    kept: list[tuple[Kept, int, int]] = field(default_factory=list)  # variable, what it holds
    numbers: dict[object, int] = field(default_factory=dict)

    def graph_with_loop(self) -> Graph:
        """The graph with the loop in the place of all rounds."""
        first = [self.graph.ops[lane[0]] for lane in self.found.places]
        for place, op in enumerate(first):
            for output, i in enumerate(op.outputs):
                self.numbers[Made(place, output)] = self._add(self.graph.tensors[i])
        body_ops = [self._body_op(place, op) for place, op in enumerate(first)]
        carried = self._assigned(body_ops)
        results = self._results()
        held, made = collected(self.graph, self.found, results)
        body = replace(
            self.graph,
            name=f"{self.graph.name}_round",
            tensors=tuple(self.tensors),
            ops=tuple(body_ops),
            inputs=tuple(number for number, _, _ in self.inputs),
            outputs=tuple(self._last(carried, *item) for item in results),
            carried=tuple(carried.values()),
            parts=(),
        )
        attrs = LoopAttrs(
            body, self.found.rounds, tuple(part for _, part, _ in self.inputs), made.parts
        )
        given = (*(i for _, _, i in self.inputs), *(item.first for item, _, _ in self.kept))
        name = held.graph.tensors[made.tensors[0]].name
        return held.with_loop(loop_op(name, attrs, given, made.tensors))

    def _add(self, tensor: Tensor, **changes: object) -> int:
        self.tensors.append(replace(tensor, **changes))  # type: ignore[arg-type]
        return len(self.tensors) - 1

    def _body_op(self, place: int, op: Op) -> Op:
        inputs = (
            self._number(item, i)
            for item, i in zip(self.found.operands[place], op.inputs, strict=True)
        )
        outputs = (self.numbers[Made(place, n)] for n in range(len(op.outputs)))
        return replace(op, inputs=tuple(inputs), outputs=tuple(outputs))

    def _number(self, item: Operand, tensor: int) -> int:
        """The body's tensor for an operand, which is ``tensor`` in the first round."""
        if item in self.numbers:
            return self.numbers[item]
        held = self.graph.tensors[tensor] if tensor >= 0 else None
        if held is None:
            return -1
        number = self._add(held, is_variable=False, initial=None)
        self.numbers[item] = number
        if isinstance(item, Kept):
            state = replace(held, name=f"{held.name}/kept", data=None, is_variable=True)
            self.kept.append((item, self._add(state), number))
            self.tensors[number] = replace(held, data=None)
        elif isinstance(item, Each):
            affine = self.sources.affine(item.tensors)
            assert affine is not None
            source, start, step = affine
            self.inputs.append((number, Part(start, step), source))
        elif not held.is_constant:
            self.inputs.append((number, Part(0), tensor))
        return number

    def _assigned(self, body_ops: list[Op]) -> dict[int, Carried]:
        """Reads variables first, assigns them last; what stands for them by what they are made of.

        ``body_ops`` gets the ops that do so.
        """
        carried: dict[int, Carried] = {}
        for item, state, read in self.kept:
            name = self.tensors[state].name
            body_ops.insert(0, reading_op(self.tensors[read].name, state, read))
            value = self.numbers[Made(item.place, item.output)]
            last = self._add(self.tensors[state], is_variable=False)
            body_ops.append(assigning_op(name, state, value, last))
            carried[value] = Carried(state, last)
        return carried

    def _results(self) -> tuple[tuple[int, int], ...]:
        """Place and number of the results that are read outside of the rounds."""
        inside = {number for lane in self.found.places for number in lane}
        read = {i for n, op in enumerate(self.graph.ops) if n not in inside for i in op.inputs}
        read.update(self.graph.results)
        return tuple(
            (place, output)
            for place, lane in enumerate(self.found.places)
            for output in range(len(self.graph.ops[lane[0]].outputs))
            if not read.isdisjoint(self.found.outputs(self.graph, place, output))
        )

    def _last(self, carried: dict[int, Carried], place: int, output: int) -> int:
        """The body's tensor with a result: where it is handed on, the variable's next value."""
        number = self.numbers[Made(place, output)]
        return carried[number].last if number in carried else number
