"""Geometry of the plots on the page: memory over time, cycles per MAC. All in percent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tinyml.plan.fit import short_name
from tinyml.report.arena import Placed
from tinyml.report.report import Report

PLOT_WIDTH, PLOT_HEIGHT = 900, 340  # pixels of a wide page: decide which labels fit
CHARACTER, LINE = 6.2, 15  # pixels of small text
TICKS = 16  # layers named on an axis, at most


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Block:
    """A rectangle of the memory map."""

    x: float
    y: float  # from the top
    width: float
    height: float
    role: str
    label: str  # "" when there is no room
    info: str


@dataclass(frozen=True, slots=True)
class MemoryMap:
    """One region over time: layers to the right, addresses upwards."""

    region: str
    nbytes: int
    blocks: tuple[Block, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    peak_x: float  # left edge of the layer at which the most bytes are in use
    column: float  # width of a layer
    peak: str


@dataclass(frozen=True, slots=True)
class Point:
    """A layer in the plot of cycles per MAC."""

    x: float
    y: float
    value: float
    colour: int
    index: int
    info: str


@dataclass(frozen=True, slots=True)
class Density:
    """Cycles per MAC of each layer, on a logarithmic axis."""

    points: tuple[Point, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    mean: float
    mean_y: float


def memory_maps(report: Report) -> tuple[MemoryMap, ...]:
    """A map per region that holds a part of the arena."""
    return tuple(
        _map(report, region, nbytes) for region, nbytes in report.arena.regions.items() if nbytes
    )


def used_at(placed: Sequence[Placed], layer: int) -> int:
    """Bytes in use at a layer, those that two things share counted once."""
    total = end = 0
    for start, stop in sorted(
        (p.offset, p.offset + p.nbytes) for p in placed if p.first_use <= layer <= p.last_use
    ):
        total += max(0, stop - max(start, end))
        end = max(end, stop)
    return total


def density_of(
    layers: Sequence[tuple[int, float | None, int, str]], work: int, macs: int
) -> Density | None:
    """The plot of (index, work per MAC, colour, info); None when no layer multiplies."""
    values = [value for _, value, _, _ in layers if value]
    if not values or not macs:
        return None
    low, high = _mark(min(values), is_upper=False), _mark(max(values), is_upper=True)
    span = math.log10(high / low) or 1

    def y_of(value: float) -> float:
        return 100 - 100 * math.log10(value / low) / span

    column = 100 / len(layers)
    marks = [m * 10.0**e for e in range(-4, 7) for m in (1, 2, 5)]
    return Density(
        points=tuple(
            Point((place + 0.5) * column, y_of(value), value, colour, index, info)
            for place, (index, value, colour, info) in enumerate(layers)
            if value
        ),
        x_ticks=_layer_ticks(len(layers), 0, len(layers)),
        y_ticks=tuple(
            Tick(y_of(mark), f"{mark:g}")
            for mark in marks
            if low <= mark * 1.001 and mark <= high * 1.001
        ),
        mean=work / macs,
        mean_y=min(100.0, max(0.0, y_of(work / macs))),
    )


def _map(report: Report, region: str, nbytes: int) -> MemoryMap:
    placed = [p for p in report.arena.placed if p.region == region]
    count = len(report.layers)
    columns = count + 2
    used = {layer: used_at(placed, layer) for layer in range(-1, count + 1)}
    peak = max(used, key=lambda layer: (used[layer], -layer))
    return MemoryMap(
        region=region,
        nbytes=nbytes,
        blocks=tuple(_block(p, placed[i + 1 :], nbytes, columns) for i, p in enumerate(placed)),
        x_ticks=_layer_ticks(count, 1, columns),
        y_ticks=tuple(Tick(100 - 100 * y / nbytes, f"{y:,}") for y in _round_steps(nbytes)),
        peak_x=100 * (peak + 1) / columns,
        column=100 / columns,
        peak=f"{used[peak]:,} B in use at {_when(peak, count)}",
    )


def _block(placed: Placed, above: Sequence[Placed], nbytes: int, columns: int) -> Block:
    width = 100 * (placed.last_use - placed.first_use + 1) / columns
    height = 100 * placed.nbytes / nbytes
    name = " = ".join(short_name(name) for name in placed.names) or f"scratch of {placed.first_use}"
    size = f"{placed.nbytes:,}"
    room = int(_open_layers(placed, above, nbytes) / columns * PLOT_WIDTH / CHARACTER) - 1
    label = ""
    if height / 100 * PLOT_HEIGHT >= LINE:
        texts = (f"{name} {size}", size, "in" if placed.first_use < 0 else str(placed.first_use))
        label = next((text for text in texts if len(text) <= room), "")
    last = columns - 2
    return Block(
        x=100 * (placed.first_use + 1) / columns,
        y=100 - 100 * (placed.offset + placed.nbytes) / nbytes,
        width=width,
        height=height,
        role=placed.role,
        label=label,
        info=f"{name} · {placed.role} · {size} B at [{placed.offset:,}, "
        f"{placed.offset + placed.nbytes:,}) · from {_when(placed.first_use, last)} to "
        f"{_when(placed.last_use, last)}",
    )


def _open_layers(placed: Placed, above: Sequence[Placed], arena_bytes: int) -> int:
    """Layers from the first use on for which no other box is drawn over the middle of this one."""
    middle = placed.offset + placed.nbytes / 2
    band = arena_bytes / PLOT_HEIGHT * LINE / 2
    covered = [
        p.first_use
        for p in above
        if p.first_use <= placed.last_use
        and p.offset < middle + band
        and middle - band < p.offset + p.nbytes
    ]
    return min([placed.last_use + 1, *covered]) - placed.first_use


def _when(layer: int, count: int) -> str:
    if layer < 0:
        return "the input"
    return "the output" if layer >= count else f"layer {layer}"


def _layer_ticks(count: int, before: int, columns: int) -> tuple[Tick, ...]:
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100, 200, 500, 10**6) if count <= s * TICKS)
    return tuple(
        Tick(100 * (layer + before + 0.5) / columns, str(layer)) for layer in range(0, count, step)
    )


def _round_steps(nbytes: int) -> list[int]:
    """0, some multiples of a power of two, and the end."""
    step = 1 << max(0, (nbytes // 4).bit_length() - 1)
    steps = list(range(0, nbytes, step))
    if len(steps) > 1 and nbytes - steps[-1] < nbytes * 0.06:
        steps.pop()
    return [*steps, nbytes]


def _mark(value: float, *, is_upper: bool) -> float:
    """The next of 1, 2, 5 times a power of ten at or below, or at or above, a value."""
    exponent = math.floor(math.log10(value))
    marks = [m * 10.0 ** (exponent + e) for e in (0, 1) for m in (1, 2, 5)]
    if is_upper:
        return min(mark for mark in marks if mark >= value * 0.9999)
    return max(mark for mark in marks if mark <= value * 1.0001)
