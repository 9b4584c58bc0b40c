"""How a command builds: shared options, also those of limits, gathered into ``Settings``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import click

from tinyml.cli import completion

Command = Callable[..., object]
Option = Callable[[Command], Command]
FIELDS = {"output": "directory", "docker": "container"}  # of options that are called otherwise
LIMITS = ("memory", "ram_budget", "flash_budget", "kernels", "cores")

OPTIONS: tuple[Option, ...] = (
    click.option(
        "--memory",
        shell_complete=completion.memories,
        help="Budgets of a profile in the board's file, such as wifi, instead of its own.",
    ),
    click.option(
        "--ram-budget",
        multiple=True,
        metavar="[REGION=]SIZE",
        help="RAM that may be used: 64K in the first region and no other, or dtcm=64K "
        "(repeatable).",
    ),
    click.option("--flash-budget", metavar="SIZE", help="Flash that may be used: 512K."),
    click.option(
        "--kernels",
        shell_complete=completion.libraries,
        multiple=True,
        metavar="LIBRARY",
        help="Use the vendor's kernels too, such as esp_nn, where nothing is known against them.",
    ),
    click.option(
        "--cores",
        type=click.IntRange(1),
        default=1,
        show_default=True,
        metavar="N",
        help="2: large layers are shared between both cores of the chip, where that gains time.",
    ),
)


def settings_options(*chosen: Option, emulated: bool = False) -> Option:
    """Adds the options of limits and those given; the command gets ``settings``.

    ``emulated``: the field of that name.
    """

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def gathered(*args: object, agent: str = "full", **given: Any) -> object:
            from tinyml.project.settings import Settings
            from tinyml.target.limits import Limits

            limits = Limits(**{name: given.pop(name) for name in LIMITS})
            known = {field.name for field in fields(Settings)}
            own = {name for name in given if FIELDS.get(name, name) in known}
            settings = Settings(
                **{FIELDS.get(name, name): given.pop(name) for name in own},
                agent=agent != "none",
                benchmark=agent == "mlperf",
                limits=limits,
                emulated=emulated,
            )
            return command(*args, settings=settings, **given)

        result: Command = gathered
        for option in reversed((*OPTIONS, *chosen)):
            result = option(result)
        return result

    return decorate
