"""How commands show what they built or measured."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from tinyml.base import console
from tinyml.base.files import near

if TYPE_CHECKING:
    from pathlib import Path

    from tinyml.api import Built
    from tinyml.report.report import Report
    from tinyml.report.text import Table
    from tinyml.target.board import Board


def show_table(table: Table) -> None:
    """A table, with its least important columns left out where the terminal is too narrow."""
    console.table(table.title, table.columns, table.rows, table.least_first)


def meant(build: Path | None, board: Board | None) -> Path | None:
    """The build that a command is about: the last one, where none was named and several are there.

    Says so. None: there is at most one, or none.
    """
    from tinyml.measure.flash import last_build

    if build is None and (found := last_build(board)):
        build, count = found
        console.note(f"the last of {count} builds: {build}")
    return build


def show(
    built: Built,
    as_json: bool,
    tables: Callable[[Report], Iterable[Table]],
    lines: Iterable[str] = (),
    *,
    all_layers: bool = False,
) -> None:
    """The report as JSON; or lines, tables, the files that were written, and the verdict.

    The first of ``tables`` is that of the layers; the heaviest of many stand for all of them.
    """
    from tinyml.report import text
    from tinyml.report.heaviest import heaviest
    from tinyml.report.models import models_tables

    if as_json:
        console.document(built.report.to_json())
        return
    for line in lines:
        console.line(line)
    first, *others = tables(built.report)
    for table in (
        first if all_layers else heaviest(built.report, first),
        *models_tables(built.report),
        *others,
    ):
        show_table(table)
    for path in built.files:
        console.line(f"wrote {path}")
    for line in _remarks(built):
        console.line(line)
    for advice in built.report.problems:
        console.line(f"what would help: {advice}")
    page = built.directory / "report.html"
    if page.is_file():
        console.line(f"page: {near(page)}")
    console.verdict(built.report.fits, text.summary(built.report))


def _remarks(built: Built) -> Iterator[str]:
    """What may be a surprise, a line each."""
    from tinyml.report import text
    from tinyml.report.heaviest import slower_lines
    from tinyml.report.history import replaced_lines

    yield from built.notes
    yield from text.copied_lines(built.report)
    yield from text.shared_lines(built.report)
    yield from text.stack_lines(built.report)
    yield from text.self_test_lines(built.report)
    yield from slower_lines(built.report)
    yield from replaced_lines(built.before, built.report)


def show_next(*words: str, first: str = "") -> None:
    """The command that comes next, as one may paste it; beside the results.

    ``first``: what is to be done before.
    """
    console.note(f"next: {first}{shlex.join(words)}")
