"""Kernel libraries of chip vendors: used for a model when the user asks for one.

A chip's file lists those that exist for it with the least version. To the planner a library is one
more feature of the core; its variants (``tinyml/variants``) ask for it by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tinyml.base.errors import BoardError, did_you_mean
from tinyml.target.board import Board


def with_libraries(board: Board, names: Sequence[str]) -> Board:
    """The board with kernels of these libraries among the choices; raises BoardError."""
    known = board.chip.libraries
    for name in names:
        if name not in known:
            raise BoardError(
                f"there is no kernel library '{name}' for the {board.chip.title}",
                hint=did_you_mean(name, known) if known else "leave out --kernels",
            )
    new = tuple(name for name in dict.fromkeys(names) if name not in board.libraries)
    chip = replace(board.chip, isa=(*board.chip.isa, *new))
    return replace(board, chip=chip, libraries=(*board.libraries, *new))
