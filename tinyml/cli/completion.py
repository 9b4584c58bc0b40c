"""What a shell offers for values of options: templates, libraries, ports, memory profiles."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from tinyml.target.board import Board


def _boards(ctx: click.Context) -> tuple[Board, ...]:
    """The board of the command line so far, or all of them."""
    from tinyml.target.boards import all_boards

    chosen = ctx.params.get("board")
    return all_boards() if chosen is None else (chosen,)


def _beginning(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in sorted(names) if name.startswith(incomplete)]


def templates(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of templates; folders once there is a slash or a dot."""
    from tinyml.base.registry import outside
    from tinyml.target.template import built_in

    if "/" in incomplete or incomplete.startswith("."):
        return [CompletionItem(incomplete, type="dir")]
    return _beginning({*built_in(), *outside("templates", built_in())}, incomplete)


def libraries(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Kernel libraries of the chips, of the one board where it was named before."""
    boards = _boards(ctx)
    return _beginning({name for board in boards for name in board.chip.libraries}, incomplete)


def memories(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Memory profiles of the boards, of the one board where it was named before."""
    return _beginning({name for board in _boards(ctx) for name in board.profiles}, incomplete)


def ports(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Serial ports that are there."""
    from tinyml.device.ports import list_ports
    from tinyml.target.boards import all_boards

    return _beginning([port.device for port in list_ports(all_boards())], incomplete)
