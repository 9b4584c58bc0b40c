"""How much stack a linked firmware may take, held against what its board reserves."""

from __future__ import annotations

import logging
from pathlib import Path

from tinyml.base.elf import read_elf
from tinyml.base.errors import StackTooSmall
from tinyml.simulate.stack import stack_bound
from tinyml.target.board import Board

MARGIN_BYTES = 512  # of what is reserved: for interrupts and for what an application adds
ALIGNMENT = 8  # of the stack pointer
log = logging.getLogger("tinyml")


def stack_of(elf: Path, board: Board) -> int | None:
    """The most bytes that the stack takes, by the code; None when the code does not tell.

    Raises StackTooSmall when the board reserves too few.
    """
    bound = stack_bound(read_elf(elf))
    if bound.problem:
        log.info("the depth of the stack is not known: %s", bound.problem)
        return None
    wanted = -(-(bound.nbytes + MARGIN_BYTES) // ALIGNMENT) * ALIGNMENT
    if wanted > board.stack_bytes:
        raise StackTooSmall(
            f"the firmware may take {bound.nbytes:,} bytes of stack "
            f"({' > '.join(bound.path)}), and {MARGIN_BYTES} are kept for interrupts and the "
            f"application; '{board.name}' reserves {board.stack_bytes:,}",
            wanted,
            hint=f"stack_bytes = {wanted} in a board file of your own, for --board ./mine.toml",
        )
    return bound.nbytes
