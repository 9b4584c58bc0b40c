"""``python -m benchmarks.footprint``: measures code sizes, per core and per board.

Writes the generated part of boards/cores/*.toml, and tinyml/plan/footprint.toml.

The prediction of ``tinyml check`` is a sum: what every firmware of a board needs, what the first
use of a kernel adds, what each use adds, and the functions that kernels have in common. The last
are read from the symbol table; the others are fitted, per core and goal, to the linker's figures
for whole models and for single layers, cut out of them or random, on every kernel that is valid
there. With ``--optimize size`` kernels are also measured as one instance that layers share.

``--agent`` measures the agent alone, after a change of it: what the same firmware is larger by than
without it is added to what is known of firmware without.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click
import numpy as np

from benchmarks.models import large_kernels, many_channels, residuals
from benchmarks.samples import calls_of, samples, wholes
from tests.support.values.plans import planned_on
from tinyml import api
from tinyml.base.elf import read_elf
from tinyml.base.errors import TinymlError
from tinyml.codegen.generate import generate
from tinyml.ir.graph import Graph
from tinyml.ir.kernel import distinct_constant_bytes
from tinyml.passes import run_passes
from tinyml.plan.code_size import SHARED, code_parts, footprint, helpers_of
from tinyml.plan.predict import runtime_state_bytes
from tinyml.plan.values import Plan
from tinyml.project.build import build
from tinyml.project.create import create
from tinyml.target.board import Board
from tinyml.target.boards import all_boards
from tinyml.values.image import Image

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "tinyml" / "plan" / "footprint.toml"
CORE_FILES = ROOT / "boards" / "cores"
MARK = "# Below this line: written by `python -m benchmarks.footprint`; do not edit.\n"
HEAD = (
    "# Code sizes in bytes, measured with the zig toolchain.\n"
    "# Written by `python -m benchmarks.footprint`; do not edit.\n"
)
WEIGHT = 3  # of a whole model beside a single layer
CORES = {  # core → the board that its kernels are measured on
    "cortex-m0plus": "nucleo_g0b1re",
    "cortex-m33": "nucleo_u575zi_q",
    "cortex-m4": "nucleo_l4r5zi",
    "cortex-m7": "nucleo_h743zi2",
}


@dataclass(frozen=True, slots=True)
class Size:
    """What the linker says about one model."""

    kernels: Counter[str]  # without helpers
    flash_bytes: int  # without the layers' constants and the helpers
    ram_bytes: int  # without arena, stack and the state that depends on the model
    helpers: dict[str, int]  # bytes of each function that kernels have in common


def measured(plan: Plan, board: Board, folder: Path, *, agent: bool = True) -> Size | None:
    """Builds a plan; None, with a message, where the board or the compiler cannot take it."""
    try:
        image = link(plan, board, folder, agent=agent)
    except TinymlError as error:
        click.echo(f"  {board.name} {plan.graph.name}: {str(error)[:60]}", err=True)
        return None
    calls = calls_of(plan)
    elf = read_elf(image.elf)
    symbols = {name: elf.symbol(name) for name in helpers_of(calls, plan.shared)}
    helpers = {name: symbol.nbytes for name, symbol in symbols.items() if symbol is not None}
    parts = code_parts(calls, plan.shared)
    return Size(
        Counter({part: count for part, count in parts.items() if part not in symbols}),
        image.flash_bytes - distinct_constant_bytes(calls) - sum(helpers.values()),
        image.ram_bytes
        - board.stack_bytes
        - sum(nbytes for _, nbytes in plan.arena_bytes)
        - runtime_state_bytes(plan.graph, len(plan.steps), agent=agent),
        helpers,
    )


def link(plan: Plan, board: Board, folder: Path, *, agent: bool) -> Image:
    """The image of a plan, without a report; objects of earlier builds in the folder are kept."""
    shutil.rmtree(folder / "project", ignore_errors=True)
    sources = generate(plan, board)
    template = board.backends["template"]
    project = create(planned_on(plan, board, template, agent=agent), sources, folder / "project")
    return build(project, None, folder)


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


def measure_core(core: str, graphs: list[Graph], boards: list[Board], goal: str) -> list[str]:
    """The lines of the data file for one core and goal."""
    reference = next(board for board in boards if board.name == CORES[core])
    with tempfile.TemporaryDirectory(prefix="tinyml-footprint-") as folder:
        size = partial(measured, board=reference, folder=Path(folder))
        parts = [(plan, size(plan)) for plan in samples(graphs, reference, goal)]
        models = [found for plan in wholes(graphs, reference, goal) if (found := size(plan))]
        kernels, helpers = table(parts, models)
        lines = [f"\n[kernels.{core}.{goal}]\n"]
        lines += [f"{name} = [{a:.0f}, {b:.0f}]\n" for name, (a, b) in sorted(kernels.items())]
        lines += [f"{name} = [{nbytes}, 0]\n" for name, nbytes in sorted(helpers.items())]
        errors = [found.flash_bytes - model_code(found, kernels) for found in models]
        click.echo(f"{core} {goal}: {np.mean(errors):,.0f} +- {np.std(errors):,.0f}", err=True)
        less = np.mean(errors) - models[0].flash_bytes
        for board in boards:
            if board.chip.core.name == core and board.backends["toolchain"] == "zig":
                plan = wholes(graphs[:1], board, goal)[0]
                lines += base_lines(plan, board, goal, less, Path(folder))
        return lines


def table(
    parts: list[tuple[Plan, Size | None]], models: list[Size]
) -> tuple[dict[str, tuple[float, float]], dict[str, int]]:
    """Per kernel the bytes of the first use and of each use; the bytes of what they share.

    A kernel that could not be compiled as one instance for several layers has no such entry.
    """
    built = [found for _, found in parts if found is not None]
    refused = {name + SHARED for plan, found in parts if found is None for name in plan.shared}
    _, kernels = fit([*built, *WEIGHT * models])
    helpers = {
        name: nbytes for found in (*built, *models) for name, nbytes in found.helpers.items()
    }
    return {name: pair for name, pair in kernels.items() if name not in refused}, helpers


def base_lines(plan: Plan, board: Board, goal: str, less: float, folder: Path) -> list[str]:
    """What every firmware of a board needs, with and without the agent.

    ``less`` is what the plan's firmware has besides the base and constants, as a negative number.
    """
    lines = [f"\n[base.{board.name}.{goal}]\n"]
    for agent, key in ((True, "agent"), (False, "bare")):
        size = measured(plan, board, folder, agent=agent)
        if size is None:
            return []  # none of our own compilers builds for the board
        flash = size.flash_bytes + less
        lines.append(f"{key} = {{ flash_bytes = {flash:.0f}, ram_bytes = {size.ram_bytes} }}\n")
    return lines


def agent_size(board: Board, goal: str) -> dict[str, int] | None:
    """What a firmware with the agent is larger by; None where none of our compilers builds it."""
    graph = run_passes(api.load(ROOT / "examples" / "digits" / "digits.tflite"))
    plan = wholes([graph], board, goal)[0]
    with tempfile.TemporaryDirectory(prefix="tinyml-footprint-") as folder:
        without = measured(plan, board, Path(folder), agent=False)
        size = measured(plan, board, Path(folder), agent=True)
    if size is None or without is None:
        return None
    return {
        "flash_bytes": size.flash_bytes - without.flash_bytes,
        "ram_bytes": size.ram_bytes - without.ram_bytes,
    }


def measure_agent(task: tuple[str, str]) -> list[str]:
    """The base of one board for one goal where only the agent has changed, in its own process.

    Where our compilers do not build for the board, the agent grew as on the core's board.
    """
    name, goal = task
    board = api.load_board(name)
    old = footprint()["base"]
    entry = old[name][goal]
    size = agent_size(board, goal)
    from_name = name
    if size is None:
        from_name = CORES[board.chip.core.name]
        size = agent_size(api.load_board(from_name), goal)
        assert size is not None, from_name
    before = old[from_name][goal]
    grown = {
        key: entry["agent"][key] + size[key] - before["agent"][key] + before["bare"][key]
        for key in size
    }
    texts = (
        f"{key} = {{ flash_bytes = {item['flash_bytes']}, ram_bytes = {item['ram_bytes']} }}\n"
        for key, item in (("agent", grown), ("bare", entry["bare"]))
    )
    return [f"\n[base.{name}.{goal}]\n", *texts]


def measure_task(task: tuple[str, str, Path]) -> list[str]:
    """One core and goal, in a process of its own."""
    core, goal, models = task
    graphs = [api.load(ROOT / "examples" / "digits" / "digits.tflite")]
    graphs += [large_kernels(), residuals(), many_channels()]
    graphs += [api.load(path) for path in sorted(models.glob("*.tflite"))]
    return measure_core(core, list(map(run_passes, graphs)), list(all_boards()), goal)


@click.command()
@click.option(
    "--models", type=click.Path(path_type=Path), default=ROOT.parent / "shared" / "models"
)
@click.option("--core", "cores", multiple=True, default=tuple(CORES))
@click.option("--agent", is_flag=True, help="Only what the agent takes; the rest stays.")
def main(models: Path, cores: tuple[str, ...], agent: bool) -> None:
    """Builds everything and writes the data file."""
    goals = ("speed", "size")
    with ProcessPoolExecutor(max_workers=2) as pool:
        if agent:
            known = [(name, goal) for name in footprint()["base"] for goal in goals]
            parts = list(pool.map(measure_agent, known))
        else:
            tasks = [(core, goal, models) for core in cores for goal in goals]
            parts = list(pool.map(measure_task, tasks))
    new = tables_of("".join(line for part in parts for line in part))
    for core in cores:
        write_core(core, {head: text for head, text in new.items() if f"kernels.{core}." in head})
    base = {head: text for head, text in new.items() if head.startswith("base.")}
    old = tables_of(TARGET.read_text(encoding="utf-8")) if TARGET.exists() else {}
    TARGET.write_text(HEAD + joined(old | base), encoding="utf-8")


def write_core(core: str, measured_tables: dict[str, str]) -> None:
    """Replaces the code sizes in a core's file; without any it stays as it is."""
    if not measured_tables:
        return
    path = CORE_FILES / f"{core}.toml"
    by_hand, _, _ = path.read_text(encoding="utf-8").partition(MARK)
    sizes = joined(measured_tables).replace(f"[kernels.{core}.", "[code_bytes.")
    path.write_text(by_hand + MARK + sizes, encoding="utf-8")


def tables_of(text: str) -> dict[str, str]:
    """The tables of a TOML file by their heads."""
    found = {}
    for table in text.split("\n[")[1:]:
        head, _, _ = table.partition("]")
        found[head] = f"\n[{table.rstrip()}\n"
    return found


def joined(tables: dict[str, str]) -> str:
    """The tables as one text, sorted by their heads."""
    return "".join(tables[head] for head in sorted(tables))


if __name__ == "__main__":
    main()
