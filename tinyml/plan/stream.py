"""A segment as one kernel call: stages, windows, and their places in the call's scratch.

How many rows a stage computes at once, whether rows carry their padding to the sides, and whether
kernels are fast or take little scratch is the ``Banding``; ``tinyml.plan.partition`` tries several.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from tinyml.ir.calls import renamed
from tinyml.ir.graph import Graph
from tinyml.ir.kernel import (
    Constant,
    Cost,
    KernelCall,
    Overlap,
    Rows,
    Stage,
    Stream,
    Struct,
    overlap_of,
)
from tinyml.ir.progress import Counts, Progress, affine_runs, progress_of
from tinyml.plan.allocate import Range, allocate
from tinyml.plan.offers import Offer
from tinyml.plan.schedule import Schedule, play
from tinyml.plan.segments import Segment, is_reduced
from tinyml.plan.stages import Banding, Kernels, draft

MAX_STAGES = 32  # TML_STREAM_MAX of stream.h

_SCRATCH_LIMITS = (1 << 30, 1024, 256)  # bytes for the kernels of stages
_RUN = 130  # instructions of the scheduler per run
_GRAIN = 16  # bytes by which an output in place is said to follow its input


def fuse(
    graph: Graph, segment: Segment, banding: Banding, kernels: Kernels
) -> tuple[KernelCall, ...]:
    """Calls that compute a segment row by row, each on other kernels; none where it does not suit.

    The first call has the fastest kernels, the others those that take little scratch.
    """
    made = draft(graph, segment, banding, kernels)
    if made is None or max(len(made.rows), len(made.stages)) > MAX_STAGES:
        return ()
    schedule = play(made.rows, made.stages)
    if schedule is None:
        return ()
    rows = tuple(
        replace(item, capacity=count) if item.place == "scratch" else item
        for item, count in zip(made.rows, schedule.capacity, strict=True)
    )
    choices: list[tuple[Stage, ...]] = []
    for limit_bytes in _SCRATCH_LIMITS:
        stages = tuple(
            replace(stage, call=_kernel(offers, limit_bytes))
            for stage, offers in zip(made.stages, made.offers, strict=True)
        )
        choices += [stages] if stages not in choices else []
    return tuple(_call(graph, segment, rows, stages, schedule) for stages in choices)


def _kernel(offers: Sequence[Offer], limit_bytes: int) -> KernelCall | None:
    """The fastest kernel within a limit of scratch, or the one that takes least; None copies."""

    def key(offer: Offer) -> tuple[int, int, int]:
        scratch = offer.call.scratch_bytes
        return max(0, scratch - limit_bytes), offer.call.cost.instructions, scratch

    return min(offers, key=key).call if offers else None


def _call(
    graph: Graph,
    segment: Segment,
    rows: tuple[Rows, ...],
    stages: tuple[Stage, ...],
    schedule: Schedule,
) -> KernelCall:
    stream, scratch_bytes = _placed(graph, rows, stages, schedule)
    constants: list[Constant] = []
    for stage in stream.stages:
        constants += stage.call.constants if stage.call is not None else ()
    return KernelCall(
        function="tml_stream",
        header="kernels/stream/stream.h",
        params=Struct("tml_stream_params", ()),
        arguments=(),
        constants=tuple(constants),
        scratch_bytes=scratch_bytes,
        overlaps=(_overlap(graph, segment, stream, schedule),),
        cost=_cost(stream, schedule),
        isa=next((s.call.isa for s in stream.stages if s.call is not None and s.call.isa), ""),
        note=f"row by row, windows of {stream.window_bytes:,} bytes",
        stream=stream,
    )


def _placed(
    graph: Graph, rows: Sequence[Rows], stages: Sequence[Stage], schedule: Schedule
) -> tuple[Stream, int]:
    """The stream with all offsets in scratch; time is counted in stages.

    What only two neighbours use has its place while they run; so has a kernel's own scratch.
    """
    windows = [i for i, item in enumerate(rows) if item.place == "scratch"]
    ranges = [Range(*schedule.spans[i], rows[i].capacity * rows[i].pitch) for i in windows]
    kept = [i for i, stage in enumerate(stages) if stage.op >= 0 and _keeps(graph, stage)]
    last = len(stages) - 1
    ranges += [Range(0, last, _scratch(stages[i])) for i in kept]
    passing = [i for i, stage in enumerate(stages) if i not in kept and _scratch(stage)]
    whole = allocate([*ranges, *(Range(i, i, _scratch(stages[i])) for i in passing)])
    offsets = dict(
        zip([*windows, *(-1 - i for i in (*kept, *passing))], whole.offsets, strict=True)
    )
    placed = Stream(
        tuple(replace(item, offset=offsets.get(i, 0)) for i, item in enumerate(rows)),
        tuple(
            replace(_named(stage, i), scratch_offset=offsets.get(-1 - i, 0))
            for i, stage in enumerate(stages)
        ),
        allocate(ranges).arena_bytes if ranges else 0,
    )
    return placed, whole.arena_bytes


def _keeps(graph: Graph, stage: Stage) -> bool:
    """Whether a stage's scratch lives from run to run."""
    return is_reduced(graph.ops[stage.op], graph)


def _scratch(stage: Stage) -> int:
    return stage.call.scratch_bytes if stage.call is not None else 0


def _named(stage: Stage, number: int) -> Stage:
    """The stage with constants whose names are unique in the step."""
    if stage.call is None:
        return stage
    return replace(stage, call=renamed(stage.call, f"s{number}_"))


def _overlap(graph: Graph, segment: Segment, stream: Stream, schedule: Schedule) -> Overlap:
    """How the output may follow the input: after each run, what is written and what is needed."""
    given = next(item for item in stream.rows if item.place == "input")
    made = next(item for item in stream.rows if item.place == "output")
    given_bytes = given.pitch * given.count
    made_bytes = graph.tensors[segment.made].nbytes
    numbers, ends, kept = np.array(schedule.progress, np.int64).T
    written = ends * made.pitch if made.pitch else made_bytes * (ends == made.count)
    after = np.minimum(kept * given.pitch, given_bytes)
    start, before = (np.append(0, item[:-1]) for item in (written, after))
    parts = np.zeros_like(written)
    if follows_elementwise(stream):  # within a row reads and writes go in lock-step
        is_last = numbers == len(stream.stages) - 1
        parts = np.where(is_last & (written > start), -(-(written - start) // _GRAIN) - 1, 0)
    still = np.minimum(before + parts * _GRAIN, after)
    is_step = (written != start) | (after != before)
    within = _within_rows(start, (before, after), parts)
    return overlap_of(0, (*within, *progress_of(*_closest(written[is_step], still[is_step]))))


def _within_rows(start: Counts, reads: tuple[Counts, Counts], parts: Counts) -> Iterator[Progress]:
    """The parts of rows that are computed in place; ``reads`` are before and after each row."""
    is_cut = parts > 0
    start, parts = start[is_cut], parts[is_cut]
    before, after = (item[is_cut] for item in reads)
    moving = np.minimum(parts, -(-(after - before) // _GRAIN))  # parts of which each is read later
    key = moving * (int(parts.max(initial=0)) + 1) + parts
    for first, end in affine_runs(start, before, after, fixed=key) if len(start) else ():
        count, step = end - first, int(end > first + 1)
        moved, rest = int(moving[first]), int(parts[first] - moving[first])
        down = int(start[first + step] - start[first])
        at = int(start[first]) + _GRAIN
        if moved:
            steps = (down, _GRAIN), (int(before[first + step] - before[first]), _GRAIN)
            yield Progress((count, moved), at, int(before[first]), *steps)
        if rest:
            steps = (down, _GRAIN), (int(after[first + step] - after[first]), 0)
            yield Progress((count, rest), at + moved * _GRAIN, int(after[first]), *steps)


def _closest(written: Counts, reads: Counts) -> tuple[Counts, Counts]:
    """The points where reads and writes are closest: the others say less about the same bytes."""
    is_kept = np.append(True, written[1:] != written[:-1])  # where as much is written, the first
    written, reads = written[is_kept], reads[is_kept]
    is_kept = np.append(reads[1:] != reads[:-1], True)  # where the same is read, the last
    return written[is_kept], reads[is_kept]


def follows_elementwise(stream: Stream) -> bool:
    """Whether the last stage reads the step's input in place, element by element."""
    stage = stream.stages[-1]
    if stage.call is None:
        return False
    for number, reading in enumerate(stage.inputs):
        if stream.rows[reading.rows].place == "input":
            allowed = [item for item in stage.call.overlaps if item.input == number]
            return bool(allowed) and not allowed[0].progress and not allowed[0].reason
    return False


def _cost(stream: Stream, schedule: Schedule) -> Cost:
    """The kernels' costs, the scheduler's, and that of copying and moving rows by words."""
    instructions, code = schedule.runs * _RUN, 0
    for stage in stream.stages:
        rows = stream.rows[stage.output]
        moved = (rows.capacity - stage.band) * rows.pitch if rows.place == "scratch" else 0
        instructions += stage.runs * ((stage.copied_bytes + max(0, moved)) * 5 // 8)
        if stage.call is not None:
            instructions += stage.runs * stage.call.cost.instructions
            code += stage.call.cost.code_bytes
    return Cost(instructions, code)
