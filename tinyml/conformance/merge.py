"""Graphs side by side in one program, and parts of a graph as graphs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tinyml.conformance.values import Case, Vector
from tinyml.ir.graph import Carried, Graph, Op
from tinyml.ir.kernel import Stream
from tinyml.ir.parts import side_by_side
from tinyml.ops.memory_of_variables import variables_of
from tinyml.ops.reference import runs
from tinyml.plan.copies import copied_bytes
from tinyml.plan.predict import predict
from tinyml.plan.values import COPIED, Placement, Plan, Step, Use
from tinyml.target.board import Board

ALIGNMENT = 16  # bytes, of everything in an arena


def merged(cases: Sequence[Case]) -> tuple[Graph, tuple[Vector, ...]]:
    """One graph that computes all the cases, and its inputs: building a program is what is dear.

    There are as many vectors as the case with most has; the others repeat their last.
    """
    count = max(len(case.vectors) for case in cases)
    vectors = tuple(
        tuple(value for case in cases for value in case.vectors[min(i, len(case.vectors) - 1)])
        for i in range(count)
    )
    return side_by_side([case.graph for case in cases]), vectors


def joined(plans: Sequence[Plan], board: Board) -> Plan:
    """The plans of independent graphs as one: each as it is, its arena behind the one before."""
    steps: list[Step] = []
    copied: list[int] = []  # steps whose constants lie in RAM
    places: list[Placement | None] = []
    arenas: Counter[str] = Counter()
    states: Counter[str] = Counter()
    total = sum(len(made.steps) for made in plans)
    op_base = 0
    for made in plans:
        before = dict(arenas), dict(states)
        move = _Move(len(places), op_base, len(steps), *before, total, len(made.steps))
        copied += [len(steps) + i for i in made.copied_steps]
        steps += [move.step(step) for step in made.steps]
        places += [move.place(place) if place else None for place in made.tensors]
        op_base += len(made.graph.ops)
        for region, nbytes in made.arena_bytes:
            arenas[region] += -(-nbytes // ALIGNMENT) * ALIGNMENT
        states.update(dict(made.state_bytes))  # multiples of the alignment
    graph = side_by_side([made.graph for made in plans])
    in_ram = copied_bytes(steps, copied)
    uses = _memory(plans, arenas)
    if in_ram:
        uses.append(Use(board.ram[0].region, COPIED, in_ram))
    rest = predict(graph, tuple(steps), board, plans[0].optimize, True)
    return replace(
        plans[0],
        graph=graph,
        steps=tuple(steps),
        tensors=tuple(places),
        arena_bytes=tuple(arenas.items()),
        state_bytes=tuple(states.items()),
        copied_steps=tuple(copied),
        copied_bytes=in_ram,
        activation_bytes=sum(made.activation_bytes for made in plans),
        lower_bound_bytes=sum(made.lower_bound_bytes for made in plans),
        uses=(*uses, *rest),
        as_read=side_by_side([made.reference_graph for made in plans]),
    )


def _memory(plans: Sequence[Plan], arenas: Mapping[str, int]) -> list[Use]:
    """The budget's lines of arenas and variables of all the plans."""
    uses: Counter[tuple[str, str]] = Counter()
    for use in (use for made in plans for use in made.uses):
        if use.purpose in ("activations", "scratch", "state"):
            uses[use.region, use.purpose] += use.nbytes
    for region, nbytes in arenas.items():  # what alignment between the arenas takes
        held = sum(n for (r, what), n in uses.items() if r == region and what != "state")
        uses[region, "activations"] += nbytes - held
    return [Use(*key, nbytes) for key, nbytes in uses.items()]


@dataclass(frozen=True, slots=True)
class _Move:
    """How the numbers of one plan change among others."""

    tensors: int  # before it
    ops: int
    steps: int
    arenas: dict[str, int]  # bytes before it, by region
    states: dict[str, int]
    total: int  # steps of all plans
    own: int  # steps of this one

    def step(self, step: Step) -> Step:
        call, scratch = step.call, step.scratch
        if call is not None and call.stream is not None:
            call = replace(call, stream=self._stream(call.stream))
        return replace(
            step,
            ops=tuple(self.ops + i for i in step.ops),
            call=call,
            scratch=self.place(scratch) if scratch else None,
        )

    def place(self, place: Placement) -> Placement:
        before = self.states if place.is_state else self.arenas
        return replace(
            place,
            offset=place.offset + before.get(place.region, 0),
            first_use=self._number(place.first_use),
            last_use=self.total if place.last_use == self.own else self._number(place.last_use),
        )

    def _number(self, step: int) -> int:
        """A step's number among all; -1, before any step, is so for an input that nobody reads."""
        return step if step < 0 else self.steps + step

    def _stream(self, stream: Stream) -> Stream:
        return replace(
            stream,
            rows=tuple(replace(item, tensor=self.tensors + item.tensor) for item in stream.rows),
            stages=tuple(
                replace(stage, op=self.ops + stage.op) if stage.op >= 0 else stage
                for stage in stream.stages
            ),
        )


def parted(cases: Sequence[Case], outputs: Sequence[Vector]) -> list[tuple[Vector, ...]]:
    """The outputs of each case among those of ``merged``."""
    found, at = [], 0
    for case in cases:
        count = len(case.graph.outputs)
        found.append(tuple(row[at : at + count] for row in outputs[: len(case.vectors)]))
        at += count
    return found


def part_of(case: Case, kept: Sequence[int]) -> Case | None:
    """The case with some of its ops only, by number; None when nothing is left to compute.

    What they read of the others become inputs, with the values that the reference has there; what
    none of them reads becomes an output.
    """
    graph = case.graph
    ops = [graph.ops[i] for i in kept]
    made = [i for op in ops for i in op.outputs]
    known = {i for i, t in enumerate(graph.tensors) if t.is_constant or t.is_variable}
    read = dict.fromkeys(i for op in ops for i in op.inputs if i >= 0)
    inputs = [i for i in read if i not in made and i not in known]
    carried = [item for item in graph.carried if item.last in made]
    lasts = {item.last for item in carried}
    outputs = [i for i in made if i not in {*read, *lasts} or i in graph.outputs]
    if not ops or not inputs or not outputs or _parts_a_variable(graph, kept):
        return None
    values = list(runs(graph, case.vectors))
    order = sorted({*read, *made, *inputs})
    number = {old: new for new, old in enumerate(order)} | {-1: -1}
    smaller = replace(
        graph,
        tensors=tuple(graph.tensors[i] for i in order),
        ops=tuple(_renumbered(op, number) for op in ops),
        inputs=tuple(number[i] for i in inputs),
        outputs=tuple(number[i] for i in outputs),
        carried=tuple(Carried(number[item.first], number[item.last]) for item in carried),
        parts=(),
    )

    def picked(indices: Sequence[int]) -> tuple[Vector, ...]:
        return tuple(tuple(row[i] for i in indices) for row in values)  # type: ignore[misc]

    return Case(case.path, smaller, picked(inputs), picked(outputs))


def _renumbered(op: Op, number: Mapping[int, int]) -> Op:
    inputs = tuple(number[i] for i in op.inputs)
    return replace(op, inputs=inputs, outputs=tuple(number[i] for i in op.outputs))


def _parts_a_variable(graph: Graph, kept: Sequence[int]) -> bool:
    """Whether some of the ops that touch a variable are kept, and others are not."""
    variables = variables_of(graph)
    parted: dict[int, set[bool]] = {}
    for number, op in enumerate(graph.ops):
        for i in (*op.inputs, *op.outputs):
            if i in variables:
                parted.setdefault(variables[i], set()).add(number in kept)
    return any(len(found) > 1 for found in parted.values())
