"""Commands that make something: firmware, or sources for somebody else's firmware."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tinyml import console
from tinyml.cli import options

if TYPE_CHECKING:
    from tinyml.board import Board


@click.command(short_help="Compile a model and link a firmware image.")
@options.MODEL
@options.board_option()
@options.MEMORY
@options.RAM_BUDGET
@options.FLASH_BUDGET
@options.KERNELS
@options.OPTIMIZE
@options.TOOLCHAIN
@options.BUILD_DIR
@options.AGENT
@options.NO_AGENT
@options.MODEL_ID
@options.TEMPLATE
@click.option(
    "--library",
    "template",
    flag_value="library",
    help="Only the C files and kernels, for your own firmware: the same as --template library.",
)
@options.PROJECT
@options.PROJECT_ONLY
@options.DOCKER
@options.JSON
def build(
    model: Path,
    board: Board,
    memory: str | None,
    ram_budget: tuple[str, ...],
    flash_budget: str | None,
    kernels: tuple[str, ...],
    optimize: str,
    toolchain: str | None,
    output: Path | None,
    agent: str,
    model_id: str | None,
    template: str | None,
    project: Path | None,
    project_only: bool,
    docker: bool,
    as_json: bool,
) -> None:
    """Compile MODEL to C for a board and link a firmware image around it.

    In a folder with tinyml.toml ('tinyml new' makes one) MODEL and all options come from there.
    """
    from tinyml import api
    from tinyml.report import text

    board = api.with_budgets(board, memory, ram_budget, flash_budget, template=template)
    board = api.with_libraries(board, kernels)
    settings = api.Settings(
        optimize,
        toolchain,
        output,
        agent=agent != "none",
        benchmark=agent == "mlperf",
        model_id=model_id,
        template=template,
        container=docker,
        project_only=project_only,
        project=project,
    )
    with console.progress(f"building {model.name} for {board.name} …"):
        built = api.build_model(model, board, settings)
    if as_json:
        console.document(built.report.to_json())
    else:
        for table in text.build_tables(built.report):
            console.table(table.title, table.columns, table.rows)
        for path in built.files:
            console.line(f"wrote {path}")
        console.verdict(built.report.fits, text.summary(built.report))
    if built.missing:
        raise built.missing
