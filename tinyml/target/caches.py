"""Caches and buffers between a core and slow memory, as ``[[caches]]`` of a chip's file has them.

What the firmware sets up counts, not what the chip could do. A flash's read buffer, or memory
without any cache, is a cache of one line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tinyml.base.datafile import Table

HOLDS = ("both", "data", "instructions")
MOST_CACHES = 4  # of a chip
MOST_PIECES = 32  # of a line: the emulator has a bit for each
MOST_WAYS = 255


@dataclass(frozen=True, slots=True)
class Backing:
    """A region that a cache stands before, and what an access to it costs."""

    region: str
    fill_bytes: int  # that one access brings; the rest of the line comes when it is asked for
    miss_cycles: int  # more core cycles until those bytes are there
    next_cycles: int  # the same for bytes that follow the last ones in memory; 0: prefetched
    write_cycles: int = 0  # to write a changed line back; 0: writes wait for nothing


@dataclass(frozen=True, slots=True)
class Cache:
    """One cache; the line that was not used for longest makes room."""

    name: str
    holds: str  # "instructions", "data" or "both"
    nbytes: int
    ways: int  # lines of a set
    line_bytes: int
    memory: tuple[Backing, ...]
    source: str  # of its numbers

    @property
    def sets(self) -> int:
        """How many sets of lines it has."""
        return self.nbytes // (self.line_bytes * self.ways)


def read_caches(tables: Sequence[Table], regions: Sequence[str]) -> tuple[Cache, ...]:
    """The caches of a chip's file; raises BoardError."""
    return tuple(_read(table, tuple(regions)) for table in tables)


def _read(table: Table, regions: tuple[str, ...]) -> Cache:
    line_bytes = table.integer("line_bytes", minimum=4)
    if line_bytes & (line_bytes - 1):
        raise table.error(f"line_bytes is {line_bytes}, not a power of two")
    cache = Cache(
        name=table.word("name"),
        holds=table.choice("holds", HOLDS),
        nbytes=table.integer("nbytes", minimum=4),
        ways=table.integer("ways", minimum=1),
        line_bytes=line_bytes,
        memory=tuple(_read_backing(item, regions, line_bytes) for item in table.tables("memory")),
        source=table.text("source"),
    )
    table.close()
    if cache.sets < 1 or cache.sets & (cache.sets - 1):
        raise table.error(
            f"the number of sets of cache '{cache.name}' is {cache.sets}, not a power of two"
        )
    if cache.sets * cache.ways * line_bytes != cache.nbytes or cache.ways > MOST_WAYS:
        raise table.error(
            f"cache '{cache.name}': {cache.nbytes} bytes are not sets of {cache.ways} lines of "
            f"{line_bytes} bytes (at most {MOST_WAYS} lines)"
        )
    return cache


def _read_backing(table: Table, regions: tuple[str, ...], line_bytes: int) -> Backing:
    miss_cycles = table.integer("miss_cycles")
    backing = Backing(
        region=table.choice("region", regions),
        fill_bytes=table.integer("fill_bytes", line_bytes, minimum=1),
        miss_cycles=miss_cycles,
        next_cycles=table.integer("next_cycles", miss_cycles),
        write_cycles=table.integer("write_cycles", 0),
    )
    table.close()
    fill = backing.fill_bytes
    if fill & (fill - 1) or not line_bytes // MOST_PIECES <= fill <= line_bytes:
        raise table.error(
            f"fill_bytes is {fill}: not a power of two from {max(1, line_bytes // MOST_PIECES)} to "
            f"line_bytes, {line_bytes}"
        )
    return backing
