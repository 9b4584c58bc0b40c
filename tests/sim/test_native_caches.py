"""The model of caches in C against the one in Python."""

from __future__ import annotations

import ctypes
import random

import pytest

from tinyml.simulate.caches import Caches, NativeCaches
from tinyml.simulate.native import hook_library
from tinyml.target.boards import load_board

pytestmark = pytest.mark.sim


@pytest.mark.parametrize(
    "board",
    [
        "nucleo_l4r5zi",
        "nucleo_g0b1re",
        "rpi_pico2",
        "nucleo_h743zi2",
        "esp32c3",
        "esp32s3",
        "arduino_nano33ble",
    ],
)
def test_native_model_waits_as_long(board):
    """A stream of short runs, as code and weights are read, at every chip's own caches."""
    chip = load_board(board).chip
    library = ctypes.CDLL(str(hook_library()))
    native, python = NativeCaches(chip), Caches(chip)
    # One region at a time: accesses go where a region lies.
    places = [chip.region(source.region) for item in chip.caches for source in item.memory]
    numbers = random.Random(3)
    for _ in range(3000):
        region = numbers.choice(places)
        address = region.base + numbers.randrange(1 << 16)
        for step in range(numbers.randrange(1, 6)):
            at, nbytes = address + 4 * step, numbers.choice((1, 2, 4, 40))
            is_fetch, is_write = numbers.random() < 0.4, numbers.random() < 0.2
            if is_fetch:
                waited = library.tml_cache_fetch(ctypes.byref(native), at, nbytes)
                assert waited == python.fetch(at, nbytes)
            else:
                waited = library.tml_cache_access(ctypes.byref(native), at, nbytes, int(is_write))
                assert waited == python.access(at, nbytes, is_write=is_write)
    assert native.cycles > 0
