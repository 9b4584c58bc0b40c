"""Code sizes of new kernels alone: ``python -m benchmarks.kernel_sizes tml_dsp_add_s8 ...``.

What ``benchmarks.footprint`` measures for all kernels in an hour, for some of them: single layers
and several on one kernel, less what every firmware of the board is known to need. The lines go into
boards/cores/*.toml beside the others, which stay as they are.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import click

from benchmarks.footprint import CORE_FILES, CORES, MARK, Size, fit, joined, measured, tables_of
from benchmarks.samples import calls_of, samples
from tinyml import api
from tinyml.plan.code_size import footprint, kernel_sizes
from tinyml.plan.values import Plan

NOTHING = 100  # firmware without kernels, so that the base is what it is known to be


def sizes_of(task: tuple[str, str, tuple[str, ...]]) -> dict[str, tuple[int, int]]:
    """Per part of the kernels the bytes of the first use and of each use, on a core for a goal.

    Also of functions that they have in common and of which the core's file does not know.
    """
    core, goal, names = task
    board = api.load_board(CORES[core])
    base = footprint()["base"][board.name][goal]["agent"]["flash_bytes"]
    with tempfile.TemporaryDirectory(prefix="tinyml-footprint-") as folder:
        plans = [plan for plan in samples([], board, goal) if _is_of(plan, names)]
        found = [size for plan in plans if (size := measured(plan, board, Path(folder)))]
    if not found:
        return {}
    beyond = [replace(size, flash_bytes=size.flash_bytes - base) for size in found]
    _, kernels = fit([*beyond, *NOTHING * [Size(Counter(), 0, 0, {})]])
    known = kernel_sizes(api.load_board(CORES[core]).chip.core, goal)
    helpers = {name: (size, 0) for item in found for name, size in item.helpers.items()}
    return {
        **{name: (round(first), round(each)) for name, (first, each) in kernels.items()},
        **{name: pair for name, pair in helpers.items() if name not in known},
    }


def _is_of(plan: Plan, names: tuple[str, ...]) -> bool:
    return all(call.function in names for call in calls_of(plan))


def with_sizes(text: str, goal: str, sizes: dict[str, tuple[int, int]]) -> str:
    """The text of a core's file with these sizes in the table of a goal."""
    by_hand, _, generated = text.partition(MARK)
    tables = tables_of(generated)
    head, *lines = tables[f"code_bytes.{goal}"].strip("\n").split("\n")
    new = {name: f"{name} = [{first}, {each}]" for name, (first, each) in sizes.items()}
    lines = [line for line in lines if line.partition(" ")[0] not in new]
    for name in sorted(new):  # kernels come first, in order, then what they have in common
        later = (i for i, line in enumerate(lines) if line.partition(" ")[0] > name)
        lines.insert(next(later, len(lines)), new[name])
    tables[f"code_bytes.{goal}"] = "\n".join(("", head, *lines, ""))
    return by_hand + MARK + joined(tables)


@click.command()
@click.argument("names", nargs=-1, required=True)
@click.option("--core", "cores", multiple=True, default=tuple(CORES))
def main(names: tuple[str, ...], cores: tuple[str, ...]) -> None:
    """Measures the kernels of these names and writes what they take."""
    tasks = [(core, goal, names) for core in cores for goal in ("speed", "size")]
    with ProcessPoolExecutor(max_workers=2) as pool:
        for (core, goal, _), sizes in zip(tasks, pool.map(sizes_of, tasks), strict=True):
            path = CORE_FILES / f"{core}.toml"
            text = with_sizes(path.read_text(encoding="utf-8"), goal, sizes)
            path.write_text(text, encoding="utf-8")
            click.echo(f"{core} {goal}: {sizes}")


if __name__ == "__main__":
    main()
