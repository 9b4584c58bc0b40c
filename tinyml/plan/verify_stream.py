"""A second opinion on a step that runs row by row: the whole of it is played through, byte by byte.

Every byte of the arena holds a tag: which tensor, row and byte of the row was last written there.
The stages run as ``firmware/kernels/stream.h`` would run them, at the addresses of the plan; each
must find the very bytes that it wants to read. Nothing here uses the planner's own code.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tinyml.base.errors import PlanError
from tinyml.ir.kernel import Reading, Rows, Stage, Stream
from tinyml.plan.tagged import TaggedMemory
from tinyml.plan.values import Placement, Plan

_PADDING, _STATE, _LOST = 1 << 50, 1 << 51, 1 << 52  # tags besides those of rows; plus a number


def verify_stream(plan: Plan, number: int) -> None:
    """Returns when step ``number`` computes its output from the right rows; else PlanError."""
    step = plan.steps[number]
    assert step.call is not None
    assert step.call.stream is not None
    stream = step.call.stream
    _check_ops(plan, number, stream)
    places = [_place(plan, number, item) for item in stream.rows]
    for item, place in zip(stream.rows, places, strict=True):
        reach = item.offset + item.capacity * item.pitch
        if item.place == "scratch" and reach > place.nbytes:
            raise PlanError(f"step {number}: a window reaches to {reach} of its scratch")
    _Player(plan, number, stream, places).play()


def _check_ops(plan: Plan, number: int, stream: Stream) -> None:
    """Each op of the step has one stage, in order, which reads and writes the op's tensors."""
    graph = plan.graph
    stages = [stage for stage in stream.stages if stage.op >= 0]
    if tuple(stage.op for stage in stages) != plan.steps[number].ops:
        raise PlanError(f"step {number}: its stages compute {[stage.op for stage in stages]}")
    for stage in stages:
        op = graph.ops[stage.op]
        wanted = [i for i in op.inputs if i >= 0 and not graph.tensors[i].is_constant]
        read = [stream.rows[reading.rows].tensor for reading in stage.inputs]
        if read != wanted or stream.rows[stage.output].tensor != op.outputs[0]:
            raise PlanError(f"step {number}: a stage of '{op.name}' has other operands")


def _place(plan: Plan, number: int, item: Rows) -> Placement:
    place = plan.steps[number].scratch if item.place == "scratch" else plan.tensors[item.tensor]
    if place is None:
        raise PlanError(f"step {number}: rows of tensor {item.tensor} have no place in memory")
    return place


@dataclass
class _Player:
    """The arenas of all regions, one behind the other, as tags; and how far everything is."""

    plan: Plan
    number: int
    stream: Stream
    places: list[Placement]
    memory: TaggedMemory = field(init=False)
    bases: dict[tuple[str, bool], int] = field(init=False)  # arenas, variables (True) in ``memory``
    first: list[int] = field(init=False)
    end: list[int] = field(init=False)
    runs: list[int] = field(init=False)

    def __post_init__(self) -> None:
        rows = self.stream.rows
        self.bases, total = {}, 0
        for memories, is_state in ((self.plan.arena_bytes, False), (self.plan.state_bytes, True)):
            for region, nbytes in memories:
                self.bases[region, is_state] = total
                total += nbytes
        self.memory = TaggedMemory(total, _LOST)
        self.first = [0] * len(rows)
        self.end = [item.above + (item.count if item.place == "input" else 0) for item in rows]
        self.runs = [0] * len(self.stream.stages)
        for i, item in enumerate(rows):
            if item.is_padded:
                nbytes = item.capacity * item.pitch
                self.memory.write(self._start(i), nbytes, _PADDING + item.tensor, 0)
            for row in range(item.count if item.place == "input" else 0):
                tag, nbytes = self._tags(item, row)
                self.memory.write(self._start(i) + row * item.pitch, nbytes, tag, 1)

    def play(self) -> None:
        """Runs all stages; the deepest one that has its rows comes first."""
        while True:
            ready = [i for i in range(len(self.stream.stages)) if self._is_ready(i)]
            if not ready:
                break
            self._run(max(ready))
        for i, item in enumerate(self.stream.rows):
            if item.place == "output":
                self._check_output(i, item)

    def _check_output(self, i: int, item: Rows) -> None:
        if self.end[i] != item.count:
            raise PlanError(f"step {self.number}: only {self.end[i]} of {item.count} rows are made")
        for row in range(item.count) if item.pitch else (item.count - 1,):
            start = self._start(i) + row * item.pitch
            tag, nbytes = self._tags(item, row)
            if not self.memory.holds(start, nbytes, tag, 1):
                raise PlanError(f"step {self.number}: row {row} of its output is overwritten")

    def _is_ready(self, i: int) -> bool:
        stage, run = self.stream.stages[i], self.runs[i]
        if run >= stage.runs:
            return run < stage.runs + self.stream.rows[stage.output].below
        return all(
            item.start + run * item.step + item.need <= self.end[item.rows] for item in stage.inputs
        )

    def _run(self, i: int) -> None:
        stage, run = self.stream.stages[i], self.runs[i]
        made = self.stream.rows[stage.output]
        self.runs[i] += 1
        if run >= stage.runs:
            start = self._room(stage.output, 1)
            self.memory.write(start, made.pitch, _PADDING + made.tensor, 0)
            return
        # Scratch is lost before, during and after: nothing that is read may lie there.
        self._use_scratch(i, stage, run)
        start = self._room(stage.output, stage.band)
        row = self.end[stage.output] - stage.band - made.above
        for k, reading in enumerate(stage.inputs):
            read = self._check_reading(reading, run)
            self._check_in_place(stage, k, read, (start, start + stage.band * made.pitch))
        for k in range(stage.band):
            tag, nbytes = self._tags(made, row + k)
            if made.pitch or run + 1 == stage.runs:
                self.memory.write(start + made.lead + k * made.pitch, nbytes, tag, 1)
        self._use_scratch(i, stage, run + 1)

    def _use_scratch(self, i: int, stage: Stage, run: int) -> None:
        call, place = stage.call, self.plan.steps[self.number].scratch
        if call is None or not call.scratch_bytes or place is None:
            return
        if stage.scratch_offset + call.scratch_bytes > place.nbytes:
            raise PlanError(f"step {self.number}: scratch of stage {i} is too small")
        start = self.bases[place.region, place.is_state] + place.offset + stage.scratch_offset
        tag = _LOST
        if any(arg.kind == "run" for arg in call.arguments):
            tag = _STATE + i
            if run > 0 and not self.memory.holds(start, call.scratch_bytes, tag, 0):
                raise PlanError(f"step {self.number}: the state of stage {i} is overwritten")
        self.memory.write(start, call.scratch_bytes, tag, 0)

    def _room(self, which: int, count: int) -> int:
        """The address of the next rows of a tensor, after moving what is still needed."""
        item = self.stream.rows[which]
        end = self.end[which]
        if end + count - self.first[which] > item.capacity:
            keep = min([end, *self._needed(which)])
            if end + count - keep > item.capacity:
                raise self._error(item, end, "has no room")
            start = self._start(which)
            begin = start + (keep - self.first[which]) * item.pitch
            self.memory.move(begin, (end - keep) * item.pitch, start)
            self.first[which] = keep
        self.end[which] = end + count
        return self._start(which) + (end - self.first[which]) * item.pitch

    def _needed(self, which: int) -> list[int]:
        return [
            reading.start + run * reading.step
            for stage, run in zip(self.stream.stages, self.runs, strict=True)
            for reading in stage.inputs
            # The stage that is running has been counted as done, but writes to another tensor.
            if reading.rows == which and run < stage.runs
        ]

    def _check_reading(self, reading: Reading, run: int) -> tuple[int, int]:
        """The addresses that a run reads, which must hold its rows with their padding."""
        item = self.stream.rows[reading.rows]
        first = reading.start + run * reading.step
        start = self._start(reading.rows) + (first - self.first[reading.rows]) * item.pitch
        for k in range(reading.need):
            is_there = first >= self.first[reading.rows] and self._holds_row(
                item, first + k - item.above, start + k * item.pitch, reading.skip
            )
            if not is_there:
                raise self._error(item, first + k, "is gone when it is read")
        return start + reading.skip, start + reading.need * item.pitch

    def _holds_row(self, item: Rows, row: int, start: int, skip: int) -> bool:
        """Whether a row lies at an address, behind ``skip`` bytes, with its padding if any."""
        padding = _PADDING + item.tensor
        if not 0 <= row < item.count:
            return self.memory.holds(start + skip, item.pitch - skip, padding, 0)
        tag, nbytes = self._tags(item, row)
        if skip:
            return self.memory.holds(start + skip, nbytes, tag, 1)
        end = item.lead + nbytes
        return (
            self.memory.holds(start, item.lead, padding, 0)
            and self.memory.holds(start + item.lead, nbytes, tag, 1)
            and self.memory.holds(start + end, max(0, item.pitch - end), padding, 0)
        )

    def _error(self, item: Rows, row: int, what: str) -> PlanError:
        name = self.plan.graph.tensors[item.tensor].name
        return PlanError(f"step {self.number}: row {row - item.above} of '{name}' {what}")

    def _check_in_place(
        self, stage: Stage, operand: int, read: tuple[int, int], written: tuple[int, int]
    ) -> None:
        """A run may write over what it reads only if its kernel allows that."""
        if read[0] >= written[1] or written[0] >= read[1]:
            return
        overlaps = stage.call.overlaps if stage.call is not None else ()
        if not any(
            item.input == operand and read[0] - written[0] >= item.distance_bytes
            for item in overlaps
        ):
            raise PlanError(f"step {self.number}: a stage writes over the rows that it reads")

    def _start(self, which: int) -> int:
        item, place = self.stream.rows[which], self.places[which]
        return (
            self.bases[place.region, place.is_state]
            + place.offset
            + (item.offset if item.place == "scratch" else 0)
        )

    def _tags(self, item: Rows, row: int) -> tuple[int, int]:
        """The tag of the first byte of a row of pixels, and its bytes; they count up from there."""
        tensor = self.plan.graph.tensors[item.tensor]
        nbytes = tensor.nbytes // tensor.shape[1]
        if not item.pitch:
            row = 0
        return (item.tensor << 32) + row * nbytes, nbytes
