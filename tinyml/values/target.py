"""What a model is built for, with every choice made."""

from __future__ import annotations

from dataclasses import dataclass

from tinyml.target.board import Board
from tinyml.values.goal import Goal


@dataclass(frozen=True, slots=True)
class Target:
    """Made once, by ``tinyml.project.settings.resolve``; whoever has it asks for no defaults."""

    board: Board  # with the budgets, the stack and the kernel libraries that hold for this build
    runtime: str
    template: str  # a name or a path; "": none of the board's is for the runtime
    toolchain: str  # "": zig, or arm_gcc where there is no zig
    goal: Goal
