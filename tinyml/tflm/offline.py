"""A memory plan written into the model file, for stock TFLM to follow: ``OfflineMemoryAllocation``.

TFLM's greedy planner takes tensors by size; ours searches. Tensors of which kernels do not say
otherwise never share a byte while both are alive: TFLM's kernels are not known to work in place.
Scratch is still placed by TFLM, into the gaps.

The file is not taken apart. A flatbuffer's offsets are relative and point forward, so a new root
goes in front of the old bytes, with its own lists of buffers and metadata, and the old ones stay as
they are. Source: schema.fbs; micro/docs/memory_management.md of tflite-micro.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

from tinyml.base.errors import ModelError
from tinyml.model.opened import named_buffers
from tinyml.model.schema import BUFFER_ALIGNMENT, IDENTIFIER
from tinyml.plan.allocate import Range, allocate
from tinyml.tflm.arena import Arena, arena_of, buffers_of, needs_of_all
from tinyml.tflm.graphs import Outline
from tinyml.tflm.table import Kernels

NAME = b"OfflineMemoryAllocation"
ONLINE = -1  # TFLM places this tensor itself
_VERSION = 1
_MODEL_FIELDS = 8  # version … signature_defs
_BUFFERS, _METADATA = 4, 6  # fields of the model's table


def better_plan(outline: Outline, kernels: Kernels) -> tuple[Mapping[int, int], Arena]:
    """Offsets of tensors in the head, none if that saves nothing, and the arena with them."""
    online = arena_of(outline, kernels)
    if outline.others:  # the plan's places of variables are those of the first graph for all
        return {}, online
    buffers, owners, _ = buffers_of(outline, needs_of_all(outline, kernels), {})
    layout = allocate([Range(item.first_use, item.last_use, item.nbytes) for item in buffers])
    offsets = {
        number: offset
        for (kind, number), offset in zip(owners, layout.offsets, strict=False)
        if kind == "tensor"
    }
    offline = arena_of(outline, kernels, offsets)
    return (offsets, offline) if offline.head_bytes < online.head_bytes else ({}, online)


def plan_in(data: bytes) -> tuple[int, ...] | None:
    """The offsets that a model file already has, one per tensor; None when it has no plan."""
    held = next((raw for _, raw in named_buffers(data, (NAME,))), None)
    if held is None:
        return None
    try:
        count = struct.unpack_from("<3i", held)[2]
        return struct.unpack_from(f"<{count}i", held, 12)
    except struct.error as error:
        raise ModelError(f"damaged: its {NAME.decode()} metadata cannot be read") from error


def with_plan(data: bytes, tensors: int, offsets: Mapping[int, int]) -> bytes:
    """The model file with that plan and no other; ``tensors`` is how many it has."""
    values = [offsets.get(i, ONLINE) for i in range(tensors)]
    plan = struct.pack(f"<{3 + tensors}i", _VERSION, 0, tensors, *values)
    return _Prefix(data).made(plan)


class _Prefix:
    """The new start of a file: positions below ``size`` are new, those of old tables lie behind."""

    def __init__(self, data: bytes) -> None:
        self.old = data
        self.new = bytearray(struct.pack("<I4s", 0, IDENTIFIER))
        self.links: list[tuple[int, int]] = []  # (where an offset stands, its target in old)
        self.root = struct.unpack_from("<I", data)[0]

    def made(self, plan: bytes) -> bytes:
        buffers = self._entries(_BUFFERS)
        kept = [item for item in self._entries(_METADATA) if not self._is_plan(item)]
        fields: list[Any] = [self._field(number) for number in range(_MODEL_FIELDS)]
        root, places = self._table([4] * _MODEL_FIELDS)
        struct.pack_into("<I", self.new, 0, root)
        version = fields[0]
        struct.pack_into("<I", self.new, places[0], struct.unpack_from("<I", self.old, version)[0])
        for number in (1, 2, 3, 5, 7):
            if fields[number] is None:
                self._drop(root, number)
            else:
                self._link(places[number], self._target(fields[number]))
        entry_slots = self._vector(places[_BUFFERS], len(buffers) + 1)
        for slot, old in zip(entry_slots, buffers, strict=False):
            self._link(slot, old)
        self._buffer(entry_slots[-1], plan)
        entry_slots = self._vector(places[_METADATA], len(kept) + 1)
        for slot, old in zip(entry_slots, kept, strict=False):
            self._link(slot, old)
        self._metadata(entry_slots[-1], len(buffers))
        self._pad(BUFFER_ALIGNMENT)
        for at, target in self.links:
            struct.pack_into("<I", self.new, at, len(self.new) + target - at)
        return bytes(self.new) + self.old

    def _field(self, number: int) -> int | None:
        """Where a field of the old root stands."""
        vtable = self.root - struct.unpack_from("<i", self.old, self.root)[0]
        nbytes = struct.unpack_from("<H", self.old, vtable)[0]
        if 4 + 2 * number >= nbytes:
            return None
        offset = struct.unpack_from("<H", self.old, vtable + 4 + 2 * number)[0]
        return self.root + int(offset) if offset else None

    def _target(self, at: int) -> int:
        return int(at + struct.unpack_from("<I", self.old, at)[0])

    def _entries(self, number: int) -> list[int]:
        """The tables in a vector of the old root."""
        at = self._field(number)
        if at is None:
            return []
        start = self._target(at)
        count = struct.unpack_from("<I", self.old, start)[0]
        return [self._target(start + 4 + 4 * i) for i in range(count)]

    def _is_plan(self, table: int) -> bool:
        vtable = table - struct.unpack_from("<i", self.old, table)[0]
        size, _, name = struct.unpack_from("<3H", self.old, vtable)
        if size < 6 or not name:
            return False
        start = self._target(table + name)
        count = struct.unpack_from("<I", self.old, start)[0]
        return self.old[start + 4 : start + 4 + count] == NAME

    def _table(self, sizes: Sequence[int]) -> tuple[int, list[int]]:
        """A table with all its fields, empty; its position and theirs."""
        self._pad(4)
        vtable = len(self.new)
        ends = [4 + sum(sizes[: i + 1]) for i in range(len(sizes))]
        starts = [end - size for end, size in zip(ends, sizes, strict=True)]
        self.new += struct.pack(f"<{2 + len(sizes)}H", 4 + 2 * len(sizes), ends[-1], *starts)
        self._pad(4)
        table = len(self.new)
        self.new += struct.pack("<i", table - vtable) + bytes(ends[-1] - 4)
        return table, [table + start for start in starts]

    def _drop(self, table: int, number: int) -> None:
        vtable = table - struct.unpack_from("<i", self.new, table)[0]
        struct.pack_into("<H", self.new, vtable + 4 + 2 * number, 0)

    def _vector(self, at: int, count: int) -> list[int]:
        """An empty vector of offsets that the field at ``at`` refers to; where they stand."""
        self._pad(4)
        struct.pack_into("<I", self.new, at, len(self.new) - at)
        self.new += struct.pack("<I", count) + bytes(4 * count)
        return [len(self.new) - 4 * count + 4 * i for i in range(count)]

    def _link(self, at: int, target: int) -> None:
        self.links.append((at, target))

    def _buffer(self, at: int, content: bytes) -> None:
        table, (data,) = self._table([4])
        struct.pack_into("<I", self.new, at, table - at)
        self.new += bytes(-(len(self.new) + 4) % BUFFER_ALIGNMENT)
        struct.pack_into("<I", self.new, data, len(self.new) - data)
        self.new += struct.pack("<I", len(content)) + content

    def _metadata(self, at: int, buffer: int) -> None:
        table, (name, number) = self._table([4, 4])
        struct.pack_into("<I", self.new, at, table - at)
        struct.pack_into("<I", self.new, number, buffer)
        self._pad(4)
        struct.pack_into("<I", self.new, name, len(self.new) - name)
        self.new += struct.pack("<I", len(NAME)) + NAME + b"\0"

    def _pad(self, alignment: int) -> None:
        self.new += bytes(-len(self.new) % alignment)
