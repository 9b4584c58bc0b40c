"""Commands that run a firmware and report what it did."""

from __future__ import annotations

import webbrowser
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tinyml.base import console
from tinyml.base.errors import ToolError
from tinyml.base.files import near
from tinyml.cli import options
from tinyml.cli.feed import Feed, feed_option
from tinyml.cli.help import examples
from tinyml.cli.settings import settings_options
from tinyml.cli.show import show, show_next, show_table

if TYPE_CHECKING:
    from tinyml.evaluate.samples import Samples
    from tinyml.project.built import Built
    from tinyml.project.settings import Settings
    from tinyml.report.report import Report
    from tinyml.target.board import Board


MARKDOWN = click.option("--markdown", is_flag=True, help="Print Markdown, for pull requests.")
LAST = "last"  # in the place of a build: the one before, from its history


@examples(
    "tinyml simulate model.tflite --board nucleo_l4r5zi",
    "tinyml simulate model.tflite --board nucleo_l4r5zi --inputs test.npz",
    "tinyml simulate model.tflite --board nucleo_l4r5zi --inputs test.npz --app",
)
@click.command(short_help="Run the image on an emulated board.")
@options.MODELS
@options.board_option()
@feed_option
@options.SAMPLES
@settings_options(
    options.RUNTIME,
    options.OFFLINE_PLAN,
    options.OPTIMIZE,
    options.TOOLCHAIN,
    options.BUILD_DIR,
    options.AGENT,
    options.MODEL_ID,
    options.TEMPLATE,
    options.PROJECT,
    options.SELF_TEST,
    emulated=True,
)
@options.SIMULATOR
@click.option(
    "--outputs",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the raw outputs to this .npz file.",
)
@click.option("--serial", is_flag=True, help="Serve the emulated board on a pty until stopped.")
@click.option(
    "--app",
    is_flag=True,
    help="Build with a few of the --inputs, let the application run on them, show what it prints.",
)
@options.LAYERS
@options.JSON
def simulate(
    models: tuple[str, ...],
    board: Board,
    feed: Feed,
    samples: int | None,
    settings: Settings,
    simulator: str | None,
    outputs: Path | None,
    serial: bool,
    app: bool,
    all_layers: bool,
    as_json: bool,
) -> None:
    """Build MODEL when needed, boot the image on an emulated BOARD, run it, report per layer."""
    from tinyml import api
    from tinyml.base.files import refuse_own
    from tinyml.measure import simulation
    from tinyml.report import text

    refuse_own(outputs, (*map(Path, models), feed.path), settings.directory)
    if app:
        _check_application(settings, feed, has_others=bool(serial or outputs or samples))
    runtime = settings.runtime or board.backends["runtime"]
    file = api.together(models)
    taken = feed.samples(api.load(file, runtime), samples)
    settings = replace(settings, compiled_inputs=taken if app else None)
    with console.progress(f"building {file.file_name} for {board.name} …"):
        built = api.build(file, board, settings)
    if app:
        _show_application(built, taken, simulator, as_json)
        return
    if serial:
        simulation.serve(built, announce=console.line)
        return
    with console.progress("running on the emulated core …"):
        ran = simulation.simulate_build(built, taken, simulator=simulator, save=outputs)
    show(ran, as_json, text.run_tables, all_layers=all_layers)
    if not as_json and built.image is not None:
        folder = str(near(built.directory))
        show_next("tinyml", "flash", folder, first="with the board plugged in: ")


def _check_application(settings: Settings, feed: Feed, *, has_others: bool) -> None:
    if has_others:
        raise click.UsageError("--app takes neither --serial, --outputs nor --samples")
    if feed.inputs is None:
        raise click.UsageError("--app compiles samples in: name them with --inputs")
    if not settings.agent or settings.benchmark:
        raise click.UsageError("--app needs the agent, which begins it: leave out --agent")


def _show_application(built: Built, samples: Samples, simulator: str | None, as_json: bool) -> None:
    """What the application prints of the samples that were compiled in."""
    from tinyml.measure.application import run_application
    from tinyml.project.samples import chosen_samples
    from tinyml.report import application

    chosen = chosen_samples(built.plan.graph, samples)
    assert chosen is not None
    with console.progress("running the application on the emulated core …"):
        printed = run_application(built, chosen, simulator)
    if as_json:
        console.document([application.record(item) for item in printed])
        return
    show_table(application.table(built.board.name, printed))
    console.verdict(True, application.verdict(built.report, printed))


def _newest_report() -> Path:
    """The directory of the newest report; says which, where several are there."""
    from tinyml.report.report import newest_report

    build, count = newest_report()
    if count > 1:
        console.note(f"the last of {count} reports: {build}")
    return build


@examples(
    "tinyml report --open",
    "tinyml report build/kws-esp32s3 --markdown",
    "tinyml report build/kws-esp32s3 --inputs test.npz",
)
@click.command(short_help="Write the report of a build as one HTML page.")
@options.BUILD
@click.option("--open", "is_opened", is_flag=True, help="Show the page in the browser.")
@click.option("--no-live", is_flag=True, help="Leave the model itself out of the page.")
@feed_option
@MARKDOWN
@options.JSON
def report(
    build: Path | None, is_opened: bool, no_live: bool, feed: Feed, markdown: bool, as_json: bool
) -> None:
    """Write report.html from the report.json in the directory BUILD (the last by default).

    The first time, the model is planned for all other boards and the other runtime as well, and
    compiled to WebAssembly, so that the page can run it: on some of --inputs, on what you draw.
    """
    from tinyml.project.everywhere import complete
    from tinyml.report import text
    from tinyml.report.around import around_of
    from tinyml.report.markdown import report_text
    from tinyml.report.page import write_page
    from tinyml.report.report import read_report

    build = build or _newest_report()
    found, directory = read_report(build), build if build.is_dir() else build.parent
    with console.progress(f"planning {found.model['file']} for all boards …"):
        complete(found, directory)
    _complete_live(found, directory, feed, is_wanted=not no_live)
    page, around = write_page(found, directory), around_of(found, directory)
    if as_json:
        console.document(found.to_json())
    elif markdown:
        console.raw(report_text(found, around))
    else:
        console.line(f"wrote {page}")
        for note in around.notes:
            console.line(note)
        console.verdict(found.fits, text.summary(found))
    if is_opened and not webbrowser.open(page.resolve().as_uri()):
        raise ToolError("no browser was found", hint=f"open {page} yourself")


def _complete_live(found: Report, directory: Path, feed: Feed, *, is_wanted: bool) -> None:
    """Makes the model a part of the page, or takes it away."""
    from tinyml import api
    from tinyml.project.live import complete_live
    from tinyml.report.live import remove_live

    if not is_wanted:
        if feed.inputs:
            raise click.UsageError("--inputs are samples of the live part: leave out --no-live")
        remove_live(directory)
        return
    samples = None
    if feed.inputs:
        samples = feed.samples(api.load(directory / found.model["file"], found.runtime))
    with console.progress(f"compiling {found.model['file']} for the page …"):
        complete_live(found, directory, samples)


@examples(
    "tinyml compare build/before build/after",
    "tinyml compare build/before build/after --max-regression 2%",
    "tinyml compare last",
)
@click.command(short_help="Hold one build against another.")
@click.argument("before", metavar="A", type=click.Path(path_type=Path))
@click.argument("after", metavar="[B]", type=click.Path(path_type=Path), required=False)
@click.option(
    "--max-regression",
    type=options.PercentType(),
    metavar="PERCENT",
    help="Exit with 1 when time, RAM, flash or accuracy of B is worse than A's by more.",
)
@MARKDOWN
@options.JSON
def compare(
    before: Path, after: Path | None, max_regression: float | None, markdown: bool, as_json: bool
) -> int:
    """Hold B against A: totals, memory and layers of two build directories or report.json files.

    With the word 'last' as A: against what B (the last build by default) was before it was built
    or run anew.
    """
    from tinyml.report import compare as comparing
    from tinyml.report.history import last_report
    from tinyml.report.markdown import comparison_text
    from tinyml.report.report import read_report

    if str(before) == LAST:
        after = after or _newest_report()
        read_report(after)  # what is wrong with it is said first
        old = last_report(after if after.is_dir() else after.parent)
    elif after is None:
        raise click.UsageError("two builds are compared: give A and B, or 'last' for A")
    else:
        old = read_report(before)
    found = comparing.compare(old, read_report(after))
    is_ok = max_regression is None or not found.regressions(max_regression)
    if as_json:
        console.document(found.to_json())
        return 0 if is_ok else 1
    if markdown:
        console.raw(comparison_text(found, max_regression))
        return 0 if is_ok else 1
    for line in (f"A: {found.before}", f"B: {found.after}", *found.notes):
        console.line(line)
    for table in comparing.tables(found):
        show_table(table)
    console.verdict(is_ok, comparing.verdict(found, max_regression))
    return 0 if is_ok else 1


@examples(
    'eval "$(tinyml completion bash)"',
)
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
