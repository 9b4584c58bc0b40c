"""What a command may use of a board: shared options, gathered into one value."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from tinyml.target.board import Board

F = TypeVar("F", bound=Callable[..., Any])

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
)


@dataclass(frozen=True, slots=True)
class Limits:
    """The values of the options."""

    memory: str | None
    ram_budget: tuple[str, ...]
    flash_budget: str | None
    kernels: tuple[str, ...]

    def of(self, board: Board, template: str | None) -> Board:
        """The board as they leave it for a template; raises BoardError."""
        from tinyml import api

        board = api.with_libraries(board, self.kernels)
        return api.with_budgets(
            board, self.memory, self.ram_budget, self.flash_budget, template=template
        )


def limit_options(command: F) -> F:
    """Adds the options; the command gets ``limits``."""

    @functools.wraps(command)
    def gathered(*args: Any, **given: Any) -> Any:
        own = {item.name: given.pop(item.name) for item in fields(Limits)}
        return command(*args, limits=Limits(**own), **given)

    result: Any = gathered
    for option in reversed(OPTIONS):
        result = option(result)
    return result  # type: ignore[no-any-return]
