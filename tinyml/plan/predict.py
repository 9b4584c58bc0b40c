"""What a plan will need of each memory region, predicted before anything is compiled."""

from __future__ import annotations

from collections.abc import Sequence

from tinyml.board import Board
from tinyml.ir.graph import Graph
from tinyml.plan.values import Step, Use


def predict(
    graph: Graph,
    steps: Sequence[Step],
    arena_bytes: tuple[tuple[str, int], ...],
    activation_bytes: int,
    board: Board,
    optimize: str,
) -> tuple[Use, ...]:
    """The budget, line by line; ``arena_bytes`` is (region, bytes) of the arena in each region."""
    weights = sum(step.call.constant_bytes() for step in steps if step.call is not None)
    uses = []
    for region, nbytes in arena_bytes:
        uses.append(Use(region, "activations", activation_bytes))
        uses.append(Use(region, "scratch", nbytes - activation_bytes))
    return (*uses, Use(board.flash.region, "weights", weights))
