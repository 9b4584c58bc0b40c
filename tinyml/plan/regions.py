"""Which memory region each buffer lies in: the busiest bytes in the first one, the rest spilled.

A board lists its RAM regions in the order in which they should be used, the fastest first. When
the arena does not fit into the first, every buffer and every scratch is placed alone, those with
the most work per byte first, into the first region that still holds it beside what is there. Work
is the instructions of the steps that touch a buffer: what a kernel does, it does to its operands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tinyml.ir.graph import Graph
from tinyml.plan.allocate import Layout, Range, Sharing, allocate, quick_bytes
from tinyml.plan.values import Placement, Step
from tinyml.target.board import Board

WORD_BYTES = 4  # of an access, for the price of a slow region


@dataclass(frozen=True, slots=True)
class Room:
    """What a region has left for the arena."""

    region: str
    nbytes: int


@dataclass(frozen=True, slots=True)
class Spread:
    """Where every range lies."""

    regions: tuple[str, ...]  # per range
    offsets: tuple[int, ...]  # per range, in its region
    arena_bytes: tuple[tuple[str, int], ...]  # of the regions used, in the order of the board


def whole(layout: Layout, region: str) -> Spread:
    """Everything in one region."""
    regions = (region,) * len(layout.offsets)
    return Spread(regions, layout.offsets, ((region, layout.arena_bytes),))


def spread(
    ranges: Sequence[Range],
    work: Sequence[int],
    sharings: Sequence[Sharing],
    rooms: Sequence[Room],
) -> Spread | None:
    """A layout over several regions, or None when one of the ranges fits in none.

    ``work`` is the instructions of the steps that touch each range.
    """
    members: list[list[int]] = [[] for _ in rooms]
    busiest = sorted(range(len(ranges)), key=lambda i: (-work[i] / max(1, ranges[i].nbytes), i))
    for i in busiest:
        for held, room in zip(members, rooms, strict=True):
            tried = sorted([*held, i])
            if quick_bytes(*only(ranges, sharings, tried)) <= room.nbytes:
                held[:] = tried
                break
        else:
            return None
    regions, offsets = [""] * len(ranges), [0] * len(ranges)
    arenas = []
    for held, room in zip(members, rooms, strict=True):
        if not held:
            continue
        layout = allocate(*only(ranges, sharings, held))
        arenas.append((room.region, layout.arena_bytes))
        for i, offset in zip(held, layout.offsets, strict=True):
            regions[i], offsets[i] = room.region, offset
    return Spread(tuple(regions), tuple(offsets), tuple(arenas))


def stall_cycles(
    graph: Graph,
    steps: Sequence[Step],
    tensors: Sequence[Placement | None],
    board: Board,
) -> int:
    """Roughly what waiting for slow regions costs: every word written once and read by each user.

    ``read_wait_cycles`` of a region is what one word costs there, averaged over a cache line.
    """
    waits = {region.name: region.read_wait_cycles for region in board.chip.regions}
    users = [0] * len(tensors)
    for op in graph.ops:
        for i in (*op.inputs, *op.outputs):
            if i >= 0:
                users[i] += 1
    places = [(item, users[i]) for i, item in enumerate(tensors) if item is not None]
    places += [(step.scratch, 2) for step in steps if step.scratch is not None]
    return sum(waits[item.region] * count * item.nbytes // WORD_BYTES for item, count in places)


def only(
    ranges: Sequence[Range], sharings: Sequence[Sharing], kept: Sequence[int]
) -> tuple[list[Range], list[Sharing]]:
    """The ``kept`` ranges, and the sharings among them."""
    number = {i: n for n, i in enumerate(kept)}
    return [ranges[i] for i in kept], [
        Sharing(number[item.output], number[item.input], item.distance_bytes)
        for item in sharings
        if item.output in number and item.input in number
    ]
