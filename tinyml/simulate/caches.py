"""What an emulated core waits for: fetches and accesses that miss the caches of its chip.

The model stands twice, in caches.c for the native hooks and here for machines where these cannot be
built; both give the same cycles for the same stream. Left out: fetches beyond a taken branch, the
time until a line is complete.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass, field

from tinyml.target.caches import MOST_CACHES, Backing, Cache
from tinyml.target.chip import Chip, Region

MOST_SPANS, HINTS = 8, 256  # as in caches.h


@dataclass(frozen=True, slots=True)
class Span:
    """Addresses behind a cache."""

    base: int
    nbytes: int
    cache: int  # its number
    source: Backing


def spans(chip: Chip, kind: str) -> tuple[Span, ...]:
    """What lies behind the caches of ``kind`` ("instructions", "data"), where it is seen."""
    found = []
    for number, cache in enumerate(chip.caches):
        if cache.holds in (kind, "both"):
            for source in cache.memory:
                region = chip.region(source.region)
                found += [Span(base, region.nbytes, number, source) for base in _bases(region)]
    return tuple(found)


def _bases(region: Region) -> tuple[int, ...]:
    return (region.base, *region.aliases)


@dataclass(slots=True)
class _Lines:
    """What a cache holds: per set the lines, that used last at the end, with their pieces."""

    cache: Cache
    sets: list[dict[int, int]] = field(default_factory=list)
    owed: dict[int, int] = field(default_factory=dict)  # cycles to write changed lines back
    next: int = 0  # address behind the last fill
    misses: int = 0

    def touch(self, span: Span, address: int, nbytes: int, owed: int = 0) -> int:
        """Cycles until all of these bytes are there; ``owed`` by a line that is changed."""
        line_bytes, source = self.cache.line_bytes, span.source
        end, cycles = address + nbytes, 0
        for line in range(address // line_bytes, (end - 1) // line_bytes + 1):
            lines = self.sets[line % self.cache.sets]
            valid = lines.pop(line, 0)
            if valid == 0 and len(lines) == self.cache.ways:
                last_used = next(iter(lines))
                del lines[last_used]
                cycles += self.owed.pop(last_used, 0)
            if owed:
                self.owed[line] = owed
            start = line * line_bytes
            first = (max(address, start) - start) // source.fill_bytes
            last = (min(end, start + line_bytes) - 1 - start) // source.fill_bytes
            for piece in range(first, last + 1):
                if not valid >> piece & 1:
                    cycles += self._filled(source, start + piece * source.fill_bytes)
                    valid |= 1 << piece
            lines[line] = valid
        return cycles

    def _filled(self, source: Backing, address: int) -> int:
        cycles = source.next_cycles if address == self.next else source.miss_cycles
        self.next = address + source.fill_bytes
        self.misses += 1
        return cycles


class Caches:
    """The model in Python."""

    def __init__(self, chip: Chip) -> None:
        self._caches = [_Lines(item, [{} for _ in range(item.sets)]) for item in chip.caches]
        self._fetches = spans(chip, "instructions")
        self._accesses = spans(chip, "data")

    def fetch(self, address: int, nbytes: int) -> int:
        """More cycles that the fetch of a block takes."""
        span = _at(self._fetches, address)
        return self._caches[span.cache].touch(span, address, nbytes) if span else 0

    def access(self, address: int, nbytes: int, *, is_write: bool = False) -> int:
        """More cycles that an access takes.

        A write brings lines, and waits where lines are written back.
        """
        span = _at(self._accesses, address)
        if span is None:
            return 0
        owed = span.source.write_cycles if is_write else 0
        cycles = self._caches[span.cache].touch(span, address, nbytes, owed)
        return 0 if is_write and not owed else cycles


def _at(spans: Sequence[Span], address: int) -> Span | None:
    return next((i for i in spans if i.base <= address < i.base + i.nbytes), None)


class _Span(ctypes.Structure):
    _fields_ = [
        ("base", ctypes.c_uint32),
        ("nbytes", ctypes.c_uint32),
        ("fill_shift", ctypes.c_uint32),
        ("miss_cycles", ctypes.c_uint32),
        ("next_cycles", ctypes.c_uint32),
        ("write_cycles", ctypes.c_uint32),
        ("cache", ctypes.c_uint32),
    ]


class _Cache(ctypes.Structure):
    _fields_ = [
        ("line_shift", ctypes.c_uint32),
        ("set_mask", ctypes.c_uint32),
        ("ways", ctypes.c_uint32),
        ("next", ctypes.c_uint32),
        ("clock", ctypes.c_uint64),
        ("misses", ctypes.c_uint64),
        ("used", ctypes.POINTER(ctypes.c_uint64)),
        ("lines", ctypes.POINTER(ctypes.c_uint32)),
        ("valid", ctypes.POINTER(ctypes.c_uint32)),
        ("owed", ctypes.POINTER(ctypes.c_uint32)),
        ("hints", ctypes.c_uint8 * HINTS),
    ]


class NativeCaches(ctypes.Structure):
    """The state of the model in C, all lines empty."""

    _fields_ = [
        ("cycles", ctypes.c_uint64),
        ("fetches", ctypes.c_uint32),
        ("accesses", ctypes.c_uint32),
        ("fetch", _Span * MOST_SPANS),
        ("access", _Span * MOST_SPANS),
        ("cache", _Cache * MOST_CACHES),
    ]

    def __init__(self, chip: Chip) -> None:
        super().__init__()
        self._kept: list[object] = []  # what the pointers point to
        fetches, accesses = spans(chip, "instructions"), spans(chip, "data")
        self.fetches, self.accesses = len(fetches), len(accesses)
        for places, found in ((self.fetch, fetches), (self.access, accesses)):
            for place, span in zip(places, found, strict=False):
                _write_span(place, span)
        for place, cache in zip(self.cache, chip.caches, strict=False):
            self._write_cache(place, cache)

    def _write_cache(self, place: _Cache, cache: Cache) -> None:
        count = cache.sets * cache.ways
        place.line_shift = cache.line_bytes.bit_length() - 1
        place.set_mask, place.ways = cache.sets - 1, cache.ways
        place.used = (ctypes.c_uint64 * count)()
        place.lines = (ctypes.c_uint32 * count)()
        place.valid = (ctypes.c_uint32 * count)()
        place.owed = (ctypes.c_uint32 * count)()
        self._kept += [place.used, place.lines, place.valid, place.owed]


def _write_span(place: _Span, span: Span) -> None:
    place.base, place.nbytes, place.cache = span.base, span.nbytes, span.cache
    place.fill_shift = span.source.fill_bytes.bit_length() - 1
    place.miss_cycles, place.next_cycles = span.source.miss_cycles, span.source.next_cycles
    place.write_cycles = span.source.write_cycles
