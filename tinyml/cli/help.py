"""Help: commands in groups, examples, and what a command ends with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import click
from click.shell_completion import CompletionItem

from tinyml.base import console
from tinyml.base.errors import EXIT_CODES, did_you_mean

C = TypeVar("C", bound=click.Command)

EXIT_TOPIC = "exit-codes"
ENVIRONMENT_TOPIC = "environment"
ENVIRONMENT = {
    "TINYML_BOARD": "the board where no --board is given",
    "TINYML_PORT": "the serial port where no --port is given",
    "TINYML_CACHE_DIR": "where object files and imported models are kept between builds",
    "TINYML_PROGRESS": "'none': nothing is said of what takes long, where that is no terminal",
    "TINYML_COMMAND_OPTION": "any option of any command: TINYML_BUILD_OPTIMIZE=size",
}
TOPICS = {  # title, first column, rows
    EXIT_TOPIC: ("Exit codes", "code", [(str(code), text) for code, text in EXIT_CODES.items()]),
    ENVIRONMENT_TOPIC: ("Environment", "variable", list(ENVIRONMENT.items())),
}
WRITTEN_BY = "<!-- Written by `tinyml help --markdown`; do not edit. -->\n\n"


class Grouped(click.Group):
    """Lists its commands under titles, in the order in which one meets them."""

    def add_groups(self, groups: Mapping[str, Sequence[click.Command]]) -> None:
        """Adds the commands of each title."""
        self.groups = groups
        for commands in groups.values():
            for command in commands:
                self.add_command(command)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in that order."""
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One part per title; all descriptions begin in the same column."""
        widest = max(map(len, self.commands))
        for title, commands in self.groups.items():
            with formatter.section(title):
                formatter.write_dl(
                    [(f"{each.name:<{widest}}", each.get_short_help_str(80)) for each in commands]
                )


def examples(*lines: str) -> Callable[[C], C]:
    """Adds command lines to the help of a command, just as they are typed."""

    def decorate(command: C) -> C:
        command.epilog = "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
        return command

    return decorate


def _topics(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    root = ctx.find_root().command
    names = (*(root.commands if isinstance(root, Grouped) else ()), *TOPICS)
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


@click.command("help", short_help="Show the help of a command, or what exit codes mean.")
@click.argument(
    "topic", required=False, metavar=f"[COMMAND|{'|'.join(TOPICS)}]", shell_complete=_topics
)
@click.option("--markdown", is_flag=True, help="Print the page docs/commands.md.")
@click.pass_context
def show_help(ctx: click.Context, topic: str | None, markdown: bool) -> None:
    """Show the help of COMMAND, of tinyml without one, what exit codes mean, or what is read from
    the environment.
    """
    root = ctx.find_root()
    assert isinstance(root.command, Grouped)
    if markdown:
        console.raw(commands_page(root.command))
    elif topic is None:
        console.raw(root.get_help() + "\n")
    elif topic in TOPICS:
        title, column, rows = TOPICS[topic]
        console.table(title, (column, "meaning"), rows)
    elif topic in root.command.commands:
        command = root.command.commands[topic]
        with click.Context(command, root, topic) as own:
            console.raw(command.get_help(own) + "\n")
    else:
        known = (*root.command.commands, *TOPICS)
        raise click.UsageError(f"there is no help on '{topic}': {did_you_mean(topic, known)}")


def commands_page(group: Grouped) -> str:
    """docs/commands.md: the help of every command, and the exit codes."""
    parts = [WRITTEN_BY, "# Commands\n\nWhat `--help` prints, command by command; `--json` prints "]
    parts.append("results for programs.\n\n## Exit codes\n\n| code | meaning |\n| --- | --- |\n")
    parts += [f"| {code} | {meaning} |\n" for code, meaning in EXIT_CODES.items()]
    parts.append("\n## Environment\n\n| variable | meaning |\n| --- | --- |\n")
    parts += [f"| `{name}` | {meaning} |\n" for name, meaning in ENVIRONMENT.items()]
    root = click.Context(group, info_name="tinyml", terminal_width=100, **group.context_settings)
    for title, commands in group.groups.items():
        parts.append(f"\n## {title}\n")
        for command in commands:
            with click.Context(command, root, command.name) as own:
                parts.append(f"\n### {command.name}\n\n```text\n{command.get_help(own)}\n```\n")
    return "".join(parts)
