"""Damaged model files end in a clean result or a clean error: no traceback, hang or big allocation.

One small model is cut at every 64th byte, and has 2,000 bytes changed one at a time; what survives
the reader goes on through the passes and the planner.
"""

from __future__ import annotations

import random
import time
from collections import Counter

import pytest

from tests.support.models.small_graphs import small_network
from tests.support.values.small_boards import small_board
from tinyml.base.errors import ModelError, TinymlError
from tinyml.model.file import model_file
from tinyml.model.reader import load
from tinyml.model.writer import write
from tinyml.passes import run_passes
from tinyml.plan.planner import plan
from tinyml.plan.verify import verify

STEP_BYTES = 64
CHANGES = 2_000
PARTS = 4  # so that several processes can share the work
SLOW_S = 2.0

BOARD = small_board(sram=65_536)


def outcome(data: bytes) -> str:
    """How the pipeline takes the bytes; anything but a TinymlError fails the test."""
    start = time.perf_counter()
    message, result = "", "planned"
    try:
        made = plan(run_passes(load(model_file("damaged.tflite", data))), BOARD)
        verify(made, BOARD)
    except TinymlError as error:
        message, result = error.message, type(error).__name__
    assert time.perf_counter() - start < SLOW_S
    assert bool(message) == (result != "planned")
    assert "make no sense" not in message, "a constraint met operands that it cannot read"
    return result


def test_truncated_files_are_refused() -> None:
    data = write(small_network())
    assert outcome(data) == "planned"
    for nbytes in range(0, len(data) - 1, STEP_BYTES):
        # Data may be missing only where padding is: at the very end.
        with pytest.raises(ModelError):
            load(model_file("cut.tflite", data[:nbytes]))


@pytest.mark.parametrize("part", range(PARTS))
def test_changed_bytes_give_clean_results(part: int) -> None:
    data = write(small_network())
    chance = random.Random(part)
    outcomes: Counter[str] = Counter()
    for _ in range(CHANGES // PARTS):
        damaged = bytearray(data)
        position = chance.randrange(len(damaged))
        damaged[position] ^= chance.randrange(1, 256)
        outcomes[outcome(bytes(damaged))] += 1
    # Weights and names may be anything; the structure of the file may not.
    assert outcomes["planned"] > 0
    assert outcomes["ModelError"] > 0


def test_random_bytes_with_the_right_identifier_are_refused() -> None:
    chance = random.Random(0)
    for nbytes in (8, 16, 64, 256, 4096):
        for _ in range(20):
            noise = bytearray(chance.randbytes(nbytes))
            noise[:8] = chance.randrange(8, nbytes + 8).to_bytes(4, "little") + b"TFL3"
            with pytest.raises(ModelError):
                load(model_file("noise.tflite", bytes(noise)))
