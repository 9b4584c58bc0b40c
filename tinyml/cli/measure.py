"""Commands that talk to the firmware on a board: profile, verify, monitor, run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tinyml.base import console
from tinyml.base.files import near
from tinyml.cli import options
from tinyml.cli.feed import Feed, feed_option
from tinyml.cli.help import examples
from tinyml.cli.settings import settings_options
from tinyml.cli.show import meant, show, show_next, show_table

if TYPE_CHECKING:
    from tinyml.api import Built, Connection
    from tinyml.evaluate.samples import Samples
    from tinyml.project.settings import Settings
    from tinyml.target.board import Board


@examples(
    "tinyml profile",
    "tinyml profile build/model-esp32s3 --inputs test.npz --runs 20",
)
@click.command(short_help="Measure the latency on the board.")
@options.BUILD
@options.board_option(required=False)
@options.PORT
@options.BAUD
@options.RUNS
@options.WARMUP
@feed_option
@options.SAMPLES
@options.LAYERS
@options.JSON
def profile(
    build: Path | None,
    board: Board | None,
    port: str | None,
    baud: int | None,
    runs: int,
    warmup: int,
    feed: Feed,
    samples: int | None,
    all_layers: bool,
    as_json: bool,
) -> None:
    """Time every layer of BUILD (a build directory) on the board that runs it.

    Outputs are compared with the reference as well; report.json, report.html and run.json are
    written into the build directory.
    """
    from tinyml import api
    from tinyml.report import device

    built = api.open_build(meant(build, board), board)
    taken = feed.samples(built.plan.graph, samples)
    measured = _measured(built, api.Connection(port, baud), taken, runs, warmup)
    show(measured, as_json, device.profile_tables, all_layers=all_layers)
    if not as_json:
        _show_verify(measured, port, feed)


@examples(
    "tinyml verify --inputs test.npz",
)
@click.command(short_help="Compare the board's results with the reference.")
@options.BUILD
@options.board_option(required=False)
@options.PORT
@options.BAUD
@feed_option
@click.option(
    "--labels",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A .npy file with the class of each sample; 'labels' in --inputs by default.",
)
@options.SAMPLES
@options.JSON
def verify(
    build: Path | None,
    board: Board | None,
    port: str | None,
    baud: int | None,
    feed: Feed,
    labels: Path | None,
    samples: int | None,
    as_json: bool,
) -> None:
    """Run every sample on the board and compare every output element with the reference.

    On a mismatch the first wrong layer is named. With labels: accuracy and confusion matrix.
    """
    from dataclasses import asdict

    from tinyml import api
    from tinyml.evaluate.samples import with_labels
    from tinyml.report.device import confusion_table
    from tinyml.report.text import doubted

    built = api.open_build(meant(build, board), board)
    taken = with_labels(feed.samples(built.plan.graph, samples), labels)
    with console.progress_bar() as progress:
        found = api.verify(built, taken, api.Connection(port, baud), show=progress)
    if as_json:
        console.document(asdict(found))
        return
    if found.confusion:
        table = confusion_table(found.confusion)
        show_table(table)
    accuracy = f"; accuracy {found.accuracy:.4f}" if found.accuracy is not None else ""
    console.verdict(
        True,
        f"{built.board.name}: all {found.elements:,} output elements of {found.samples:,} samples "
        f"equal the reference{accuracy}{doubted(found.doubt)}",
    )


@examples(
    "tinyml monitor",
)
@click.command(short_help="Show what the board says.")
@options.BUILD
@options.board_option(required=False)
@options.PORT
@options.BAUD
def monitor(build: Path | None, board: Board | None, port: str | None, baud: int | None) -> None:
    """Show what the board sends, live, and send what is typed.

    Ctrl-R resets the board, Ctrl-] quits. Addresses in crash reports are turned into function and
    line when the firmware of BUILD is there.
    """
    from tinyml.measure import monitor as monitoring

    monitoring.monitor(meant(build, board), board, port, baud, write=console.raw, note=console.note)


@examples(
    "tinyml run model.tflite --board nucleo_l4r5zi",
)
@click.command(short_help="Build, flash, profile and report in one go.")
@options.MODELS
@options.board_option()
@options.PORT
@options.BAUD
@options.RUNS
@feed_option
@settings_options(
    options.OPTIMIZE,
    options.TOOLCHAIN,
    options.BUILD_DIR,
    options.TEMPLATE,
    options.PROJECT,
    options.SELF_TEST,
)
@options.FLASHER
@click.option("--no-flash", is_flag=True, help="The board runs this firmware already.")
@click.option("--yes", is_flag=True, help="Do not ask before erasing.")
@options.LAYERS
@options.JSON
def run(
    models: tuple[str, ...],
    board: Board,
    port: str | None,
    baud: int | None,
    runs: int,
    feed: Feed,
    settings: Settings,
    flasher: str | None,
    no_flash: bool,
    yes: bool,
    all_layers: bool,
    as_json: bool,
) -> None:
    """Build MODEL for a board, flash it, measure it there, write the report."""
    from tinyml import api
    from tinyml.backends import flasher_of
    from tinyml.report import device

    if flasher is not None and not no_flash:
        flasher_of(flasher).check_options(board)  # before minutes go into a build
    file = api.together(models)
    taken = feed.samples(api.load(file))
    with console.progress(f"building {file.file_name} for {board.name} …"):
        built = api.build(file, board, settings)
    if not no_flash:
        _flash(built, port, flasher, yes)
    measured = _measured(built, api.Connection(port, baud), taken, runs, 5)
    show(measured, as_json, device.profile_tables, all_layers=all_layers)
    if not as_json:
        _show_verify(measured, port, feed)


def _show_verify(built: Built, port: str | None, feed: Feed) -> None:
    """That comes next: on the same port, with the same data."""
    where = ("--port", port) if port else ()
    data = ("--inputs", feed.inputs) if feed.inputs else ()
    show_next("tinyml", "verify", str(near(built.directory)), *where, *data)


def _measured(built: Built, connection: Connection, feed: Samples, runs: int, warmup: int) -> Built:
    from tinyml import api

    with console.progress_bar() as progress:
        return api.profile(built, feed, connection, runs=runs, warmup=warmup, show=progress)


def _flash(built: Built, port: str | None, flasher: str | None, yes: bool) -> None:
    from tinyml.measure import flash as flashing

    ready = flashing.prepare(built.linked(), built.board, port=port, flasher=flasher)
    console.note(f"{ready.flasher.name} will erase {ready.erases} on {built.board.name}")
    if not yes:
        console.confirm("go on? (--yes leaves out this question)")
    with console.progress_bar() as progress:
        console.note(flashing.flash(ready, progress))
