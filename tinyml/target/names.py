"""Whether what a board file says of backends makes sense: names, tables of templates.

All unknown names are told at once, with those they look like.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, cast

from tinyml.base.datafile import Table
from tinyml.base.errors import BoardError, did_you_mean
from tinyml.base.registry import NO_SIMULATOR, REGISTRY, make, names_of
from tinyml.target.board import Board
from tinyml.target.template import built_in, load_template, template_options


def check_backends(board: Board, top: Table) -> None:
    """Raises BoardError unless every name under [backends] exists and every table is for one."""
    chosen = {kind: (name,) for kind, name in board.backends.items()}
    wrong = unknown_names({**chosen, "flasher": board.flashers, "template": board.templates})
    if wrong:
        raise top.error("in [backends], " + "; ".join(wrong))
    tables = board.options.get("template", {})
    try:
        for name in board.templates:
            if name in tables:
                template_options(board, load_template(name))
    except BoardError as error:
        raise top.error(error.message, error.hint) from error
    _check_flashers(board, top)
    for name in top.table("template", {}).names():
        if name not in board.templates:
            raise top.error(
                f"there is a table [template.{name}], but 'backends.template' does not name it",
                did_you_mean(name, board.templates),
            )


class _Flasher(Protocol):
    """What is asked of one before there is anything to flash."""

    def check_options(self, board: Board) -> None:
        """Raises BoardError unless the board's table for it is right."""


def _check_flashers(board: Board, top: Table) -> None:
    """Raises BoardError unless the tables of our flashers say what those want.

    Other packages' are asked when they are used: one that does not import breaks no board.
    """
    tables = board.options.get("flasher", {})
    wrong = unknown_names({"flasher": tuple(tables)})
    if wrong:
        raise top.error("in [flasher], " + "; ".join(wrong))
    for name in dict.fromkeys((*board.flashers, *tables)):
        if name in REGISTRY["flashers"]:
            try:
                cast("_Flasher", make("flashers", name)).check_options(board)
            except BoardError as error:
                raise top.error(error.message, error.hint) from error


def unknown_names(chosen: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """A sentence for each name that does not exist; ``chosen`` is names by kind.

    A data file names tinyml's own templates only: the user's are named on the command line.
    """
    return tuple(
        f"there is no {kind} '{name}': {did_you_mean(name, known)}"
        for kind, names in chosen.items()
        for name in names
        if name not in _built_in(kind) and name not in (known := _known(kind))
    )


def _built_in(kind: str) -> set[str]:
    match kind:
        case "runtime":
            return set(REGISTRY["runtimes"])
        case "toolchain":
            return {*REGISTRY["toolchains"], *REGISTRY["builders"]}
        case "simulator":
            return {*REGISTRY["simulators"], NO_SIMULATOR}
        case "template":
            return set(built_in())
    return set(REGISTRY[f"{kind}s"])


def _known(kind: str) -> set[str]:
    """With those of other packages; looking for them takes a while."""
    groups = {"toolchain": ("toolchains", "builders")}.get(kind, (f"{kind}s",))
    outside = {name for group in groups for name in names_of(group)}
    return _built_in(kind) | outside
