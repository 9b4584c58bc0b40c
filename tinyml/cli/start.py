"""Commands that one begins with: what is installed, a new application."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from tinyml import console
from tinyml.cli import options
from tinyml.errors import ToolError

if TYPE_CHECKING:
    from tinyml.board import Board


@click.command(short_help="Show what is installed and what is missing.")
@options.board_option(multiple=True, required=False)
@options.JSON
def doctor(boards: tuple[Board, ...], as_json: bool) -> int:
    """Show the tools that a board needs (all boards by default): version, state, how to get them.

    Exits with 0 when each board can be built for, flashed and simulated as its file says, else 3.
    """
    from tinyml import doctor as examining
    from tinyml.board import all_boards
    from tinyml.report.tools import tool_table

    with console.progress("asking every program for its version …"):
        found = examining.examine(boards or all_boards())
    if as_json:
        console.document({"is_complete": found.is_complete, **asdict(found)})
        return 0 if found.is_complete else ToolError.exit_code
    table = tool_table(found)
    console.table(table.title, table.columns, table.rows)
    for item in found.findings:
        if item.get:
            console.line(f"{item.tool}: {item.get}")
    for note in found.notes:
        console.line(f"note: {note}")
    for route in found.routes:
        state = "complete" if route.is_complete else "incomplete"
        console.verdict(route.is_complete, f"{route.board}: {state}; " + "; ".join(route.steps))
    return 0 if found.is_complete else ToolError.exit_code
