"""The model of caches by hand, and its data; the native one: tests/sim/test_native_caches.py."""

from __future__ import annotations

import dataclasses

import pytest

from tinyml.base.datafile import Table
from tinyml.base.errors import BoardError
from tinyml.simulate.caches import Caches
from tinyml.target.boards import load_board
from tinyml.target.caches import Backing, Cache, read_caches

FLASH = 0x0800_0000
REGIONS = ("flash", "sram")


@pytest.fixture(scope="module")
def chip():
    return load_board("nucleo_l4r5zi").chip


def with_caches(chip, *caches):
    return dataclasses.replace(chip, caches=caches)


def cache(holds="both", nbytes=64, ways=2, line_bytes=16, **source):
    costs = {"fill_bytes": line_bytes, "miss_cycles": 5, "next_cycles": 5, **source}
    return Cache("c", holds, nbytes, ways, line_bytes, (Backing("flash", **costs),), "here")


def test_line_comes_piece_by_piece(chip):
    caches = Caches(with_caches(chip, cache(line_bytes=32, nbytes=128, fill_bytes=8)))
    assert caches.access(FLASH + 4, 4) == 5
    assert caches.access(FLASH, 4) == 0, "the same 8 bytes"
    assert caches.access(FLASH + 8, 4) == 5, "another piece of the line"
    assert caches.fetch(FLASH, 32) == 10, "the two that are not there"
    assert caches.access(0x2000_0000, 4) == 0, "not behind the cache"


def test_line_not_used_for_longest_makes_room(chip):
    caches = Caches(with_caches(chip, cache()))  # two sets of two lines of 16 bytes
    lines = [FLASH, FLASH + 32, FLASH + 64]  # of the same set
    assert [caches.access(line, 4) for line in (*lines[:2], lines[0])] == [5, 5, 0]
    assert caches.access(lines[2], 4) == 5
    assert caches.access(lines[0], 4) == 0
    assert caches.access(lines[1], 4) == 5


def test_next_bytes_cost_what_the_prefetch_leaves(chip):
    caches = Caches(with_caches(chip, cache(next_cycles=0)))
    assert caches.fetch(FLASH, 64) == 5
    assert caches.fetch(FLASH + 128, 2) == 5, "a jump"


def test_writes_bring_lines_and_wait_for_nothing(chip):
    caches = Caches(with_caches(chip, cache()))
    assert caches.access(FLASH, 4, is_write=True) == 0
    assert caches.access(FLASH, 4) == 0


def test_instructions_and_data_have_their_own(chip):
    caches = Caches(with_caches(chip, cache("instructions"), cache("data", miss_cycles=7)))
    assert caches.fetch(FLASH, 4) == 5
    assert caches.access(FLASH, 4) == 7


def table(**changes):
    data = {
        "name": "c",
        "holds": "data",
        "nbytes": 64,
        "ways": 2,
        "line_bytes": 16,
        "source": "here",
        "memory": [{"region": "flash", "miss_cycles": 3}],
    }
    return Table({**data, **changes}, "chip.toml", "caches.")


def test_reading_fills_in_what_is_usual():
    (found,) = read_caches([table()], REGIONS)
    assert found.sets == 2
    assert found.memory == (Backing("flash", 16, 3, 3),)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"line_bytes": 24}, "line_bytes is 24, not a power of two"),
        ({"nbytes": 96}, "the number of sets of cache 'c' is 3, not a power of two"),
        ({"nbytes": 72}, "72 bytes are not sets of 2 lines of 16 bytes"),
        ({"memory": [{"region": "flesh", "miss_cycles": 3}]}, "flesh"),
        ({"memory": [{"region": "flash", "miss_cycles": 3, "fill_bytes": 32}]}, "fill_bytes is 32"),
        ({"holds": "all"}, "all"),
    ],
)
def test_what_is_no_cache_is_refused(changes, message):
    with pytest.raises(BoardError, match=message):
        read_caches([table(**changes)], REGIONS)
