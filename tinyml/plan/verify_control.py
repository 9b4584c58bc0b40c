"""Plays a step that runs graphs through: is each value still there when a kernel reads it?

Every byte of the step's scratch has a tag, as in ``verify_stream``: which value it is of, and which
byte of that. A few rounds show all that there is to see, since the same calls come again at the
same places; what moves on from round to round is looked at in the last round too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tinyml import ops
from tinyml.base.errors import PlanError
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Control, Copy, Inner, KernelCall, Routine, Spot
from tinyml.ops.loop import Part
from tinyml.ops.traits import Variable
from tinyml.ops.while_loop import WhileAttrs
from tinyml.plan.extents import check_call
from tinyml.plan.overlaps import check_overlap
from tinyml.plan.tagged import TaggedMemory
from tinyml.plan.values import Placement
from tinyml.plan.verify_bounds import Claim

_ROUNDS = 4  # that are played
_BYTES = 1 << 32  # tags of a value
_NOTHING = -1


def verify_control(call: KernelCall, op: Op, graph: Graph, label: str) -> None:
    """Returns when a call that runs graphs computes what its op says; raises PlanError."""
    control = call.control
    assert control is not None
    for routine in control.routines:
        for inner in routine.calls:
            _check_inner(inner, routine, label)
    for copy in (item for items in control.copies for item in items):
        _check_bounds(copy, max(1, control.rounds), (call, op, graph), label)
    played = _Loop(call, op, graph, label)
    if isinstance(op.attrs, WhileAttrs):
        played.play_on()
    else:
        played.play()


def _check_inner(inner: Inner, routine: Routine, label: str) -> None:
    """Form and extent of a kernel, and those of the graphs that it runs itself."""
    graph, call = routine.graph, inner.call
    op = graph.ops[inner.op]
    where = f"{label}, '{op.name}'"
    form = ops.find_form(op, graph)
    if form is None or form.name != call.form:
        raise PlanError(f"{where}: {call.function} is not for the types there")
    if call.control is not None:
        verify_control(call, op, graph, where)
    else:
        check_call(call, (op, op), graph, where)


def _check_bounds(copy: Copy, rounds: int, held: tuple[KernelCall, Op, Graph], label: str) -> None:
    call, op, graph = held
    for spot in (copy.given, copy.made):
        size = call.scratch_bytes
        if spot.kind != "scratch":
            size = graph.tensors[(op.inputs, op.outputs)[spot.kind == "output"][spot.index]].nbytes
        ends = (spot.offset, spot.offset + spot.step * (rounds - 1))
        if min(ends) < 0 or max(ends) + copy.nbytes > size:
            raise PlanError(f"{label} copies {copy.nbytes} bytes from or to {ends} of {size}")


@dataclass(slots=True)
class _Loop:
    """A loop while it is played."""

    call: KernelCall
    op: Op
    graph: Graph
    label: str
    memory: TaggedMemory = field(init=False)
    outputs: tuple[TaggedMemory, ...] = field(init=False)
    values: dict[int, int] = field(default_factory=dict)  # first tag of each tensor of the body
    count: int = 0

    def __post_init__(self) -> None:
        self.memory = TaggedMemory(self.call.scratch_bytes, _NOTHING)
        sizes = (self.graph.tensors[i].nbytes for i in self.op.outputs)
        self.outputs = tuple(TaggedMemory(nbytes, _NOTHING) for nbytes in sizes)
        self.count = len(self.op.inputs)  # whose tags come first

    @property
    def control(self) -> Control:
        """What the call runs."""
        assert self.call.control is not None
        return self.call.control

    def play(self) -> None:
        """Plays the first rounds."""
        routine, body = self.control.routines[0], self.op.attrs.body
        before, each, made, after = self.control.copies
        self._copy(before, 0)
        for k, item in enumerate(body.carried, len(body.inputs)):
            self.values[item.first] = k * _BYTES
        rounds = min(self.control.rounds, _ROUNDS)
        results: list[list[int]] = []
        for turn in range(rounds):
            self._copy(each, turn)
            for k, (i, part) in enumerate(zip(body.inputs, self.op.attrs.given, strict=True)):
                unit = body.tensors[i].dtype.nbytes(1)
                self.values[i] = k * _BYTES + (part.start + part.step * turn) * unit
            self._run(routine)
            self._copy(made, turn)
            results.append([self.values[i] for i in body.outputs])
            self._hand_on(routine)
        self._copy(after, 0)
        for k, part in enumerate(self.op.attrs.made):
            self._check_result(k, part, [found[k] for found in results])

    def play_on(self) -> None:
        """Plays the first rounds of a loop that goes on as long as its condition says so."""
        body, condition = self.control.routines
        before, _, _, after = self.control.copies
        self._copy(before, 0)
        kept = {k: k * _BYTES for k in range(len(self.op.inputs))}
        for turn in range(_ROUNDS):
            self.values = dict(kept)
            self._run(condition)
            if not self._holds(condition, condition.graph.outputs[0]):
                raise PlanError(f"{self.label}: what the condition says is overwritten")
            if turn == _ROUNDS - 1:
                break
            self.values = dict(kept)
            self._run(body)
            self._hand_on(body)
            kept |= {item.first: self.values[item.first] for item in body.graph.carried}
        self._copy(after, 0)
        for n, k in enumerate(self.op.attrs.made):
            self._check_result(n, Part(0), [kept[k]])

    def _run(self, routine: Routine) -> None:
        calls = {inner.op: inner for inner in routine.calls}
        for number, op in enumerate(routine.graph.ops):
            if number in calls:
                self._call(calls[number], op, routine)
            else:
                self._view(op, routine)

    def _view(self, op: Op, routine: Routine) -> None:
        """An op that computes nothing: its output is the bytes of an operand."""
        trait = ops.trait_of(op.kind, Variable)
        given = op.inputs[1] if trait is not None and trait.is_written else op.inputs[0]
        made = op.outputs[0]
        if routine.offsets[made] != routine.offsets[given] or routine.offsets[made] < 0:
            raise PlanError(f"{self.label}: '{op.name}' is a view that lies somewhere else")
        self.values[made] = self.values[given]

    def _call(self, inner: Inner, op: Op, routine: Routine) -> None:
        graph, call = routine.graph, inner.call
        trait = ops.trait_of(op.kind, Variable)
        skipped = 1 if trait is not None and trait.is_written else 0  # it is only overwritten
        read = [i for i in op.inputs[skipped:] if i >= 0 and not graph.tensors[i].is_constant]
        for i in read:
            if not self._holds(routine, i):
                raise PlanError(f"{self.label}: '{op.name}' reads '{graph.tensors[i].name}' late")
        scratch = Placement("", inner.scratch_offset, call.scratch_bytes, 0, 0)
        written = [self._claim(routine, i) for i in op.outputs]
        for claim in written:
            self._check_apart(claim, scratch, op)
            for k, i in enumerate(op.inputs):
                if i in read:
                    given = self._claim(routine, i)
                    self._check_apart(given, scratch, op)
                    if _touch(given.at, claim.at):
                        check_overlap(call, k, graph, given, claim)
        if call.scratch_bytes:
            self.memory.write(inner.scratch_offset, call.scratch_bytes, _NOTHING, 0)
        for i, claim in zip(op.outputs, written, strict=True):
            self.count += 1
            self.values[i] = self.count * _BYTES
            self.memory.write(claim.at.offset, claim.at.nbytes, self.values[i], 1)

    def _check_apart(self, claim: Claim, scratch: Placement, op: Op) -> None:
        if scratch.nbytes and _touch(claim.at, scratch):
            raise PlanError(f"{self.label}: the scratch of '{op.name}' lies in {claim}")

    def _hand_on(self, routine: Routine) -> None:
        """What the next round begins with must lie where it looks for it."""
        for item in routine.graph.carried:
            name = routine.graph.tensors[item.first].name
            is_there = routine.offsets[item.first] == routine.offsets[item.last]
            if not is_there or not self._holds(routine, item.last):
                raise PlanError(f"{self.label}: '{name}' is not handed on to the next round")
            self.values[item.first] = self.values[item.last]

    def _check_result(self, k: int, part: Part, found: Sequence[int]) -> None:
        tensor = self.graph.tensors[self.op.outputs[k]]
        unit = tensor.dtype.nbytes(1)
        turns = enumerate(found) if part.step else [(0, found[-1])]
        nbytes = (abs(part.step) or tensor.elements) * unit
        for turn, tag in turns:
            start = (part.start + part.step * turn) * unit
            if not self.outputs[k].holds(start, nbytes, tag, 1):
                raise PlanError(f"{self.label}: a round does not make its part of '{tensor.name}'")

    def _claim(self, routine: Routine, tensor: int) -> Claim:
        held = routine.graph.tensors[tensor]
        if routine.offsets[tensor] < 0:
            raise PlanError(f"{self.label}: '{held.name}' has no place in memory")
        place = Placement("", routine.offsets[tensor], held.nbytes, 0, 0)
        if place.offset + place.nbytes > self.call.scratch_bytes:
            raise PlanError(f"{self.label}: '{held.name}' reaches beyond the scratch")
        return Claim(f"'{held.name}'", place, tensor)

    def _holds(self, routine: Routine, tensor: int) -> bool:
        at = self._claim(routine, tensor).at
        return tensor in self.values and self.memory.holds(
            at.offset, at.nbytes, self.values[tensor], 1
        )

    def _copy(self, copies: Sequence[Copy], turn: int) -> None:
        for item in copies:
            tags = self._tags(item.given, item.nbytes, turn)
            at = item.made.offset + item.made.step * turn
            target = self.memory if item.made.kind == "scratch" else self.outputs[item.made.index]
            target.write(at, item.nbytes, tags, 1)

    def _tags(self, spot: Spot, nbytes: int, turn: int) -> int:
        """The tag of the first of bytes that lie one behind the other in one value."""
        at = spot.offset + spot.step * turn
        if spot.kind == "input":
            return spot.index * _BYTES + at
        tag = self.memory.tag_at(at)
        if not self.memory.holds(at, nbytes, tag, 1):
            raise PlanError(f"{self.label} copies parts of several values")
        return tag


def _touch(a: Placement, b: Placement) -> bool:
    return a.offset < b.offset + b.nbytes and b.offset < a.offset + a.nbytes
