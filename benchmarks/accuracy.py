"""How well memory, work and time are predicted: ``python -m benchmarks.accuracy``.

Networks of many architectures are planned, built and run on emulated boards; what was predicted is
held against what the linker and the emulator found. Prints distributions, per board and goal.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from tests.corpus.networks import network
from tinyml import api
from tinyml.bare.simulator import CoreSimulator
from tinyml.base.errors import TinymlError
from tinyml.ir.graph import Graph
from tinyml.model.writer import write
from tinyml.report.assemble import report
from tinyml.report.report import Report
from tinyml.target.board import Board
from tinyml.target.boards import load_board

BOARDS = ("nucleo_l4r5zi", "nucleo_h743zi2", "nucleo_u575zi_q", "nucleo_g0b1re", "esp32c3")
QUANTITIES = ("RAM", "flash", "instructions", "time")
SEED = 7
TIMES = 4  # images as wide and high as those of tests: 32 to 48 pixels


@dataclass(frozen=True, slots=True)
class Found:
    """Predicted against found, for one network on one board."""

    board: str
    optimize: str
    errors: dict[str, float]  # quantity → (predicted - found) / found, in percent


def accuracy_of(graph: Graph, board: Board, optimize: str) -> Found:
    """Builds and runs a network, and compares."""
    with tempfile.TemporaryDirectory(prefix="tinyml-accuracy-") as folder:
        path = Path(folder) / graph.source.file_name
        path.write_bytes(write(graph))
        settings = api.Settings(optimize, directory=Path(folder) / "build", self_test=False)
        document = _alone(path, board, settings) if board.chip.core.bare else None
        errors = _errors(document or _built(path, board, settings))
    return Found(board.name, optimize, errors)


def _built(path: Path, board: Board, settings: api.Settings) -> Report:
    built = api.build(path, board, settings)
    run = api.simulate(built, api.samples_of(built.plan.graph, None, 1))
    return report(built.planned, built.image, run)


def _alone(path: Path, board: Board, settings: api.Settings) -> Report:
    """Of a board whose firmware a framework links, the model's functions alone run here."""
    planned = api.plan(path, board, settings)
    inputs = api.samples_of(planned.plan.graph, None, 1).inputs
    run = CoreSimulator().run_model(planned.plan, None, board, inputs, in_sequence=False)
    return report(planned, None, run)


def _errors(document: Report) -> dict[str, float]:
    run, predicted = document.run or {}, document.predicted or {}
    pairs = {
        "instructions": (predicted["instructions"], run["total"]["instructions"]),
        "time": (predicted["time_us"], run["time_us"]),
    }
    for kind, name in (("ram", "RAM"), ("flash", "flash")):
        regions = [item for item in document.memory if item.kind == kind and item.linked_bytes]
        pairs[name] = (
            sum(item.predicted_bytes for item in regions),
            sum(item.linked_bytes or 0 for item in regions),
        )
    return {name: 100 * (was / now - 1) for name, (was, now) in pairs.items() if now}


def table(found: Sequence[Found]) -> Iterable[str]:
    """A row per board, goal and quantity."""
    yield "| board | goal | quantity | networks | median % | 95 % within | lowest | highest |"
    yield "|---|---|---|--:|--:|--:|--:|--:|"
    for board, optimize in dict.fromkeys((item.board, item.optimize) for item in found):
        rows = [item.errors for item in found if (item.board, item.optimize) == (board, optimize)]
        for name in QUANTITIES:
            errors = np.array([row[name] for row in rows if name in row])
            if not len(errors):
                continue
            within = np.percentile(np.abs(errors), 95)
            cells = f"{np.median(errors):+.1f} | {within:.1f} | {errors.min():+.1f}"
            yield (
                f"| {board} | {optimize} | {name} | {len(errors)} | {cells} | {errors.max():+.1f} |"
            )


@click.command()
@click.option("--networks", default=18, help="How many, in turn of all architectures.")
@click.option("--board", "boards", multiple=True, default=BOARDS, help="One of several.")
@click.option("--optimize", "goals", multiple=True, default=("balanced",), help="One of several.")
@click.option("--times", multiple=True, default=(TIMES,), help="Size of images; one of several.")
def main(
    networks: int, boards: tuple[str, ...], goals: tuple[str, ...], times: tuple[int, ...]
) -> None:
    """Prints how far predictions are off."""
    found = []
    for name in boards:
        for optimize in goals:
            for size, number in itertools.product(times, range(networks)):
                graph = network(number, SEED + number, times=size)
                click.echo(f"network {number} on {name} for {optimize} …", err=True)
                try:
                    found.append(accuracy_of(graph, load_board(name), optimize))
                except TinymlError as error:
                    click.echo(f"  {error}", err=True)
    click.echo("\n".join(table(found)))


if __name__ == "__main__":
    main()
