"""Hints that name an option of another command: the command that failed must not be the one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import click

_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
_FIRST = ("convert", "build")  # whose options most hints are about


def with_owners(hint: str, name: str, commands: Mapping[str, click.Command]) -> str:
    """The hint of an error of a command, which says where each option is that it lacks itself.

    Options of programs other than tinyml are left alone, and those behind a command's own name.
    """
    if name not in commands:
        return hint
    own = _options(commands[name])
    found: dict[tuple[str, ...], list[str]] = {}
    for option in dict.fromkeys(_OPTION.findall(hint)):
        owners = [each for each in commands if option in _options(commands[each])]
        if option in own or not owners or any(f"tinyml {each}" in hint for each in owners):
            continue
        owners = [each for each in _FIRST if each in owners] or owners[:1]
        found.setdefault(tuple(owners), []).append(option)
    said = [f"{' and '.join(options)}: of {_listed(owners)}" for owners, options in found.items()]
    return f"{hint} ({'; '.join(said)})" if said else hint


def command_of(arguments: Sequence[str], commands: Mapping[str, click.Command]) -> str:
    """The command that a command line calls; "" for none."""
    return next((word for word in arguments if word in commands), "")


def _listed(names: Sequence[str]) -> str:
    return " and ".join(f"'tinyml {name}'" for name in names)


def _options(command: click.Command) -> set[str]:
    return {option for item in command.params for option in (*item.opts, *item.secondary_opts)}
