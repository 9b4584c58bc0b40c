"""The plan: which kernel runs each layer, and where every value lies at which time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tinyml.ir.graph import Graph
from tinyml.ir.kernel import KernelCall

COPIED = "copied weights"  # the purpose of RAM that holds constants


@dataclass(frozen=True, slots=True)
class Placement:
    """A byte range of a memory region, taken from step ``first_use`` to ``last_use`` inclusive."""

    region: str
    offset: int  # bytes from the start of the model's arena, or variables, in that region
    nbytes: int
    first_use: int  # step; -1 for a model input (written before the first step)
    last_use: int  # step; len(steps) for a model output (read after the last step)
    is_state: bool = False  # in the memory of variables of that region, beside its arena


@dataclass(frozen=True, slots=True)
class Step:
    """One layer of the compiled model."""

    ops: tuple[int, ...]  # indices into graph.ops that this step computes
    call: KernelCall | None  # None: the output is the input's memory (RESHAPE)
    scratch: Placement | None = None
    alternatives: tuple[tuple[str, int], ...] = ()  # (kernel not chosen, predicted instructions)
    rejected: tuple[tuple[str, str], ...] = ()  # (variant, why it is not valid here)


@dataclass(frozen=True, slots=True)
class Use:
    """One line of the budget: bytes of one purpose in one region, predicted before compiling."""

    region: str
    # Activations, scratch, state, copied weights, runtime, stack; weights, code, application
    # and samples.
    purpose: str
    nbytes: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that code generation needs."""

    graph: Graph  # that the steps compute: simplified by passes
    board: str
    runtime: str
    optimize: str  # one of goals.OPTIMIZE
    steps: tuple[Step, ...]
    tensors: tuple[Placement | None, ...]  # per graph tensor; None for constants and unused ones
    arena_bytes: tuple[tuple[str, int], ...]  # (region, bytes) of the arena in each region used
    activation_bytes: int  # peak of tensors and windows of them, without kernels' scratch
    lower_bound_bytes: int  # no plan of these live ranges can take less arena
    uses: tuple[Use, ...]  # the predicted budget
    shared: frozenset[str] = frozenset()  # kernels of which all layers use one instance
    stall_cycles: int = 0  # rough: what waiting for slow memory regions costs per inference
    state_bytes: tuple[tuple[str, int], ...] = ()  # (region, bytes) of variables; none: ()
    copied_steps: tuple[int, ...] = ()  # whose constants the start-up code copies to RAM
    copied_bytes: int = 0  # what those take there, in the board's first region
    wait_cycles: int = 0  # rough: what waiting for constants in flash costs per inference
    as_read: Graph | None = None  # the model before the passes; None: there were none

    def needed_bytes(self, region: str) -> int:
        """The predicted need of a region, all purposes together."""
        return sum(use.nbytes for use in self.uses if use.region == region)

    @property
    def reference_graph(self) -> Graph:
        """The model as it was read: what every result is held against."""
        return self.graph if self.as_read is None else self.as_read


def kinds_text(kinds: Sequence[str]) -> str:
    """The ops of a step in a few words, for tables."""
    if len(kinds) <= 2:
        return "+".join(kinds)
    return f"{kinds[0]}+..+{kinds[-1]} ({len(kinds)} ops)"
