"""The second core of a chip: used for a model's large layers when the user asks for it."""

from __future__ import annotations

from dataclasses import replace

from tinyml.base.errors import BoardError
from tinyml.target.board import Board


def with_cores(board: Board, cores: int) -> Board:
    """The board with so many cores for a model; raises BoardError when it cannot have them.

    1 leaves it as it is. What the board's file says of power is of one core.
    """
    if cores == 1:
        return board
    _check(board, cores)
    return replace(board, cores=cores, power=None)


def _check(board: Board, cores: int) -> None:
    most = 1 if board.chip.second_core is None else 2
    if not 1 <= cores <= most:
        one = "one core that runs models" if most == 1 else "two cores"
        raise BoardError(
            f"'{board.name}' ({board.chip.title}) has {one}, not {cores}",
            hint="leave out --cores" if most == 1 else "give --cores 2, or leave it out",
        )
    if board.libraries:
        named = ", ".join(board.libraries)
        raise BoardError(
            f"kernels of {named} run on one core: they keep what they compute with in variables "
            "of their own",
            hint="leave out --cores or --kernels",
        )
