"""The ``tinyml`` command: the command table, and exceptions turned into messages and exit codes."""

from __future__ import annotations

import errno
import logging
import sys
import traceback

import click

from tinyml import __version__, console
from tinyml.cli import convert, device, measure, model, project, results, start
from tinyml.errors import TinymlError

EXIT_BUG = 70
EXIT_INTERRUPTED = 130

COMMANDS = (
    model.boards,
    model.ops,
    model.inspect,
    model.check,
    convert.convert,
    project.build,
    results.simulate,
    device.ports,
    device.flash,
    measure.monitor,
    measure.profile,
    measure.verify,
    measure.run,
    results.report,
    results.compare,
    start.new,
    start.doctor,
    results.completion,
)


APPLICATION = ("build", "check", "run", "simulate")  # what tinyml.toml has values for


class OrderedGroup(click.Group):
    """Lists the commands in the order in which one meets them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the table."""
        return list(self.commands)


@click.group(
    cls=OrderedGroup,
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
    """Turns a trained model into microcontroller firmware and tells the truth about it.

    Start with: tinyml check model.tflite --board nucleo_l4r5zi
    """
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    logging.basicConfig(level=level, format="%(message)s", stream=sys.stderr)
    if ctx.invoked_subcommand in APPLICATION:
        from tinyml.app import defaults

        ctx.default_map = {ctx.invoked_subcommand: defaults()}


for _command in COMMANDS:
    cli.add_command(_command)


def _say_where_values_come_from(error: click.MissingParameter) -> None:
    if error.ctx and error.ctx.info_name in APPLICATION:
        console.note(
            "hint: there is no tinyml.toml here that names model and board; 'tinyml new' makes a "
            "folder with one"
        )


def main() -> None:
    """Runs the command line; the only place that turns errors into text and exit codes."""
    try:
        code = cli.main(standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        if isinstance(error, click.MissingParameter):
            _say_where_values_come_from(error)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt) as error:
        said = str(error.__cause__ or error)  # Click wraps an interrupt
        console.note(f"interrupted: {said}" if said else "interrupted")
        sys.exit(EXIT_INTERRUPTED)
    except TinymlError as error:
        where = f"{error.where}: " if error.where else ""
        console.error(where + error.message, error.hint)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.exit(0)
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            console.error(f"cannot write the result: {error.strerror}")
            console.discard_rest()
            sys.exit(TinymlError.exit_code)
        console.note(traceback.format_exc())
        console.error(
            f"this is a bug in tinyml {__version__}",
            "please report it with the text above and, if you can, the model",
        )
        sys.exit(EXIT_BUG)
    sys.exit(code if isinstance(code, int) else 0)
