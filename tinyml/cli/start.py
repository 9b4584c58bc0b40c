"""Commands that one begins with: what is installed, a new application."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from tinyml.base import console
from tinyml.base.errors import ToolError
from tinyml.cli import options
from tinyml.cli.help import examples
from tinyml.cli.show import show_table

if TYPE_CHECKING:
    from pathlib import Path

    from tinyml.target.board import Board


@examples(
    "tinyml new my-app --board esp32s3",
    "tinyml new my-app --board rpi_pico --model model.tflite",
)
@click.command(short_help="Make the folder of an application.")
@click.argument("name", type=options.FOLDER)
@click.option("--board", required=True, envvar="TINYML_BOARD", help="Board name or a .toml file.")
@options.TEMPLATE
@click.option("--model", type=options.MODEL_FILE, help="The model; else a small one stands for it.")
def new(name: Path, board: str, template: str | None, model: Path | None) -> None:
    """Make the folder NAME with an application for a board: tinyml.toml, code, a slot for a model.

    Put your own model there, then: tinyml build
    """
    from tinyml.session import new as application

    for path in application.new(name, board, template, model):
        console.line(f"wrote {path}")
    console.verdict(True, f"next: cd {shlex.quote(str(name))} && tinyml build")


@examples("tinyml mcp")
@click.command(short_help="Serve an assistant in an editor (Model Context Protocol).")
def mcp() -> None:
    """Serve tinyml's commands to an assistant by the Model Context Protocol, on standard input.

    Editors start it by themselves: docs/assistants.md says what to write where. Nothing is flashed.
    """
    from tinyml.session.mcp_server import serve

    serve()


@examples(
    "tinyml doctor --board esp32s3",
)
@click.command(short_help="Show what is installed and what is missing.")
@options.board_option(multiple=True, required=False)
@options.JSON
def doctor(boards: tuple[Board, ...], as_json: bool) -> int:
    """Show the tools that a board needs (all boards by default): version, state, how to get them.

    Exits with 0 when each board can be built for, flashed and simulated as its file says, else 3.
    """
    from tinyml.session import doctor as examining
    from tinyml.session.tools import tool_table
    from tinyml.target.boards import all_boards

    with console.progress("asking every program for its version …"):
        found = examining.examine(boards or all_boards())
    if as_json:
        console.document({"is_complete": found.is_complete, **asdict(found)})
        return 0 if found.is_complete else ToolError.exit_code
    table = tool_table(found)
    show_table(table)
    for item in found.findings:
        if item.get:
            console.line(f"{item.tool}: {item.get}")
    for note in found.notes:
        console.line(f"note: {note}")
    for route in found.routes:
        state = "complete" if route.is_complete else "incomplete"
        console.verdict(route.is_complete, f"{route.board}: {state}; " + "; ".join(route.steps))
    return 0 if found.is_complete else ToolError.exit_code
