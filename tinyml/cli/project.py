"""Commands that make something: firmware, or sources for somebody else's firmware."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from tinyml.base import console
from tinyml.base.files import near
from tinyml.cli import options
from tinyml.cli.conversion import conversion_options
from tinyml.cli.feed import Feed, compiled_feed_option
from tinyml.cli.help import examples
from tinyml.cli.settings import settings_options
from tinyml.cli.show import show, show_next

if TYPE_CHECKING:
    from pathlib import Path

    from tinyml.convert.conversion import ConvertOptions
    from tinyml.project.settings import Settings
    from tinyml.target.board import Board


@examples(
    "tinyml build model.tflite --board nucleo_l4r5zi",
    "tinyml build model.tflite --board esp32s3 --inputs test.npz",
    "tinyml build model.keras --board rpi_pico --calibration calib.npz",
    "tinyml build model.tflite --board stm32f405 --library",
    "tinyml build wake.tflite words.tflite --board nucleo_l4r5zi",
)
@click.command(short_help="Compile a model and link a firmware image.")
@options.MODELS
@options.board_option()
@settings_options(
    options.RUNTIME,
    options.OFFLINE_PLAN,
    options.OPTIMIZE,
    options.TOOLCHAIN,
    options.BUILD_DIR,
    options.AGENT,
    options.NO_AGENT,
    options.MODEL_ID,
    options.TEMPLATE,
    options.LIBRARY,
    options.PROJECT,
    options.PROJECT_ONLY,
    options.SELF_TEST,
    options.DOCKER,
)
@compiled_feed_option
@conversion_options(is_short=True)
@options.LAYERS
@options.JSON
def build(
    models: tuple[str, ...],
    board: Board,
    settings: Settings,
    feed: Feed,
    conversion: ConvertOptions,
    all_layers: bool,
    as_json: bool,
) -> None:
    """Compile MODEL to C for a board and link a firmware image around it.

    In a folder with tinyml.toml ('tinyml new' makes one) MODEL and all options come from there.
    A float model (see 'tinyml convert') is quantised first; that needs --calibration. Several
    MODELs become one firmware, in which each is run by functions of its own and all share an arena.
    """
    from tinyml import api
    from tinyml.convert import building, present
    from tinyml.convert import conversion as stages
    from tinyml.report import text

    runtime = settings.runtime or board.backends["runtime"]
    with console.progress_bar() as progress:
        wanted = stages.for_target(conversion, None, runtime)
        file, converted = building.models_for_build(models, wanted, progress)
    if feed.inputs is not None:
        settings = replace(settings, compiled_inputs=feed.samples(api.load(file, runtime)))
    with console.progress(f"building {file.file_name} for {board.name} …"):
        built = api.build(file, board, settings)
    show(
        built,
        as_json,
        text.build_tables,
        present.of_build(converted, file.file_name),
        all_layers=all_layers,
    )
    if built.missing:
        raise built.missing
    if not as_json and built.image is not None:
        integers = (str(near(built.directory / file.file_name)),) if converted else models
        show_next(*_next((*integers, "--board", board.name), settings, feed, near(built.directory)))


def _next(what: Sequence[str], settings: Settings, feed: Feed, directory: Path) -> tuple[str, ...]:
    """To see it run, where the same command line makes the same build; else to flash it."""
    from tinyml.project.settings import Settings

    if click.get_current_context().default_map:  # tinyml.toml says the same again
        return ("tinyml", "simulate")
    if replace(settings, compiled_inputs=None) == Settings():
        return ("tinyml", "simulate", *what, *feed.words, *(("--app",) if feed.inputs else ()))
    return ("tinyml", "flash", str(directory))
