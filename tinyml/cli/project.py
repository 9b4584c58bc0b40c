"""Commands that make something: firmware, or sources for somebody else's firmware."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tinyml import console
from tinyml.cli import options
from tinyml.cli.conversion import conversion_options

if TYPE_CHECKING:
    from tinyml.board import Board
    from tinyml.convert.conversion import ConvertOptions


@click.command(short_help="Compile a model and link a firmware image.")
@click.argument("model")
@options.board_option()
@options.MEMORY
@options.RAM_BUDGET
@options.FLASH_BUDGET
@options.KERNELS
@options.RUNTIME
@options.OFFLINE_PLAN
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
@conversion_options(is_short=True)
@options.JSON
def build(
    model: str,
    board: Board,
    memory: str | None,
    ram_budget: tuple[str, ...],
    flash_budget: str | None,
    kernels: tuple[str, ...],
    runtime: str | None,
    offline_plan: bool,
    optimize: str,
    toolchain: str | None,
    output: Path | None,
    agent: str,
    model_id: str | None,
    template: str | None,
    project: Path | None,
    project_only: bool,
    docker: bool,
    conversion: ConvertOptions,
    as_json: bool,
) -> None:
    """Compile MODEL to C for a board and link a firmware image around it.

    In a folder with tinyml.toml ('tinyml new' makes one) MODEL and all options come from there.
    A float model (see 'tinyml convert') is quantised first; that needs --calibration.
    """
    from tinyml import api
    from tinyml.convert import conversion as stages
    from tinyml.convert import present
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
        runtime=runtime,
        offline_plan=offline_plan,
    )
    with console.progress_bar() as progress:
        kept = api.keeps_floats(board, runtime)
        file, converted = stages.model_for_build(model, conversion, progress, keeps_floats=kept)
    with console.progress(f"building {file.file_name} for {board.name} …"):
        built = api.build_model(file, board, settings)
    if converted is not None:
        stages.write_document(converted, built.directory / file.file_name)
    if as_json:
        console.document(built.report.to_json())
    else:
        for line in present.of_build(converted, file.file_name):
            console.line(line)
        for table in text.build_tables(built.report):
            console.table(table.title, table.columns, table.rows)
        for path in built.files:
            console.line(f"wrote {path}")
        console.verdict(built.report.fits, text.summary(built.report))
    if built.missing:
        raise built.missing
