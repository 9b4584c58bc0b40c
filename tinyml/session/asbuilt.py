"""The board as a build saw it: what its report says goes before what the board's file says now.

Budgets from options, profiles and templates, the stack, and kernel libraries all change the plan,
and the plan must be the one that is in the firmware.
"""

from __future__ import annotations

from dataclasses import replace

from tinyml.report.report import Report
from tinyml.target.board import Board
from tinyml.target.libraries import with_libraries


def as_built(board: Board, report: Report) -> Board:
    """The board with the budgets, stack and libraries of the build that the report is of.

    RAM regions that the build did not use are left out; without them the plan is the same.
    """
    libraries = [name for name in board.chip.libraries if name in report.board["isa"]]
    budgets = {item.region: item.budget_bytes for item in report.memory}
    ram = tuple(
        replace(item, max_bytes=budgets[item.region])
        for item in board.ram
        if item.region in budgets
    )
    flash = replace(board.flash, max_bytes=budgets.get(board.flash.region, board.flash.max_bytes))
    seen = replace(
        board, ram=ram or board.ram, flash=flash, stack_bytes=int(report.board["stack_bytes"])
    )
    return with_libraries(seen, libraries)
