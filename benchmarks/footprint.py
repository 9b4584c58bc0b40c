"""``python -m benchmarks.footprint``: measures code sizes and writes tinyml/plan/footprint.toml.

The prediction of ``tinyml check`` is a sum: what every firmware of a board needs, what the first
use of a kernel adds, and what each use adds. The three are fitted here, per core and goal, to the
linker's figures for whole models and for single layers cut out of them.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np

from benchmarks.models import large_kernels, many_channels, residuals
from tinyml import api
from tinyml.backends.base import Image
from tinyml.board import Board, all_boards
from tinyml.build import build
from tinyml.codegen.generate import generate
from tinyml.errors import TinymlError
from tinyml.ir.graph import Graph
from tinyml.ir.kernel import distinct_constant_bytes
from tinyml.plan.predict import code_parts, runtime_state_bytes
from tinyml.plan.values import Plan
from tinyml.project import create

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "tinyml" / "plan" / "footprint.toml"
HEAD = (
    "# Code sizes in bytes, measured with the zig toolchain.\n"
    "# Written by `python -m benchmarks.footprint`; do not edit.\n"
)
SINGLES = 2  # single-layer builds per kernel
CORES = {  # core → the board that its kernels are measured on
    "cortex-m0plus": "nucleo_g0b1re",
    "cortex-m33": "nucleo_u575zi_q",
    "cortex-m4": "nucleo_l4r5zi",
    "cortex-m7": "nucleo_h743zi2",
}


@dataclass(frozen=True, slots=True)
class Size:
    """What the linker says about one model."""

    kernels: Counter[str]
    flash_bytes: int  # without the layers' constants
    ram_bytes: int  # without arena, stack and the state that depends on the model


def sizes(graphs: list[Graph], board: Board, optimize: str, *, agent: bool) -> Iterator[Size]:
    """Builds each graph; those that the board cannot take are left out."""
    with tempfile.TemporaryDirectory(prefix="tinyml-footprint-") as folder:
        for graph in graphs:
            try:
                plan = api.plan(graph, board, optimize=optimize, agent=agent)
                image = link(plan, board, Path(folder), agent=agent)
            except TinymlError as error:
                click.echo(f"  {graph.name}: {error}", err=True)
                continue
            calls = [step.call for step in plan.steps if step.call is not None]
            yield Size(
                code_parts(calls),
                image.flash_bytes - distinct_constant_bytes(calls),
                image.ram_bytes
                - board.stack_bytes
                - sum(nbytes for _, nbytes in plan.arena_bytes)
                - runtime_state_bytes(graph, len(plan.steps), agent=agent),
            )


def link(plan: Plan, board: Board, folder: Path, *, agent: bool) -> Image:
    """The image of a plan, without a report; objects of earlier builds in the folder are kept."""
    shutil.rmtree(folder / "project", ignore_errors=True)
    sources = generate(plan, board)
    template = board.backends["template"]
    project = create(plan, sources, board, template, folder / "project", agent=agent)
    return build(project, None, folder)


def singles(graphs: list[Graph], board: Board, optimize: str) -> list[Graph]:
    """One-layer graphs, up to ``SINGLES`` for each kernel that the graphs use."""
    seen: Counter[str] = Counter()
    cut: list[Graph] = []
    for graph in graphs:
        plan = api.plan(graph, board, optimize=optimize)
        for step in plan.steps:
            if step.call is None or seen[step.call.function] >= SINGLES or step.call.stream:
                continue
            seen[step.call.function] += 1
            op = graph.ops[step.ops[0]]
            inputs = tuple(i for i in op.inputs if i >= 0 and not graph.tensors[i].is_constant)
            cut.append(
                replace(
                    graph,
                    name=f"single_{len(cut)}",
                    ops=(op,),
                    inputs=tuple(dict.fromkeys(inputs)),
                    outputs=op.outputs,
                )
            )
    return cut


def fit(found: list[Size]) -> tuple[float, dict[str, tuple[float, float]]]:
    """(base, {kernel: (first use, each use)}) in bytes: least squares, nothing below zero.

    A small penalty keeps sizes that the data does not tell apart from running off.
    """
    names = sorted({name for size in found for name in size.kernels})
    rows = np.array(
        [
            [1.0, *(float(n in s.kernels) for n in names), *(float(s.kernels[n]) for n in names)]
            for s in found
        ]
    )
    wanted = np.array([float(size.flash_bytes) for size in found])
    active = np.ones(rows.shape[1], bool)
    while True:
        used = rows[:, active]
        penalty = 0.05 * np.eye(used.shape[1])
        penalty[0, 0] = 0.0
        solution = np.zeros(rows.shape[1])
        solution[active] = np.linalg.solve(used.T @ used + penalty, used.T @ wanted)
        if (solution >= 0).all():
            break
        active &= solution >= 0
    once, each = solution[1 : 1 + len(names)], solution[1 + len(names) :]
    return float(solution[0]), {
        name: (float(a), float(b)) for name, a, b in zip(names, once, each, strict=True)
    }


def model_code(size: Size, kernels: dict[str, tuple[float, float]]) -> float:
    """Predicted bytes of a model's code."""
    return sum(kernels[name][0] + count * kernels[name][1] for name, count in size.kernels.items())


def measure_core(core: str, graphs: list[Graph], boards: list[Board], optimize: str) -> list[str]:
    """The lines of the data file for one core and goal."""
    reference = next(board for board in boards if board.name == CORES[core])
    goals = ("balanced", "speed") if optimize == "speed" else ("size",)
    whole = [size for goal in goals for size in sizes(graphs, reference, goal, agent=True)]
    parts = list(sizes(singles(graphs, reference, optimize), reference, optimize, agent=True))
    _, kernels = fit([*whole, *whole, *parts])  # whole models count twice
    errors = [size.flash_bytes - model_code(size, kernels) for size in whole]
    spread = max(errors) - min(errors)
    click.echo(f"{core} {optimize}: base {np.mean(errors):,.0f}, spread {spread:,.0f}", err=True)
    lines = [f"\n[kernels.{core}.{optimize}]  # bytes of the first use, bytes of each use\n"]
    lines += [f"{name} = [{once:.0f}, {each:.0f}]\n" for name, (once, each) in kernels.items()]
    for board in boards:
        if board.chip.core != core or board.backends["toolchain"] != "zig":
            continue
        lines.append(f"\n[base.{board.name}.{optimize}]\n")
        for agent, key in ((True, "agent"), (False, "bare")):
            measured = graphs if board is reference else graphs[:1]
            made = list(sizes(measured, board, optimize, agent=agent))
            flash = np.mean([size.flash_bytes - model_code(size, kernels) for size in made])
            ram = max(size.ram_bytes for size in made)
            lines.append(f"{key} = {{ flash_bytes = {flash:.0f}, ram_bytes = {ram} }}\n")
    return lines


def measure_task(task: tuple[str, str, Path]) -> list[str]:
    """One core and goal, in a process of its own."""
    core, optimize, models = task
    graphs = [api.load(ROOT / "examples" / "digits" / "digits.tflite")]
    graphs += [large_kernels(), residuals(), many_channels()]
    graphs += [api.load(path) for path in sorted(models.glob("*.tflite"))]
    return measure_core(core, graphs, list(all_boards()), optimize)


@click.command()
@click.option(
    "--models", type=click.Path(path_type=Path), default=ROOT.parent / "shared" / "models"
)
@click.option("--core", "cores", multiple=True, default=tuple(CORES))
def main(models: Path, cores: tuple[str, ...]) -> None:
    """Builds everything and writes the data file."""
    tasks = [(core, optimize, models) for core in cores for optimize in ("speed", "size")]
    with ProcessPoolExecutor(max_workers=2) as pool:
        parts = list(pool.map(measure_task, tasks))
    old = TARGET.read_text(encoding="utf-8") if TARGET.exists() else HEAD
    new = "".join(line for part in parts for line in part)
    TARGET.write_text(HEAD + merged(old, new), encoding="utf-8")


def merged(old: str, new: str) -> str:
    """The tables of both texts, sorted by their heads; those of the second replace the first's."""
    tables = {}
    for text in (old, new):
        for table in text.split("\n[")[1:]:
            head, _, _ = table.partition("]")
            tables[head] = f"\n[{table.rstrip()}\n"
    order = sorted(tables, key=lambda head: (not head.startswith("kernels."), head))
    return "".join(tables[head] for head in order)


if __name__ == "__main__":
    main()
