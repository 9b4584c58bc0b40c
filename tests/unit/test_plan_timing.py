"""Rough times of a plan."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.models.small_graphs import small_network
from tests.support.running.host_c import host_board
from tinyml.base.errors import DeviceError
from tinyml.ir.kernel import Cost
from tinyml.passes import run_passes
from tinyml.plan.planner import plan
from tinyml.plan.timing import check_countable


def test_a_layer_that_a_counter_of_32_bits_cannot_tell_is_refused() -> None:
    """It was measured modulo 2^32 cycles: after 9 s at 480 MHz its time began at zero again."""
    made = plan(run_passes(small_network()), host_board())
    check_countable(made)
    number = next(i for i, step in enumerate(made.steps) if step.call is not None)
    step = made.steps[number]
    assert step.call is not None
    for instructions, is_refused in ((2**31 - 1, False), (2**31, True)):
        call = replace(step.call, cost=Cost(instructions))
        steps = (*made.steps[:number], replace(step, call=call), *made.steps[number + 1 :])
        long = replace(made, steps=steps)
        if not is_refused:
            check_countable(long)
            continue
        with pytest.raises(DeviceError, match=f"layer {number} may take 4,294,967,296 cycles"):
            check_countable(long)
