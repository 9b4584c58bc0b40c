"""Kernels that say how close their output may come to their input, put exactly that close."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.models.cases import batched, case_paths, load_batch, names_of
from tests.support.running.executors import assert_equal, run_reference
from tests.support.running.host_c import compile_plan, run_program
from tests.support.running.laid_out import first_layout
from tinyml.conformance.targets import host_board
from tinyml.ir.graph import Graph
from tinyml.ir.kernel import Overlap
from tinyml.ops import plain_call
from tinyml.passes.expand import expand_ops
from tinyml.plan.planner import plan
from tinyml.plan.values import Placement, Plan

_ALIGNMENT = 16  # between cases


def _overlapping(graph: Graph, operand: int) -> Plan:
    """A plan of single ops with one input of each at its least distance from the output."""
    with first_layout(singly=True, optimize="size"):
        made = plan(graph, host_board(), optimize="size")
    places = list(made.tensors)
    base = 0
    for op in graph.ops:
        call = plain_call(op, graph)
        overlaps = call.overlaps if call else (Overlap(0, 0),)  # no call: the same memory
        overlap = next((item for item in overlaps if item.input == operand), None)
        shared = op.inputs[operand] if overlap else -1
        distance = overlap.distance_bytes if overlap else 0
        offsets = {op.outputs[0]: max(0, -distance)}
        if shared >= 0:
            offsets[shared] = max(0, distance)
        end = max(offset + graph.tensors[i].nbytes for i, offset in offsets.items())
        for i in op.inputs:
            if i >= 0 and i not in offsets and not graph.tensors[i].is_constant:
                offsets[i] = end = -(-end // _ALIGNMENT) * _ALIGNMENT
                end += graph.tensors[i].nbytes
        for i, offset in offsets.items():
            place, nbytes = made.tensors[i], graph.tensors[i].nbytes
            if place is not None and place.is_state:
                continue  # variables have memory of their own
            places[i] = Placement("ram", base + offset, nbytes, -1, len(graph.ops))
        base = -(-(base + end) // _ALIGNMENT) * _ALIGNMENT
    scratch = [step.scratch.nbytes if step.scratch else 0 for step in made.steps]
    steps = tuple(
        replace(step, scratch=replace(step.scratch, offset=base)) if step.scratch else step
        for step in made.steps
    )
    return replace(
        made,
        steps=steps,
        tensors=tuple(places),
        arena_bytes=(("ram", base + max(scratch, default=0)),),
    )


SECOND = ("add", "mul", "sub")  # ops whose output may take the place of their second operand
ROWS = [(batch, 0) for batch in batched(case_paths())]
ROWS += [(tuple(path for path in case_paths() if path.stem in SECOND), 1)]


@pytest.mark.host_cc
@pytest.mark.parametrize(("batch", "operand"), ROWS, ids=[f"{names_of(b)}-{k}" for b, k in ROWS])
def test_output_at_least_distance_equals_reference(
    batch: tuple[Path, ...], operand: int, tmp_path: Path
) -> None:
    case = load_batch(batch)
    program = compile_plan(_overlapping(expand_ops(case.graph), operand), tmp_path)
    found = run_program(program, case.graph, case.vectors)
    assert_equal(case.graph, run_reference(case.graph, case.vectors), found)
