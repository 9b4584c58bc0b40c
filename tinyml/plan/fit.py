"""Does a plan fit its board: needs against budgets, region by region, and why not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tinyml.base.errors import DoesNotFit
from tinyml.ops import trait_of
from tinyml.ops.traits import Converts
from tinyml.plan.copies import constant_waits
from tinyml.plan.estimate import Estimate, estimate
from tinyml.plan.halves import Shared, shared_of
from tinyml.plan.predict import CODE
from tinyml.plan.values import Plan, Step
from tinyml.target.board import Board
from tinyml.target.memory import Budget

CODE_ERROR_PERCENT = 21  # of predicted code, at most: docs/timing.md
LARGEST = 3  # tensors and weights named in an explanation


@dataclass(frozen=True, slots=True)
class RegionFit:
    """One memory region: what the firmware needs there and what it may use."""

    region: str
    kind: str  # "ram" or "flash"
    budget_bytes: int
    uses: tuple[tuple[str, int], ...]  # (purpose, bytes), predicted before compiling

    @property
    def needed_bytes(self) -> int:
        """Sum over all purposes."""
        return sum(nbytes for _, nbytes in self.uses)

    @property
    def is_ok(self) -> bool:
        """Whether the needs stay within the budget."""
        return self.needed_bytes <= self.budget_bytes

    @property
    def is_close(self) -> bool:
        """Whether it is for the linker to say: needs and budget differ by less than the error."""
        error_bytes = dict(self.uses).get(CODE, 0) * CODE_ERROR_PERCENT // 100
        return abs(self.needed_bytes - self.budget_bytes) < error_bytes


@dataclass(frozen=True, slots=True)
class Spilled:
    """What lies in a region because the ones before it have no room left for it."""

    region: str
    nbytes: int
    tensors: tuple[tuple[str, int], ...]  # (name, bytes), largest first
    scratches: int  # how many


@dataclass(frozen=True, slots=True)
class Copied:
    """Constants that the start-up code copies from flash to RAM."""

    region: str
    nbytes: int
    layers: int  # how many have theirs there
    saved_cycles: int  # rough: of waiting for flash, per inference


@dataclass(frozen=True, slots=True)
class Fit:
    """The verdict for one board."""

    board: str
    title: str
    regions: tuple[RegionFit, ...]
    peak: str  # where RAM peaks: 'layer 4 "conv2d_3"'
    tensors: tuple[tuple[str, int], ...]  # largest (name, bytes) alive at the peak
    weights: tuple[tuple[str, int], ...]  # largest (layer, bytes) of constants
    advice: tuple[str, ...]  # what would help; empty when all fits and is in integers
    spilled: tuple[Spilled, ...] = ()  # of the arena, in regions after the first; by region
    stall_cycles: int = 0  # rough: what waiting for slow regions costs per inference
    note: str = ""  # what else the board's memory is used for
    copied: Copied | None = None
    estimate: Estimate | None = None  # of an inference; None: nothing is predicted of it
    shared: Shared | None = None  # what a second core is good for; None: one was asked for

    @property
    def is_ok(self) -> bool:
        """Whether every region fits."""
        return all(region.is_ok for region in self.regions)

    @property
    def is_close(self) -> bool:
        """Whether all fits but for what is within the error of the prediction."""
        return all(region.is_ok or region.is_close for region in self.regions)


def fit(plan: Plan, board: Board, others: Iterable[Board] = ()) -> Fit:
    """Compares the predicted needs of ``plan`` with the budgets of ``board``.

    ``others`` are boards to name when the model does not fit here but would fit there; only then
    they are asked for.
    """
    regions = tuple(_region_fit(plan, board, budget, "ram") for budget in board.ram)
    used = tuple(item for item in regions if item.uses)
    regions = (*(used or regions[:1]), _region_fit(plan, board, board.flash, "flash"))
    peak_step = peak(plan)
    return Fit(
        board=board.name,
        title=board.title,
        regions=regions,
        peak=_label(plan, plan.steps[peak_step], peak_step),
        tensors=_alive(plan, peak_step)[:LARGEST],
        weights=_weights(plan)[:LARGEST],
        advice=_advice(plan, board, regions, others),
        spilled=_spilled(plan, board),
        stall_cycles=plan.stall_cycles,
        note=board.memory_note,
        copied=_copied(plan, board),
        estimate=estimate(plan, board),
        shared=shared_of(plan, board),
    )


def require(verdict: Fit) -> None:
    """Raises DoesNotFit, naming every region that is too small, unless all fits."""
    if verdict.is_ok:
        return
    sentences = []
    for item in verdict.regions:
        if item.is_ok:
            continue
        largest = verdict.tensors if item.kind == "ram" else verdict.weights
        listed = ", ".join(f"'{name}' {nbytes:,}" for name, nbytes in largest)
        at = f" (peak at {verdict.peak})" if item.kind == "ram" else ""
        sentences.append(
            f"the model needs {item.needed_bytes:,} bytes of {item.region}, {verdict.board} "
            f"offers {item.budget_bytes:,}: {item.needed_bytes - item.budget_bytes:,} too many{at}."
            f" Largest: {listed}"
        )
    raise DoesNotFit("\n".join(sentences), hint="; ".join(verdict.advice) or None)


def peak(plan: Plan) -> int:
    """The first step at which the most arena bytes are in use."""

    def load(step: int) -> int:
        placed = [item for item in plan.tensors if item is not None and not item.is_state]
        scratch = plan.steps[step].scratch
        if scratch is not None:
            placed.append(scratch)
        ends: dict[str, int] = {}
        for item in placed:
            if item.first_use <= step <= item.last_use:
                ends[item.region] = max(ends.get(item.region, 0), item.offset + item.nbytes)
        return sum(ends.values())

    return max(range(len(plan.steps)), key=lambda step: (load(step), -step))


def _region_fit(plan: Plan, board: Board, budget: Budget, kind: str) -> RegionFit:
    uses = tuple((use.purpose, use.nbytes) for use in plan.uses if use.region == budget.region)
    return RegionFit(budget.region, kind, budget.max_bytes, uses)


def _spilled(plan: Plan, board: Board) -> tuple[Spilled, ...]:
    arenas = dict(plan.arena_bytes)
    found = []
    for region in (budget.region for budget in board.ram[1:] if budget.region in arenas):
        sizes: dict[tuple[int, int, int], tuple[str, int]] = {}
        for tensor, place in zip(plan.graph.tensors, plan.tensors, strict=True):
            if place is not None and place.region == region:
                label = (short_name(tensor.name), place.nbytes)
                sizes.setdefault((place.offset, place.nbytes, place.first_use), label)
        scratches = sum(s.scratch is not None and s.scratch.region == region for s in plan.steps)
        largest = tuple(sorted(sizes.values(), key=lambda item: (-item[1], item[0])))
        found.append(Spilled(region, arenas[region], largest, scratches))
    return tuple(found)


def _copied(plan: Plan, board: Board) -> Copied | None:
    if not plan.copied_steps:
        return None
    saved = sum(constant_waits(plan.graph, plan.steps, board)) - plan.wait_cycles
    return Copied(board.ram[0].region, plan.copied_bytes, len(plan.copied_steps), saved)


def _label(plan: Plan, step: Step, number: int) -> str:
    return f"layer {number} '{short_name(plan.graph.ops[step.ops[-1]].name)}'"


def _alive(plan: Plan, step: int) -> tuple[tuple[str, int], ...]:
    sizes: dict[tuple[str, int, int], tuple[str, int]] = {}
    for tensor, placement in zip(plan.graph.tensors, plan.tensors, strict=True):
        if placement is not None and placement.first_use <= step <= placement.last_use:
            label = (short_name(tensor.name), placement.nbytes)
            sizes.setdefault((placement.region, placement.offset, placement.nbytes), label)
    return tuple(sorted(sizes.values(), key=lambda item: (-item[1], item[0])))


def short_name(name: str) -> str:
    """The first of the names that a framework joined with semicolons, without its outer scopes."""
    return "/".join(name.split(";")[0].split("/")[-2:])


def _weights(plan: Plan) -> tuple[tuple[str, int], ...]:
    sizes = [
        (short_name(plan.graph.ops[step.ops[-1]].name), step.call.constant_bytes())
        for step in plan.steps
        if step.call is not None and step.call.constants
    ]
    return tuple(sorted(sizes, key=lambda item: (-item[1], item[0])))


def _advice_on_floats(plan: Plan) -> list[str]:
    steps = [step for step in plan.steps if step.call is not None and step.call.form == "f32"]
    kinds = (plan.graph.ops[step.ops[0]].kind for step in steps)
    count = len([kind for kind in kinds if trait_of(kind, Converts) is None])
    if not count:
        return []
    return [
        f"{count} of {len(plan.graph.ops)} layers compute in float32; in int8 they take a quarter "
        "of the memory and a fraction of the time: tinyml convert MODEL --calibration DATA"
    ]


def _advice(
    plan: Plan, board: Board, regions: tuple[RegionFit, ...], others: Iterable[Board]
) -> tuple[str, ...]:
    short = [item for item in regions if not item.is_ok]
    advice = _advice_on_floats(plan)
    if not short:
        return tuple(advice)
    if any(item.kind == "ram" for item in short):
        advice.append("a smaller input or fewer channels in the layers at the peak lowers RAM")
    if any(item.kind == "flash" for item in short):
        goal = "" if plan.optimize == "size" else "; try --optimize size"
        advice.append("fewer channels in the largest layers lower flash" + goal)
    own = [item for item in short if f"--{item.kind}-budget" in board.memory_options]
    if own:
        limits = (f"{item.region} has {board.region(item.region).nbytes:,} bytes" for item in own)
        advice.append("a larger --" + f"{own[0].kind}-budget: " + ", ".join(limits))
        return tuple(advice)
    ram = max((sum(n for _, n in item.uses) for item in regions if item.kind == "ram"), default=0)
    flash = sum(item.needed_bytes for item in regions if item.kind == "flash")
    fitting = [
        other.name
        for other in others
        if any(budget.max_bytes >= ram for budget in other.ram) and other.flash.max_bytes >= flash
    ]
    if fitting:
        advice.append("it would fit: " + ", ".join(fitting))
    return tuple(advice)
