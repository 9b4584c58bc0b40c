"""Input of programs: all of it arrives, however slowly they read."""

from __future__ import annotations

import sys

from tinyml.base import process
from tinyml.base.process import SLICE_S, Command

SLOW = f"import sys, time; time.sleep({3 * SLICE_S}); print(len(sys.stdin.buffer.read()))"


def test_a_program_that_reads_late_gets_all_of_its_input() -> None:
    """What did not fit into the pipe within the first slice was never sent: both waited."""
    data = bytes(1 << 20)
    answer = process.feed(Command((sys.executable, "-c", SLOW)), data, timeout_s=30)
    assert int(answer) == len(data)


def test_a_program_that_does_not_read_is_no_error() -> None:
    answer = process.feed(Command((sys.executable, "-c", "print(7)")), bytes(1 << 20), timeout_s=30)
    assert int(answer) == 7
