"""What a command may use of a board: shared options, gathered into one ``Limits``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

Command = Callable[..., object]
NAMES = ("memory", "ram_budget", "flash_budget", "kernels", "cores")

OPTIONS = (
    click.option(
        "--memory",
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


def limit_options(command: Command) -> Command:
    """Adds the options; the command gets ``limits``."""

    @functools.wraps(command)
    def gathered(*args: object, **given: Any) -> object:
        from tinyml.target.limits import Limits

        own = {name: given.pop(name) for name in NAMES}
        return command(*args, limits=Limits(**own), **given)

    result: Command = gathered
    for option in reversed(OPTIONS):
        result = option(result)
    return result
