"""The command that makes an integer model of a float one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tinyml.base import console
from tinyml.cli import options
from tinyml.cli.conversion import conversion_options
from tinyml.cli.help import examples
from tinyml.cli.show import show_next, show_table

if TYPE_CHECKING:
    from tinyml.convert.conversion import ConvertOptions
    from tinyml.target.board import Board


@examples(
    "tinyml convert model.keras --calibration calib.npz --evaluate test.npz",
    "tinyml convert model.onnx -o small.tflite --calibration photos/ --labels labels.txt",
    "tinyml convert net.py:build --weights net.pt --calibration calib.npz --board esp32s3",
)
@click.command(short_help="Quantise a float model for firmware.")
@options.ANY_MODEL
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The .tflite to write [default: the model's name in the current folder].",
)
@options.board_option(required=False)
@options.RUNTIME
@conversion_options()
@options.JSON
def convert(
    model: str,
    output: Path | None,
    board: Board | None,
    runtime: str | None,
    conversion: ConvertOptions,
    as_json: bool,
) -> None:
    """Quantise MODEL and say what it cost.

    MODEL is a .keras, .h5, .onnx, .pt2 or float .tflite file, a SavedModel folder, or a PyTorch
    module as net.py:function. Writes NAME.tflite, and NAME.convert.json beside it. With --board
    or --runtime it also says whether the result runs there.
    """
    from tinyml.convert import conversion as stages

    with console.progress_bar() as progress:
        converted = stages.convert(model, stages.for_target(conversion, board, runtime), progress)
    from tinyml.convert import document, present  # a mistake in the call need not wait for them

    path = output or stages.default_output(model)
    files = document.write_conversion(converted, path)
    if as_json:
        console.document(document.to_json(converted, path.name))
    else:
        for table in present.tables(converted):
            show_table(table)
        for line in (*present.sentences(converted), *(f"wrote {file}" for file in files)):
            console.line(line)
        console.verdict(present.is_meant(converted), present.verdict(converted, path.name))
    stages.require_score(converted, conversion)
    if not as_json:
        show_next("tinyml", "check", str(path))
