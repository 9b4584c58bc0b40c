"""What waiting for constants in flash costs, and which of them RAM holds instead.

A cache that is smaller than the constants of a model holds nothing of them from one inference to
the next: each is replaced before it is read again. Those that the start-up code copies to RAM are
never waited for, and once the rest fits the cache, neither are they.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from tinyml.ir.graph import Graph
from tinyml.ir.kernel import distinct_constant_bytes
from tinyml.ops import macs_of, trait_of
from tinyml.ops.traits import Channels
from tinyml.plan.code_size import code_bytes
from tinyml.plan.values import COPIED, Plan, Step, Use
from tinyml.target.board import Board
from tinyml.target.caches import Backing, Cache

PARTS = 4  # of the room, all of which are tried


def constant_waits(
    graph: Graph, steps: Sequence[Step], board: Board, copied: Collection[int] = ()
) -> tuple[int, ...]:
    """Cycles that each step waits for constants in flash, but for those of the ``copied`` steps."""
    sizes = _sizes(steps, copied)
    # Copies are to pay even if the code takes its part of the cache, which is not counted else.
    code = _code_bytes(steps, board) if copied else 0
    found = _too_small(board, _distinct_bytes(steps, copied), code)
    if found is None:
        return (0,) * len(steps)
    return tuple(
        _waits(graph, step, nbytes, found) for step, nbytes in zip(steps, sizes, strict=True)
    )


def with_copies(plan: Plan, board: Board, room_bytes: int) -> Iterator[Plan]:
    """The plan with constants in RAM: as few as end all waiting, and what parts of the room hold.

    ``room_bytes``: what is left of the board's first RAM region.
    """
    if not plan.wait_cycles or room_bytes <= 0:
        return
    parts = (_most(plan, board, room_bytes * part // PARTS) for part in range(1, PARTS + 1))
    for copied in dict.fromkeys((_fewest(plan, board), *parts)):
        nbytes = copied_bytes(plan.steps, copied)
        if not copied or nbytes > room_bytes:
            continue
        yield replace(
            plan,
            copied_steps=copied,
            copied_bytes=nbytes,
            wait_cycles=sum(constant_waits(plan.graph, plan.steps, board, copied)),
            uses=(*plan.uses, Use(board.ram[0].region, COPIED, nbytes)),
        )


def copied_bytes(steps: Sequence[Step], copied: Sequence[int]) -> int:
    """What the constants of those steps take in RAM; an array begins where its alignment wants."""
    arrays: dict[tuple[str, bytes], int] = {}
    for call in (steps[i].call for i in copied):
        for item in call.constants if call is not None else ():
            alignment = max(4, item.alignment, item.data.dtype.itemsize)
            key = (item.data.dtype.name, item.data.tobytes())
            arrays[key] = max(arrays.get(key, 0), -(-item.data.nbytes // alignment) * alignment)
    return sum(arrays.values())


def _distinct_bytes(steps: Sequence[Step], copied: Collection[int] = ()) -> int:
    """Bytes of constants that lie in flash; what steps have in common is there once."""
    calls = (step.call for number, step in enumerate(steps) if number not in copied)
    return distinct_constant_bytes([call for call in calls if call is not None])


def _sizes(steps: Sequence[Step], copied: Collection[int] = ()) -> list[int]:
    """Bytes of constants of each step that lie in flash."""
    return [
        step.call.constant_bytes() if step.call is not None and number not in copied else 0
        for number, step in enumerate(steps)
    ]


def _too_small(board: Board, nbytes: int, code: int = 0) -> tuple[Cache, Backing] | None:
    """The cache before the flash, when it does not hold that many bytes of constants.

    ``code``: what stands beside them where a cache holds both.
    """
    for cache in board.chip.caches:
        held = nbytes + (code if cache.holds == "both" else 0)
        for source in cache.memory:
            is_read = source.region == board.flash.region and cache.holds != "instructions"
            if is_read and held > cache.nbytes:
                return cache, source
    return None


def _code_bytes(steps: Sequence[Step], board: Board) -> int:
    calls = [step.call for step in steps if step.call is not None]
    return code_bytes(calls, board.chip.core, "balanced")


def _waits(graph: Graph, step: Step, nbytes: int, found: tuple[Cache, Backing]) -> int:
    cache, source = found
    read_bytes = nbytes
    reads_once = step.call is not None and step.call.reads_constants_once
    if nbytes > cache.nbytes and not reads_once:
        pixels = step.call.pixels_at_once if step.call is not None else 1
        times = step.call.times_read if step.call is not None else 1
        read_bytes = max(times * nbytes, sum(_weights_read(graph, i, pixels) for i in step.ops))
    return read_bytes // source.fill_bytes * source.next_cycles


def _weights_read(graph: Graph, number: int, at_once: int) -> int:
    """Bytes of weights that an op reads, once for so many pixels; 0: they stay in registers.

    A channel's filter of a depthwise convolution does, for its whole plane.
    """
    op = graph.ops[number]
    channels = trait_of(op.kind, Channels)
    if channels is None or not channels.mixes:
        return 0
    shape = graph.tensors[op.outputs[0]].shape
    pixels = math.prod(shape[:-1])
    return macs_of(op, graph) // min(pixels, at_once) if pixels else 0


def _fewest(plan: Plan, board: Board) -> tuple[int, ...]:
    """Steps with few bytes of constants, without which the cache holds all others."""
    sizes = _sizes(plan.steps)
    total = _distinct_bytes(plan.steps)
    found = _too_small(board, total)
    if found is None:
        return ()
    excess = total - found[0].nbytes
    if found[0].holds == "both":
        excess += _code_bytes(plan.steps, board)
    copied: list[int] = []
    for i in sorted(range(len(sizes)), key=lambda i: -sizes[i]):
        if 0 < sizes[i] <= excess:
            copied.append(i)
            excess -= sizes[i]
    if excess > 0 and any(sizes[i] >= excess for i in range(len(sizes)) if i not in copied):
        rest = (i for i in range(len(sizes)) if i not in copied and sizes[i] >= excess)
        copied.append(min(rest, key=lambda i: sizes[i]))
    return tuple(sorted(copied))


def _most(plan: Plan, board: Board, room_bytes: int) -> tuple[int, ...]:
    """Steps that wait the longest per byte, as many as there is room for."""
    sizes, waits = _sizes(plan.steps), constant_waits(plan.graph, plan.steps, board)
    copied: list[int] = []
    for i in sorted(range(len(sizes)), key=lambda i: (-waits[i] / max(1, sizes[i]), -sizes[i])):
        if waits[i] and sizes[i] <= room_bytes:
            copied.append(i)
            room_bytes -= sizes[i]
    return tuple(sorted(copied))
