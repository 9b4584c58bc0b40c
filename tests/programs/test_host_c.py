"""What tests run on this machine is watched: undefined behaviour and wrong addresses are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.models.small_graphs import small_network
from tests.support.running.host_c import compile_plan, compiler, run_program
from tinyml.conformance.targets import SANITIZERS, host_board
from tinyml.plan.planner import plan

pytestmark = pytest.mark.host_cc

FAULTS = {
    "signed integer overflow": "volatile int x = 2147483647; x = x + 1;",
    "shift exponent 40": "volatile int x = 40; x = 1 << x;",
    "index 2 out of bounds": "volatile int a[2] = {0}, i = 2; i = a[i];",
    "heap-buffer-overflow": "volatile char *volatile p = malloc(4); p[4] = 1;",
}


@pytest.mark.parametrize("words", FAULTS)
def test_a_fault_is_found_and_told(words: str, tmp_path: Path) -> None:
    if SANITIZERS[0] not in compiler("size"):
        pytest.skip("no compiler with sanitizers")
    fault = tmp_path / "fault.c"
    begin = "#include <stdlib.h>\n__attribute__((constructor)) static void fault(void)"
    fault.write_text(f"{begin}\n{{\n    {FAULTS[words]}\n}}\n")
    graph = small_network()
    program = compile_plan(plan(graph, host_board(), optimize="size"), tmp_path, str(fault))
    with pytest.raises(AssertionError, match=words):
        run_program(program, graph, [])
