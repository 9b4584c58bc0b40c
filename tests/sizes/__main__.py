"""Flash and stack of every kernel on Cortex-M4, Cortex-M0+ and RV32IMC: python -m tests.sizes

``--save FILE`` keeps the figures; ``--against FILE`` prints what has changed since then, and how
much of the code is the same to the byte. "shared" are kernels as one instance for all layers (-Os),
"layers" the rows of tests/ops, each specialised (-O3); "plain" kernels serve every core, "own" has
those for the core's instructions as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TypeAlias

import click

from tests.sizes.measure import Measured, measure
from tests.support.models.cases import case_paths

Program: TypeAlias = "Mapping[str, object]"  # of a file: digest, functions
FORMAT = 1


def to_json(found: Iterable[Measured]) -> dict[str, dict[str, object]]:
    """The figures as they are kept."""
    return {
        item.key: {
            "digest": item.digest,
            "functions": {
                name: [size.code_bytes, size.stack_bytes] for name, size in item.functions
            },
        }
        for item in found
    }


def table(found: Mapping[str, Program]) -> Iterator[str]:
    """Every kernel's one instance for all layers, and what the layers of tests/ops take."""
    yield "| core, kernels, operator, form | function | code | stack |"
    yield "|---|---|---:|---:|"
    for key, name, (code, stack) in _rows(found):
        yield f"| {key} | {name} | {code} | {stack} |"


def changes(before: Mapping[str, Program], after: Mapping[str, Program]) -> Iterator[str]:
    """The functions that take more or less than before, and how many programs are the same."""
    old = {(key, name): sizes for key, name, sizes in _rows(before)}
    new = {(key, name): sizes for key, name, sizes in _rows(after)}
    both = before.keys() & after.keys()
    same = sum(before[key]["digest"] == after[key]["digest"] for key in both)
    yield f"{same} of {len(both)} programs have the same code, to the byte."
    different = [item for item in sorted(old | new) if old.get(item) != new.get(item)]
    if not different:
        return
    yield "\n| core, kernels, operator, form | function | code | stack |\n|---|---|---:|---:|"
    for item in different:
        was, now = old.get(item), new.get(item)
        code, stack = (_change(was[i] if was else 0, now[i] if now else 0) for i in (0, 1))
        yield f"| {item[0]} | {item[1]} | {code} | {stack} |"


def _rows(found: Mapping[str, Program]) -> Iterator[tuple[str, str, list[int]]]:
    for key, program in sorted(found.items()):
        functions = program["functions"]
        assert isinstance(functions, dict)
        yield from ((key, name, sizes) for name, sizes in sorted(functions.items()))


def _change(was: int, now: int) -> str:
    return str(now) if was == now else f"{was} to {now} ({now - was:+})"


def _read(path: Path) -> Mapping[str, Program]:
    kept = json.loads(path.read_text(encoding="utf-8"))
    if kept.get("format") != FORMAT:
        raise click.UsageError(f"{path} is not of format {FORMAT}: make it anew with --save")
    programs: Mapping[str, Program] = kept["programs"]
    return programs


@click.command()
@click.option("--save", type=click.Path(path_type=Path, dir_okay=False), help="Keep the figures.")
@click.option(
    "--against",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Print what has changed since these were kept.",
)
@click.option("--op", "operators", multiple=True, help="One of several operators: conv_2d.")
def main(save: Path | None, against: Path | None, operators: tuple[str, ...]) -> None:
    """Measures every kernel and prints a table, or what has changed."""
    kept = _read(against) if against else None
    paths = [path for path in case_paths() if not operators or path.stem in operators]
    with ProcessPoolExecutor() as pool:
        found = to_json(item for group in pool.map(measure, paths) for item in group)
    if save:
        save.write_text(json.dumps({"format": FORMAT, "programs": found}, indent=1) + "\n")
    lines = table(found) if kept is None else changes(kept, found)
    for line in lines:
        click.echo(line)


if __name__ == "__main__":
    main()
