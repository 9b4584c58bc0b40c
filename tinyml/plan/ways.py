"""The ways to compute a graph that are looked at, whatever the goal.

Boards have most of them in common: kernels depend on the instruction set, code sizes on the core,
and how far weights may grow on the flash. What is found once serves every board.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from tinyml.base.last import Last
from tinyml.ir.graph import Graph
from tinyml.ops import layer_of, trait_of
from tinyml.ops.forms import Layer
from tinyml.ops.traits import Runs
from tinyml.plan.partition import Choice, choices, kernels_of_bands, programs
from tinyml.plan.singles import singles_of
from tinyml.plan.smallest import smallest_steps
from tinyml.plan.values import Step
from tinyml.plan.weights import allowed_bytes, is_allowed, lighter
from tinyml.target.board import Board
from tinyml.target.cores import Core
from tinyml.variants import all_variants
from tinyml.variants.families import FAMILIES

Program = tuple[Step, ...]
Found = Callable[[], tuple[Program, ...]]


@dataclass(frozen=True, slots=True)
class Programs:
    """The programs that are laid out for a board; found when they are asked for."""

    front: Found  # from the fastest to the one with the least RAM
    light: Found  # the same, of kernels whose weights do not outgrow their allowance
    others: Found  # the fastest kernels op by op, and those of the least flash


class _OnIsa:
    """The ways on an instruction set."""

    def __init__(
        self, graph: Graph, layers: tuple[Layer, ...], isa: tuple[str, ...], core: Core
    ) -> None:
        self._graph = graph
        self.singles = singles_of(graph, layers, isa, core)
        self._kernels = kernels_of_bands(graph, layers, isa)
        self._light: dict[tuple[int, ...], tuple[Program, ...]] = {}
        self._smallest: dict[str, Program] = {}

    @cached_property
    def _choices(self) -> list[Choice]:
        return choices(self._graph, self.singles, self._kernels)

    @cached_property
    def front(self) -> tuple[Program, ...]:
        """Of all kernels."""
        return tuple(programs(self._graph, self._choices))

    def light(self, flash_bytes: int) -> tuple[Program, ...]:
        """Of those whose weights stay within what so much flash allows."""
        allowed = allowed_bytes(self.singles, flash_bytes)
        if all(is_allowed(choice.step, allowed) for choice in self._choices):
            return self.front
        if allowed not in self._light:
            small = [
                [step for step in steps if is_allowed(step, allowed)] for steps in self.singles
            ]
            found = choices(self._graph, small, lighter(self._kernels, allowed))
            self._light[allowed] = tuple(programs(self._graph, found))
        return self._light[allowed]

    def others(self, core: Core) -> tuple[Program, ...]:
        """The fastest kernels op by op, and those of the least flash on a core."""
        fast = tuple(steps[0] for steps in self.singles)
        if not self.singles:
            return (fast,)
        if core.name not in self._smallest:
            self._smallest[core.name] = smallest_steps(self.singles, core)
        return fast, self._smallest[core.name]


class _Ways:
    """The ways to compute a graph on any board."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._layers = tuple(layer_of(op, graph) for op in graph.ops)
        self._runs_graphs = any(trait_of(op.kind, Runs) is not None for op in graph.ops)
        self._found: dict[tuple[tuple[str, ...], str], _OnIsa] = {}

    def on(self, board: Board) -> Programs:
        """The programs for a board."""
        core, isa = board.chip.core, _that_kernels_ask_for(board.chip.isa)
        key = (isa, core.name if self._runs_graphs else "")
        if key not in self._found:
            self._found[key] = _OnIsa(self._graph, self._layers, isa, core)
        found = self._found[key]
        light = partial(found.light, board.flash.max_bytes)
        return Programs(lambda: found.front, light, partial(found.others, core))


_LAST: Last[Graph, _Ways] = Last(_Ways)


def programs_of(graph: Graph, board: Board) -> Programs:
    """The ways to compute a graph on a board."""
    return _LAST.of(graph).on(board)


def _that_kernels_ask_for(isa: Sequence[str]) -> tuple[str, ...]:
    asked = {variant.isa for variant in all_variants()} | {family.name for family in FAMILIES}
    return tuple(name for name in isa if name in asked)
