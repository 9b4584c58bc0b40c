"""The ``tinyml`` command: the command table, and exceptions turned into messages and exit codes."""

from __future__ import annotations

import errno
import logging
import signal
import sys
import traceback

import click

from tinyml import __version__
from tinyml.base import console
from tinyml.base.errors import TinymlError
from tinyml.base.interrupts import Interrupts, exit_code_of, word_of
from tinyml.cli import conformance, convert, device, measure, model, project, results, start
from tinyml.cli.help import Grouped, examples, show_help
from tinyml.cli.hints import command_of, with_owners

EXIT_BUG = 70

COMMANDS = {
    "Models": (model.inspect, model.check, convert.convert, model.ops),
    "Firmware": (start.new, project.build, results.simulate),
    "On the board": (
        device.ports,
        device.flash,
        measure.monitor,
        measure.profile,
        measure.verify,
        measure.run,
    ),
    "Results": (results.report, results.compare, conformance.conformance),
    "tinyml itself": (model.boards, start.doctor, results.completion, start.mcp, show_help),
}


APPLICATION = ("build", "check", "run", "simulate")  # what tinyml.toml has values for


@examples(
    "tinyml check model.tflite",
    "tinyml build model.tflite --board nucleo_l4r5zi",
    "tinyml help exit-codes",
)
@click.group(
    cls=Grouped,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "auto_envvar_prefix": "TINYML",
        "max_content_width": 100,
    },
)
@click.version_option(__version__, prog_name="tinyml")
@click.option(
    "-v", "--verbose", count=True, help="Show the programs that run; -vv also the passes."
)
@click.pass_context
def cli(ctx: click.Context, verbose: int) -> None:
    """Turns a trained model into microcontroller firmware and tells the truth about it."""
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    logging.basicConfig(level=level, format="%(message)s", stream=sys.stderr)
    if ctx.invoked_subcommand in APPLICATION:
        from tinyml.project.application import defaults

        ctx.default_map = {ctx.invoked_subcommand: defaults()}


cli.add_groups(COMMANDS)


def _say_where_values_come_from(error: click.MissingParameter) -> None:
    if error.ctx and error.ctx.info_name in APPLICATION:
        console.note(
            "hint: there is no tinyml.toml here that names model and board; 'tinyml new' makes a "
            "folder with one"
        )


def main() -> None:
    """Runs the command line; the only place that turns errors into text and exit codes."""
    signals = Interrupts()
    signals.raise_stopped()
    try:
        code = cli.main(standalone_mode=False)
        # None where it was closed before we began; the server of 'mcp' closes it when it ends
        if sys.stdout is not None and not sys.stdout.closed:
            sys.stdout.flush()
    except BaseException as error:
        signals.end_at_once()  # what is left to do is to say it
        code = _said(error, signals)
    signals.end_at_once()
    sys.exit(code if isinstance(code, int) else 0)


def _said(error: BaseException, signals: Interrupts) -> int:
    """Tells the user of an error; returns the exit code."""
    if isinstance(error, (click.Abort, KeyboardInterrupt)) or signals.received is not None:
        return _interrupted(error, signals.received or signal.SIGINT)
    if isinstance(error, click.ClickException):
        error.show()
        if isinstance(error, click.MissingParameter):
            _say_where_values_come_from(error)
        return error.exit_code
    if isinstance(error, TinymlError):
        where = f"{error.where}: " if error.where else ""
        name = command_of(sys.argv[1:], cli.commands)
        hint = error.hint and with_owners(error.hint, name, cli.commands)
        console.error(where + error.message, hint)
        return error.exit_code
    if isinstance(error, BrokenPipeError):
        return 0
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        console.error(f"cannot write the result: {error.strerror}")
        console.discard_rest()
        return TinymlError.exit_code
    console.note("".join(traceback.format_exception(error)))
    console.error(
        f"this is a bug in tinyml {__version__}",
        "please report it with the text above and, if you can, the model",
    )
    return EXIT_BUG


def _interrupted(error: BaseException, number: int) -> int:
    """What a signal may have left behind; an error on its way that a signal caused is not told."""
    cause = error.__cause__ if isinstance(error, click.Abort) else error  # Click wraps it
    said = str(cause) if isinstance(cause, KeyboardInterrupt) else ""
    console.note(f"{word_of(number)}: {said}" if said else word_of(number))
    return exit_code_of(number)
