"""How commands show what they built or measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from tinyml.base import console

if TYPE_CHECKING:
    from tinyml.api import Built
    from tinyml.report.report import Report
    from tinyml.report.text import Table


def show_table(table: Table) -> None:
    """A table, with its least important columns left out where the terminal is too narrow."""
    console.table(table.title, table.columns, table.rows, table.least_first)


def show(
    built: Built,
    as_json: bool,
    tables: Callable[[Report], Iterable[Table]],
    lines: Iterable[str] = (),
) -> None:
    """The report as JSON; or lines, tables, the files that were written, and the verdict."""
    from tinyml.report import text

    if as_json:
        console.document(built.report.to_json())
        return
    for line in lines:
        console.line(line)
    for table in tables(built.report):
        show_table(table)
    for path in built.files:
        console.line(f"wrote {path}")
    for line in (
        *text.copied_lines(built.report),
        *text.shared_lines(built.report),
        *text.stack_lines(built.report),
        *text.self_test_lines(built.report),
    ):
        console.line(line)
    for advice in built.report.problems:
        console.line(f"what would help: {advice}")
    console.verdict(built.report.fits, text.summary(built.report))
