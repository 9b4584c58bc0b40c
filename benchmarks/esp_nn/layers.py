"""Each layer of a model alone: on our kernels, on plain C, and on ESP-NN's, with equal outputs."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.esp_nn.library import EspNn, linked_with
from tinyml import api
from tinyml.bare.run import run_bare
from tinyml.conformance.merge import joined, merged, part_of
from tinyml.conformance.values import Case
from tinyml.evaluate.samples import Samples, random_samples
from tinyml.evaluate.verification import verify
from tinyml.ir.graph import Graph
from tinyml.ops import spec_of
from tinyml.ops.reference import outputs
from tinyml.passes import run_passes
from tinyml.plan.values import Plan
from tinyml.target.board import Board

BOARD = "esp32s3"
TOGETHER = 12  # layers in a program
ROOM = 8_000_000  # bytes of RAM for them


@dataclass(frozen=True, slots=True)
class Row:
    """What a layer takes, in instructions; None for what ESP-NN does not have or has wrong."""

    title: str
    macs: int
    count: int  # of layers like this in the model
    ours: int
    plain: int
    portable: int | None  # ESP-NN's C for any chip
    vector: int | None  # what ESP-NN has for this chip

    @property
    def ratio(self) -> float | None:
        """How many times fewer instructions ours need than the library's best."""
        return self.vector / self.ours if self.vector else None


def measured(path: Path, folder: Path) -> list[Row]:
    """The layers of a model; equal ones once. Raises MismatchError when an output is not exact."""
    board = _roomy(api.load_board(BOARD))
    bare = replace(board, chip=replace(board.chip, isa=()))
    chosen = list(_layers(path))
    cases = [case for case, _ in chosen]
    counted = []
    for target in (
        board,
        bare,
        linked_with(EspNn(folder, is_portable=True), board),
        linked_with(EspNn(folder), board),
    ):
        plans = [api.plan(case.graph, target).plan for case in cases]
        counted.append((plans, _instructions(plans, cases, target)))
    rows = []
    for number, (case, count) in enumerate(chosen):
        (ours, plain), (portable, vector) = (
            [found[number] for _, found in counted[:2]],
            [found[number] if _is_library(plans[number]) else None for plans, found in counted[2:]],
        )
        op = case.graph.ops[0]
        macs = spec_of(op.kind).macs(op, case.graph)
        rows.append(Row(_title(case.graph), macs, count, ours, plain, portable, vector))
    return rows


def _roomy(board: Board) -> Board:
    """The board with internal RAM for many layers side by side."""
    return replace(board, ram=(replace(board.ram[0], max_bytes=ROOM), *board.ram[1:]))


def _layers(path: Path) -> Iterator[tuple[Case, int]]:
    """Each different layer, with how many there are; inputs are what the layers before make."""
    graph = run_passes(api.load(path))
    inputs = random_samples(graph, 1).inputs
    case = Case(path, graph, inputs, tuple(outputs(graph, item) for item in inputs))
    parts = [part_of(case, [number]) for number in range(len(graph.ops))]
    counts = Counter(_title(part.graph) for part in parts if part is not None)
    for part in parts:
        if part is not None and (count := counts.pop(_title(part.graph), 0)):
            yield part, count


def _title(graph: Graph) -> str:
    """A layer's kind and shapes."""
    (op,) = graph.ops
    shapes = [graph.tensors[i] for i in op.inputs if i >= 0]
    given = " ".join("x".join(map(str, item.shape[1:])) for item in shapes if not item.is_constant)
    weights = [item for item in shapes if item.is_constant and len(item.shape) > 1]
    made = "x".join(map(str, graph.tensors[op.outputs[0]].shape[1:]))
    images = [item for item in weights if len(item.shape) > 2]
    window = "".join(f", {'x'.join(map(str, item.shape[1:-1]))}" for item in images[:1])
    return f"{op.kind} {given} to {made}{window}"


def _is_library(plan: Plan) -> bool:
    return any(step.call is not None and step.call.isa == "esp_nn" for step in plan.steps)


def _instructions(plans: Sequence[Plan], cases: Sequence[Case], board: Board) -> list[int]:
    """What each plan takes; all outputs equal the reference."""
    found: list[int] = []
    for start in range(0, len(plans), TOGETHER):
        some, whole = plans[start : start + TOGETHER], cases[start : start + TOGETHER]
        graph, vectors = merged(whole)
        made = joined(some, board) if len(some) > 1 else some[0]
        with tempfile.TemporaryDirectory(prefix="tinyml-bench-") as folder:
            run = run_bare(made, board, Samples(vectors), Path(folder))
        verify(graph, vectors, run.outputs)
        steps = iter(run.layers)
        found += [int(np.sum([next(steps).instructions or 0 for _ in plan.steps])) for plan in some]
    return found
