"""Commands that run a firmware and report what it did."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tinyml import console
from tinyml.cli import options

if TYPE_CHECKING:
    from tinyml.board import Board


@click.command(short_help="Run the image on an emulated board.")
@options.MODEL
@options.board_option()
@click.option(
    "--inputs",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A .npz or .npy file with samples (and 'labels'); random inputs by default.",
)
@click.option("--samples", type=click.IntRange(1), help="Use only the first N samples.")
@options.OPTIMIZE
@options.TOOLCHAIN
@options.BUILD_DIR
@click.option("--simulator", help="Simulator; the board's own choice by default.")
@click.option(
    "--outputs",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the raw outputs to this .npz file.",
)
@click.option("--serial", is_flag=True, help="Serve the emulated board on a pty until stopped.")
@options.JSON
def simulate(
    model: Path,
    board: Board,
    inputs: Path | None,
    samples: int | None,
    optimize: str,
    toolchain: str | None,
    output: Path | None,
    simulator: str | None,
    outputs: Path | None,
    serial: bool,
    as_json: bool,
) -> None:
    """Build MODEL when needed, boot the image on an emulated BOARD, run it, report per layer."""
    from tinyml import api
    from tinyml.report import text

    settings = api.Settings(optimize, toolchain, output)
    feed = api.samples_of(api.load(model), inputs, samples)
    with console.progress(f"building {model.name} for {board.name} …"):
        built = api.build_model(model, board, settings)
    if serial:
        api.serve(built, board, announce=console.line)
        return
    with console.progress("running on the emulated core …"):
        ran = api.simulate_build(built, board, feed, simulator=simulator, save=outputs)
    if as_json:
        console.document(ran.report.to_json())
        return
    for table in text.run_tables(ran.report):
        console.table(table.title, table.columns, table.rows)
    for path in ran.files:
        console.line(f"wrote {path}")
    console.verdict(ran.report.fits, text.summary(ran.report))


@click.command(short_help="Switch on shell completion.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the line that switches on completion of commands and boards in SHELL."""
    lines = {
        "bash": 'eval "$(_TINYML_COMPLETE=bash_source tinyml)"',
        "zsh": 'eval "$(_TINYML_COMPLETE=zsh_source tinyml)"',
        "fish": "_TINYML_COMPLETE=fish_source tinyml | source",
    }
    console.line(lines[shell])
