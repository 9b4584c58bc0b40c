"""Plans with their verdicts: the first one, and what takes its place when more is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from tinyml.codegen.abi import abi_version
from tinyml.codegen.samples import sample_bytes
from tinyml.evaluate.samples import Samples
from tinyml.ir.graph import Graph
from tinyml.model.file import ModelFile
from tinyml.plan.fit import fit
from tinyml.plan.planned import Planned
from tinyml.plan.predict import STACK, application_use
from tinyml.plan.values import Plan, Use
from tinyml.runtimes import runtime_of
from tinyml.target.board import Board
from tinyml.target.boards import all_boards
from tinyml.values.target import Target

SPARE_BYTES = 64  # by which a plan is smaller than it must be


def planned_for(target: Target, graph: Graph, model: ModelFile | None = None) -> Planned:
    """Kernels, memory layout and verdict for a graph; raises PlanError.

    ``model`` is the file that the graph was read from; an interpreter cannot do without.
    """
    made = runtime_of(target.runtime).plan(model, graph, target.board, target.goal)
    return with_plan(target, made, model)


def with_plan(target: Target, plan: Plan, model: ModelFile | None = None) -> Planned:
    """A plan that is there, with its verdict."""
    return Planned(target, plan, fit(plan, target.board, _others()), abi_version(), model)


def _others() -> Iterator[Board]:
    """Every board, whose files are read when the first is asked for."""
    yield from all_boards()


def reserving(planned: Planned, stack_bytes: int) -> Planned:
    """The same plan with so many bytes reserved for the stack."""
    board = replace(planned.target.board, stack_bytes=stack_bytes)
    uses = tuple(
        replace(use, nbytes=stack_bytes) if use.purpose == STACK else use
        for use in planned.plan.uses
    )
    plan = replace(planned.plan, uses=uses)
    return with_plan(replace(planned.target, board=board), plan, planned.model)


def with_room_for(samples: Samples | None, planned: Planned) -> Planned:
    """The same plan where the flash holds samples, too, and the application that takes them."""
    if samples is None:
        return planned
    plan, flash = planned.plan, planned.target.board.flash.region
    uses = [*plan.uses, Use(flash, "samples", sample_bytes(plan.graph, len(samples.inputs)))]
    if planned.target.goal.agent:  # else it is among them already
        uses.append(application_use(planned.target.board, plan.optimize, agent=True))
    plan = replace(plan, uses=tuple(uses))
    return with_plan(planned.target, plan, planned.model)


def smaller_by(
    planned: Planned, over: Mapping[str, int], samples: Samples | None
) -> Planned | None:
    """A plan predicted to take so much less of flash; None where there is none, or none is sought.

    Predictions of code are off by some percent, but by nearly as many for all plans of a model.
    """
    plan, target = planned.plan, planned.target
    region = target.board.flash.region
    if set(over) != {region} or plan.as_read is None:
        return None
    beside = ("samples", "application") if target.goal.agent else ("samples",)
    others = sum(use.nbytes for use in plan.uses if use.purpose in beside)
    most = plan.needed_bytes(region) - others - over[region] - SPARE_BYTES
    board = replace(target.board, flash=replace(target.board.flash, max_bytes=max(1, most)))
    made = runtime_of(target.runtime).plan(planned.model, plan.as_read, board, target.goal)
    found = with_room_for(samples, with_plan(target, made, planned.model))
    saved = plan.needed_bytes(region) - found.plan.needed_bytes(region)
    return found if saved >= over[region] else None
