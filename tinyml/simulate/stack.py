"""How deep the stack of a linked Cortex-M firmware can get, whatever its inputs.

The longest way through the graph of calls, with the frames that the machine code makes. A call
through a pointer may lead to any function whose address stands in the image, but to none that is on
the way already or stands in one table with such a one: our C has no recursion, and what a table
dispatches does not dispatch anew.
"""

from __future__ import annotations

import bisect
import struct
from dataclasses import dataclass

from tinyml.base.elf import Elf
from tinyml.simulate.frames import Frame, frames_of

VECTORS = (".vectors", ".isr_vector")
ARM = 40  # of an ELF file
Tables = frozenset[int]


@dataclass(frozen=True, slots=True)
class Bound:
    """The deepest stack, or why it is not known."""

    nbytes: int
    path: tuple[str, ...]  # functions from the start to the deepest
    problem: str = ""  # not empty: nothing is known


class _Unbounded(Exception):
    """The stack that a firmware takes cannot be told from its code."""


def stack_bound(elf: Elf) -> Bound:
    """The most bytes that the main stack takes, interrupts left out."""
    try:
        if elf.machine != ARM:
            raise _Unbounded("only the code of a Cortex-M is read")
        return _Graph(elf).depth(_start(elf))
    except _Unbounded as error:
        return Bound(0, (), str(error))


def _start(elf: Elf) -> int:
    """The reset handler: the second word of the vector table."""
    table = next((item for item in elf.sections if item.name in VECTORS), None)
    for item in elf.segments:
        if table is not None and item.address <= table.address < item.address + len(item.data):
            return (
                int(struct.unpack_from("<I", item.data, table.address - item.address + 4)[0]) & ~1
            )
    raise _Unbounded("there is no vector table")


@dataclass(frozen=True, slots=True)
class _Way:
    """How a function is reached."""

    called: tuple[int, ...] = ()  # functions from the start on
    entered: int = 0  # how many of them came before the last one that a pointer led to
    tables: Tables = frozenset()  # where the pointers stood that were followed

    def to(self, address: int) -> _Way:
        """One call further."""
        return _Way((*self.called, address), self.entered, self.tables)

    def through(self, tables: Tables) -> _Way:
        """Through a pointer that stands there."""
        return _Way(self.called, len(self.called), self.tables | tables)


class _Graph:
    """Who calls whom."""

    def __init__(self, elf: Elf) -> None:
        self._frames = frames_of(elf)
        self._starts = sorted(self._frames)
        self._tables = _tables(elf, self._frames)
        self._callees = {
            address: [self._place(to, frame.name) for to in sorted(frame.calls)]
            for address, frame in self._frames.items()
        }
        self._dispatching = self._reaching_pointers()
        self._known: dict[tuple[object, ...], Bound] = {}

    def depth(self, address: int, way: _Way = _Way()) -> Bound:
        """The deepest stack from a function on; raises _Unbounded."""
        if address in way.called[way.entered :]:
            raise _Unbounded(f"'{self._frames[address].name}' calls itself")
        if address in way.called:  # only by a pointer that never leads there
            return Bound(0, ())
        # What lies on the way matters where pointers are followed only.
        key: tuple[object, ...] = (address,)
        if address in self._dispatching:
            key = (address, way.tables, self._dispatching.intersection(way.called))
        if key not in self._known:
            self._known[key] = self._searched(address, way.to(address))
        return self._known[key]

    def _searched(self, address: int, way: _Way) -> Bound:
        frame = self._frames[address]
        if frame.problem:
            raise _Unbounded(f"'{frame.name}': {frame.problem}")
        inner = [self.depth(to, way) for to in self._callees[address]]
        if frame.is_indirect:
            inner += [
                self.depth(to, way.through(tables))
                for to, tables in self._tables.items()
                if not tables & way.tables
            ]
        best = max(inner, key=lambda item: item.nbytes, default=Bound(0, ()))
        return Bound(frame.nbytes + best.nbytes, (frame.name, *best.path))

    def _place(self, address: int, caller: str) -> int:
        """Where the function begins that an address lies in."""
        at = bisect.bisect_right(self._starts, address) - 1
        if at < 0:
            raise _Unbounded(f"'{caller}' calls 0x{address:08x}, where no function is")
        return self._starts[at]

    def _reaching_pointers(self) -> frozenset[int]:
        """Functions that come to a call through a pointer."""
        found = {address for address, frame in self._frames.items() if frame.is_indirect}
        count = 0
        while count < len(found):
            count = len(found)
            found |= {address for address, to in self._callees.items() if found.intersection(to)}
        return frozenset(found)


def _tables(elf: Elf, frames: dict[int, Frame]) -> dict[int, Tables]:
    """Functions whose address stands in data or is put together by code → the objects it is in."""
    objects = sorted(
        (item.address, item.nbytes) for item in elf.symbols if item.kind == "object" and item.nbytes
    )
    found: dict[int, set[int]] = {}
    vectors = [item for item in elf.sections if item.name in VECTORS]
    for segment in elf.segments:
        count = len(segment.data) // 4
        for number, value in enumerate(struct.unpack_from(f"<{count}I", segment.data)):
            place = segment.address + 4 * number
            is_vector = any(s.address <= place < s.address + s.nbytes for s in vectors)
            if not value & 1 or value - 1 not in frames or is_vector:
                continue
            at = bisect.bisect_right(objects, (place, 1 << 32)) - 1
            is_inside = at >= 0 and place < sum(objects[at])
            found.setdefault(value - 1, set()).update({objects[at][0]} if is_inside else ())
    for frame in frames.values():
        for value in frame.names:
            if value & 1 and value - 1 in frames:
                found.setdefault(value - 1, set())
    return {address: frozenset(places) for address, places in found.items()}
