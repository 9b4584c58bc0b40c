"""One measurement: a model on a board, built without the agent for size, with it for speed.

Boards without a simulator are measured by the model alone on their core (bare.py).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.footprint import link
from tinyml import api
from tinyml.bare.run import Counted, run_bare
from tinyml.codegen.generate import generate
from tinyml.evaluate.samples import Samples, random_samples
from tinyml.evaluate.verification import verify
from tinyml.plan.values import Plan
from tinyml.project.pipeline import build_plan
from tinyml.project.plans import with_plan
from tinyml.project.settings import resolve
from tinyml.report.assemble import report
from tinyml.target.board import Board

PLAIN = (
    "plain"  # a goal of our own: speed with the plain kernels alone, what others are set against
)


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of a measured model."""

    op: str
    macs: int
    kernel: str
    predicted: int  # instructions, by the kernel's cost formula
    instructions: int
    cycles: int


@dataclass(frozen=True, slots=True)
class Measurement:
    """Exact figures of one model on one emulated board; the outputs equalled the reference."""

    model: str  # file stem
    board: str
    core: str
    optimize: str
    clock_hz: int
    macs: int
    instructions: int
    cycles: int
    activation_bytes: int
    arena_bytes: int  # activations and scratch
    stack_bytes: int
    ram_bytes: int  # without the agent: .data + .bss, without the stack reserve
    flash_bytes: int  # without the agent
    code_bytes: int  # flash without weights and other constants of the layers
    layers: tuple[Layer, ...]
    copied_bytes: int = 0  # of ram_bytes: weights, in RAM that is left over

    @property
    def needed_bytes(self) -> int:
        """RAM that the model cannot do without, and the stack."""
        return self.ram_bytes + self.stack_bytes - self.copied_bytes

    @property
    def key(self) -> str:
        """Its name in the baseline."""
        return f"{self.model} {self.board} {self.optimize}"

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Measurement:
        """The inverse of ``to_json``."""
        layers = tuple(Layer(**layer) for layer in data["layers"])
        return cls(**{**data, "layers": layers})


def measure_goals(
    path: Path, board: Board, samples: int, goals: Sequence[str]
) -> Iterator[Measurement]:
    """A measurement per goal; one that leads to the same firmware as another is not done again."""
    done: dict[tuple[tuple[str, str], ...], Measurement] = {}
    graph = api.load(path)
    for goal in goals:
        used, optimize = _settings(board, goal)
        plan = api.plan(graph, used, api.Settings(optimize)).plan
        sources = generate(plan, used).files
        if sources not in done:
            done[sources] = measure(plan, used, samples)
        yield replace(done[sources], model=path.stem, optimize=goal)


def _settings(board: Board, goal: str) -> tuple[Board, str]:
    """The board to plan for and what the planner is told."""
    if goal != PLAIN:
        return board, goal
    return replace(board, chip=replace(board.chip, isa=())), "speed"


def measure(plan: Plan, board: Board, samples: int) -> Measurement:
    """Builds, runs and verifies; raises MismatchError when an output is not exact."""
    given = random_samples(plan.graph, samples)
    with tempfile.TemporaryDirectory(prefix="tinyml-bench-") as folder:
        measured = run_bare if board.chip.core.bare else run_on_board
        run = measured(plan, board, given, Path(folder))
    verify(plan.reference_graph, given.inputs, run.outputs)
    layers = report(with_plan(resolve(board), plan)).layers
    constants = sum(layer.weights_bytes for layer in layers)
    return Measurement(
        model=plan.graph.name,
        board=board.name,
        core=board.chip.core.name,
        optimize=plan.optimize,
        clock_hz=board.chip.clock_hz,
        macs=sum(layer.macs for layer in layers),
        instructions=run.total.instructions or 0,
        cycles=run.total.cycles,
        activation_bytes=plan.activation_bytes,
        arena_bytes=sum(nbytes for _, nbytes in plan.arena_bytes),
        stack_bytes=run.stack_bytes,
        ram_bytes=run.ram_bytes,
        flash_bytes=run.flash_bytes,
        code_bytes=run.flash_bytes - constants,
        layers=tuple(
            Layer(
                layer.op,
                layer.macs,
                layer.kernel,
                layer.predicted_instructions,
                time.instructions or 0,
                time.cycles,
            )
            for layer, time in zip(layers, run.layers, strict=True)
        ),
        copied_bytes=plan.copied_bytes,
    )


def run_on_board(plan: Plan, board: Board, samples: Samples, folder: Path) -> Counted:
    """The board's firmware on its simulator; sizes without the agent."""
    bare = link(plan, board, folder / "bare", agent=False)
    settings = api.Settings(plan.optimize, directory=folder / "full")
    run = api.simulate(build_plan(plan, board, settings), samples.inputs)
    return Counted(
        run.outputs,
        run.layers,
        run.total,
        run.stack_bytes or 0,
        bare.ram_bytes - board.stack_bytes,
        bare.flash_bytes,
    )
