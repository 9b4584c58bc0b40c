"""The stages of a segment and the windows between them, before sizes and places are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from tinyml.ir.dtype import INT32
from tinyml.ir.graph import Graph
from tinyml.ir.kernel import Arg, Cost, KernelCall, Reading, Rows, Stage, Struct
from tinyml.ir.shapes import Window
from tinyml.ops import trait_of, traits
from tinyml.ops.common import activation_range, clamp_struct, quant_of
from tinyml.ops.extents import Extent, Fields, dense
from tinyml.plan.offers import PLAIN, Offer
from tinyml.plan.segments import Segment, data_inputs, fill_of, is_reduced, windows_of

Kernels = Callable[[int, int, bool], tuple[Offer, ...]]  # op, rows at once, whether rows are wide


@dataclass(frozen=True, slots=True)
class Banding:
    """A way to stream a segment."""

    band: int  # rows that a stage computes at once, at most
    is_wide: bool = False  # windows of convolutions hold the padding to the sides too


@dataclass
class Draft:
    """Stages and rows; capacities and offsets are open."""

    graph: Graph
    segment: Segment
    banding: Banding
    rows: list[Rows] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)
    offers: list[tuple[Offer, ...]] = field(default_factory=list)  # kernels of each stage
    where: dict[int, int] = field(default_factory=dict)  # tensor → rows that its readers use
    wide: set[int] = field(default_factory=set)  # tensors whose windows hold padding to the sides


def draft(graph: Graph, segment: Segment, banding: Banding, kernels: Kernels) -> Draft | None:
    """The stages of a segment in the order of its ops, after a copy of the input where needed."""
    made = Draft(graph, segment, banding)
    inner = [i for op in segment.ops for i in graph.ops[op].outputs if i != segment.made]
    if banding.is_wide:
        made.wide = {i for i in (segment.given, *inner) if _wants_wide(made, i)}
        if not made.wide:
            return None
    made.rows.append(_full(graph, segment.given, "input"))
    for tensor in (segment.given, *inner):
        readers = segment.readers(graph, tensor)
        if tensor == segment.given and not any(_needs_copy(made, op) for op in readers):
            continue
        window = _window(made, tensor)
        if window is None:
            return None
        made.where[tensor] = len(made.rows)
        made.rows.append(window)
    made.where[segment.made] = len(made.rows)
    made.rows.append(_full(graph, segment.made, "output"))
    if segment.given in made.where:
        made.stages.append(_copy(made))
        made.offers.append(())
    for number in segment.ops:
        stage = _stage(made, number, kernels)
        if stage is None:
            return None
        made.stages.append(stage)
    reduced = is_reduced(graph.ops[segment.ops[-1]], graph)
    if reduced:
        made.rows[-1] = replace(made.rows[-1], count=made.stages[-1].runs, pitch=0)
    return made


def _wants_wide(made: Draft, tensor: int) -> bool:
    readers = made.segment.readers(made.graph, tensor)
    return any(
        (trait := trait_of(op.kind, traits.Rows)) is not None
        and trait.has_wide_kernels
        and _is_padded(windows_of(op, made.graph)[1])
        for op in (made.graph.ops[i] for i in readers)
    )


def _is_padded(axis: Window) -> bool:
    return axis.pad > 0 or axis.pad_after > 0


def _full(graph: Graph, tensor: int, place: Literal["input", "output"]) -> Rows:
    held = graph.tensors[tensor]
    return Rows(tensor, place, held.shape[1], held.nbytes // held.shape[1], held.shape[1])


def _needs_copy(made: Draft, number: int) -> bool:
    """Whether an op cannot read the rows of the segment's input where they are."""
    rows, columns = windows_of(made.graph.ops[number], made.graph)
    is_wide = made.segment.given in made.wide
    return _is_padded(rows) or (is_wide and _is_padded(columns))


def _window(made: Draft, tensor: int) -> Rows | None:
    """The window of a tensor with the padding that its readers want; None when they disagree."""
    graph = made.graph
    _, height, width, channels = graph.tensors[tensor].shape
    is_wide = tensor in made.wide
    above = below = 0
    sides: set[tuple[int, int]] = set()
    fills: set[int] = set()
    for number in made.segment.readers(graph, tensor):
        op = graph.ops[number]
        rows, columns = windows_of(op, graph)
        if tensor == made.segment.given and not _needs_copy(made, number):
            continue
        above, below = max(above, rows.pad), max(below, rows.pad_after)
        is_side = is_wide and _is_padded(columns)
        if is_side:
            sides.add((columns.pad, columns.pad_after))
        elif is_wide and rows.extent > 1:
            return None
        if is_side or _is_padded(rows):
            fills.add(fill_of(op, graph))
    if len(sides) > 1 or len(fills) > 1:
        return None
    left, right = next(iter(sides), (0, 0))
    pixel_bytes = graph.tensors[tensor].dtype.nbytes(channels)
    return Rows(
        tensor,
        "scratch",
        height,
        (left + width + right) * pixel_bytes,
        0,
        lead=left * pixel_bytes,
        above=above,
        below=below,
        fill=next(iter(fills), 0),
        is_padded=bool(fills),
    )


def _copy(made: Draft) -> Stage:
    given = made.rows[0]
    return Stage(
        op=-1,
        call=None,
        inputs=(Reading(0, 0, 1, 1),),
        output=made.where[made.segment.given],
        band=1,
        runs=given.count,
        copied_bytes=given.pitch,
    )


def _stage(made: Draft, number: int, kernels: Kernels) -> Stage | None:
    graph = made.graph
    op = graph.ops[number]
    inputs = data_inputs(op, graph)
    rows, columns = windows_of(op, graph)
    reads_sides = _is_padded(columns) and all(i in made.wide for i in inputs)
    leaves_sides = any(i in made.wide for i in inputs) and not reads_sides
    output = made.where[op.outputs[0]]
    must_be_single = leaves_sides or (op.outputs[0] in made.wide)
    most = 1 if must_be_single else made.banding.band
    if is_reduced(op, graph):
        return _reduction(made, number, _divisor(rows.in_size, most))
    band = _divisor(rows.out_size, most)
    if leaves_sides and rows.extent > 1:
        return None
    made.offers.append(kernels(number, band, reads_sides))
    return Stage(
        op=number,
        call=None,
        inputs=tuple(_reading(made, number, i, rows, band, reads_sides) for i in inputs),
        output=output,
        band=band,
        runs=rows.out_size // band,
    )


def _divisor(count: int, most: int) -> int:
    """The largest divisor of ``count`` that is at most ``most``: all bands have one height."""
    return max(i for i in range(1, min(count, most) + 1) if count % i == 0)


# Six parameters: the draft, and where in it.
def _reading(
    made: Draft, number: int, tensor: int, rows: Window, band: int, reads_sides: bool
) -> Reading:
    index = made.where.get(tensor, 0)
    if tensor == made.segment.given and not _needs_copy(made, number):
        index = 0
    held = made.rows[index]
    return Reading(
        rows=index,
        start=held.above - rows.pad,
        need=(band - 1) * rows.stride + rows.extent,
        step=band * rows.stride,
        skip=0 if reads_sides else held.lead,
    )


def _reduction(made: Draft, number: int, band: int) -> Stage:
    """An average over the whole image, ``band`` rows of it at a time."""
    graph = made.graph
    op = graph.ops[number]
    index = made.where.get(op.inputs[0], 0)
    held = made.rows[index]
    _, height, width, channels = graph.tensors[op.inputs[0]].shape
    quant = quant_of(graph.tensors[op.outputs[0]])
    params = Struct(
        "tml_average_rows_params",
        (
            ("channels", channels),
            ("band_bytes", band * width * channels),
            ("runs", height // band),
            ("pixels", height * width),
            ("clamp", clamp_struct(activation_range(op.attrs.activation, quant))),
        ),
    )
    call = KernelCall(
        function="tml_average_rows_s8",
        header="kernels/stream/average_rows_s8.h",
        params=params,
        arguments=(Arg("input", 0), Arg("output", 0), Arg("scratch", dtype=INT32), Arg("run")),
        scratch_bytes=4 * channels,
        cost=Cost(channels * (12 + 4 * band * width), 120),
        form="s8",
    )
    made.offers.append((Offer(PLAIN, call),))
    reading = Reading(index, held.above, band, band, held.lead)
    return Stage(number, None, (reading,), made.where[op.outputs[0]], 1, height // band)


def _average_extent(f: Fields) -> Extent:
    return dense(f["band_bytes"], made=f["channels"])


EXTENTS = {"tml_average_rows_params": _average_extent}
