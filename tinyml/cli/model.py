"""Commands about boards, operators and models: nothing is built."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tinyml.base import console
from tinyml.cli import options
from tinyml.cli.conversion import INPUT_SHAPE
from tinyml.cli.help import examples
from tinyml.cli.settings import settings_options
from tinyml.cli.show import show_next, show_table

if TYPE_CHECKING:
    from tinyml.model.file import ModelFile
    from tinyml.project.settings import Settings
    from tinyml.target.board import Board


@examples(
    "tinyml boards",
)
@click.command(short_help="List the known boards.")
@click.option("--markdown", is_flag=True, help="Print the page docs/boards.md.")
@options.JSON
def boards(markdown: bool, as_json: bool) -> None:
    """List the known boards: memory, clock, and how each is built and simulated."""
    from tinyml.report import listing, records
    from tinyml.target.boards import all_boards

    table = listing.board_table()
    if as_json:
        console.document(records.board_records(all_boards()))
    elif markdown:
        console.raw(listing.board_page(table))
    else:
        show_table(table)


@examples(
    "tinyml ops",
)
@click.command(short_help="List the supported operators.")
@click.option("--markdown", is_flag=True, help="Print the page docs/ops.md.")
@options.JSON
def ops(markdown: bool, as_json: bool) -> None:
    """List the supported operators with their forms, constraints and kernels."""
    from tinyml.report import listing, operators

    if as_json:
        console.document(operators.op_records())
    elif markdown:
        console.raw(operators.op_page(listing.WRITTEN_BY.format(command="ops")))
    else:
        show_table(operators.op_table())
        console.line("Every form has a plain C kernel for all cores. Features are of:")
        for line in operators.feature_lines():
            console.line(f"  {line}")


@examples(
    "tinyml inspect model.tflite",
)
@click.command(short_help="Show the layers of a model.")
@options.MODEL
@options.JSON
def inspect(model: Path, as_json: bool) -> None:
    """Show operators, shapes, quantisation, MACs and weights of MODEL, layer by layer.

    Also of a model that cannot be compiled, and why not.
    """
    from tinyml import api
    from tinyml.report import listing, records

    graph, refusal = api.inspect(model)
    if as_json:
        why = {"refused": None if refusal is None else refusal.message}
        console.document(records.model_record(graph) | why)
        return
    for table in listing.model_tables(graph):
        show_table(table)
    if refusal is not None:
        console.line(f"cannot be compiled: {refusal}")


@examples(
    "tinyml check model.tflite",
    "tinyml check model.keras --sort ram",
    "tinyml check model.tflite --board esp32s3 --ram-budget 64K",
    "tinyml check model.tflite --board esp32s3 --explore",
)
@click.command(short_help="Say whether a model fits a board.")
@options.MODELS
@options.board_option(multiple=True, required=False)
@settings_options(options.RUNTIME, options.TEMPLATE, options.OPTIMIZE)
@click.option("--explore", is_flag=True, help="Compare plans: RAM against time against flash.")
@click.option(
    "--sort",
    type=click.Choice(["time", "energy", "ram", "flash", "board"]),
    default="time",
    show_default=True,
    help="Order of the table of all boards.",
)
@INPUT_SHAPE
@options.JSON
def check(
    models: tuple[str, ...],
    boards: tuple[Board, ...],
    settings: Settings,
    explore: bool,
    sort: str,
    input_shape: tuple[tuple[int, ...], ...],
    as_json: bool,
) -> int:
    """Say whether MODEL fits the boards, region by region, and why not. Exits 1 if not.

    Without a board: one table of all of them; exits 1 if it fits none. MODEL may also be a float
    model of Keras, PyTorch or ONNX: sizes and times need no calibration. Several MODELs are
    checked as one firmware that runs each of them.
    """
    from tinyml import api
    from tinyml.project.settings import Settings
    from tinyml.report import listing, text

    if explore and not boards:
        raise click.UsageError("--explore compares plans for a board: name it with --board")
    file = api.together([_for_size(model, input_shape, as_json) for model in models])
    if not boards:
        return _check_all(file, settings, sort, as_json)
    if explore:
        return _explore(file, boards, settings, as_json)
    verdicts = [api.check(file, board, settings) for board in boards]
    is_ok = all(verdict.is_ok for verdict in verdicts)
    if as_json:
        console.document([listing.fit_record(verdict) for verdict in verdicts])
        return 0 if is_ok else 1
    for verdict in verdicts:
        show_table(text.fit_table(verdict))
        for sentence in text.fit_sentences(verdict):
            console.line(sentence)
        console.verdict(verdict.is_ok, f"{verdict.board}: {text.fit_verdict(verdict)}\n")
    if is_ok and len(boards) == 1 and settings == Settings():
        show_next(*_next(models, boards[0]))
    return 0 if is_ok else 1


def _next(models: tuple[str, ...], board: Board) -> tuple[str, ...]:
    """To build it; a float model needs data to calibrate with, and several are converted before."""
    floats = [model for model in models if Path(model).suffix not in (".tflite", ".lite")]
    calibration = ("--calibration", "calib.npz") if floats else ()
    if floats and len(models) > 1:
        return ("tinyml", "convert", floats[0], *calibration)
    return ("tinyml", "build", *models, "--board", board.name, *calibration)


def _for_size(model: str, input_shape: tuple[tuple[int, ...], ...], as_json: bool) -> ModelFile:
    from tinyml import api

    name = Path(model).name
    with console.progress(f"reading {name} …"):
        file = api.for_size(model, input_shape)
    if not as_json and file.file_name != name:
        console.line(f"{name} was quantised with random samples: only size and speed hold")
    return file


def _explore(file: ModelFile, boards: tuple[Board, ...], settings: Settings, as_json: bool) -> int:
    """A table of plans for each board."""
    from tinyml import api
    from tinyml.report import records, text

    found = [(item.name, api.explore(file, item, settings)) for item in boards]
    if as_json:
        console.document([records.explore_record(*item) for item in found])
        return 0
    for table in (text.explore_table(*item) for item in found):
        show_table(table)
    return 0


def _check_all(file: ModelFile, settings: Settings, sort: str, as_json: bool) -> int:
    """The table of all boards."""
    from tinyml import api
    from tinyml.report import boards, listing

    with console.progress(f"checking {file.file_name} on all boards …"):
        checked = api.check_all(file, settings)
    found = boards.ordered(checked.found, sort)
    is_ok, verdict = boards.boards_verdict(found)
    if as_json:
        console.document([listing.fit_record(fit) for _, fit in found])
        return 0 if is_ok else 1
    show_table(boards.boards_table(file.file_name, found))
    for reason in boards.left_out(checked.left_out):
        console.line(reason)
    console.verdict(is_ok, verdict)
    return 0 if is_ok else 1
