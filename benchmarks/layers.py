"""Single layers that the public models have few of: ``python -m benchmarks.layers [--write]``.

Each row of layers.toml is run alone in one program with the others on the emulated board; its
instructions are told per MAC or per output element, beside what a kernel can be expected to reach.
All outputs equal the reference.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from tests.support.models.cases import Case, merge, row_graph
from tinyml import api
from tinyml.evaluate.samples import random_samples
from tinyml.evaluate.verification import verify
from tinyml.ir.graph import Graph, check
from tinyml.ops import spec_of
from tinyml.target.boards import load_board

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

BOARD = "nucleo_l4r5zi"
ROWS = Path(__file__).with_name("layers.toml")
PAGE = Path(__file__).parents[1] / "docs" / "performance" / "layers.md"
PREFACE = f"""# Single layers

Executed instructions on the emulated core of {BOARD} (Cortex-M4), each layer alone on the kernel
that the planner takes for `speed`: layers of which the public models have few or none. "Reachable"
is what an inner loop without waste would take. All outputs equal the reference.

Written by `python -m benchmarks.layers --write`.

"""
_OWN = ("title", "op", "per", "reachable", "reason")


@dataclass(frozen=True, slots=True)
class Row:
    """What a layer takes."""

    title: str
    kernel: str
    instructions: int
    per: str  # "MAC" or "output"
    count: int  # of these
    reachable: float  # instructions per one of them
    reason: str  # why it takes more; "" where it does not, or nobody has tried

    @property
    def each(self) -> float:
        """Instructions per MAC or output."""
        return self.instructions / self.count


def measured(board_name: str, named: str = "") -> list[Row]:
    """The layers whose titles contain ``named``. Raises MismatchError when one is not exact."""
    board = load_board(board_name)
    layers = [item for item in tomllib.loads(ROWS.read_text())["layer"] if named in item["title"]]
    cases = [_case(item, f"l{i}") for i, item in enumerate(layers)]
    merged = merge(cases, "layers").graph
    given = random_samples(merged, 2)
    with tempfile.TemporaryDirectory(prefix="tinyml-layers-") as folder:
        settings = api.Settings("speed", directory=Path(folder), self_test=False)
        built = api.build(merged, board, settings)
        run = api.simulate(built, given)
    verify(merged, given.inputs, run.outputs)
    steps = zip(built.plan.steps, run.layers, strict=True)
    found = {}
    for step, time in steps:
        kernel = step.call.function if step.call is not None else "-"
        for op in step.ops:
            found[op] = (kernel, time.instructions or 0)
    return [
        _row(item, case.graph, *found[i])
        for i, (item, case) in enumerate(zip(layers, cases, strict=True))
    ]


def _case(item: dict[str, Any], name: str) -> Case:
    row = {key: value for key, value in item.items() if key not in _OWN}
    graph, _ = row_graph(item["op"], {"name": name, **row}, name)
    return Case(name, check(replace(graph, name=name)), ())


def _row(item: dict[str, Any], graph: Graph, kernel: str, instructions: int) -> Row:
    (op,) = graph.ops
    outputs = graph.tensors[op.outputs[0]].elements
    count = spec_of(op.kind).macs(op, graph) if item["per"] == "MAC" else outputs
    title, per, reachable = (item[key] for key in ("title", "per", "reachable"))
    return Row(title, kernel, instructions, per, count, reachable, item.get("reason", ""))


def table(rows: Sequence[Row]) -> str:
    """The rows, and the reasons of those that take more than can be expected."""
    return "\n".join(_lines(rows)) + "\n"


def _lines(rows: Sequence[Row]) -> Iterator[str]:
    yield "| layer | kernel | instructions | per | each | reachable |"
    yield "|---|---|--:|---|--:|--:|"
    for row in rows:
        yield (
            f"| {row.title} | `{row.kernel}` | {row.instructions:,} | {row.per} "
            f"| {row.each:.2f} | {row.reachable:g} |"
        )
    reasons = [row for row in rows if row.reason]
    if reasons:
        yield ""
        yield from (f"- {row.title}: {row.reason}" for row in reasons)


@click.command()
@click.option("--board", default=BOARD, help="An emulated one.")
@click.option("--layer", default="", help="A part of the titles of the layers to measure.")
@click.option("--write", is_flag=True, help=f"Store the page as {PAGE.name}.")
def main(board: str, layer: str, write: bool) -> None:
    """Prints a table."""
    text = table(measured(board, layer))
    click.echo(text)
    if write:
        PAGE.write_text(PREFACE + text, encoding="utf-8")


if __name__ == "__main__":
    main()
