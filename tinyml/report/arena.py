"""Which tensor lies where in the arena, and when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tinyml.plan.fit import peak
from tinyml.plan.values import Placement, Plan


@dataclass(frozen=True, slots=True)
class Placed:
    """Bytes of a region that belong to one thing from one layer to another."""

    names: tuple[str, ...]  # tensors that are views of one another; empty for scratch
    role: str  # "input", "output", "activation" or "scratch"
    region: str
    offset: int  # bytes from the start of the arena in that region
    nbytes: int
    first_use: int  # layer; -1: written before the first one
    last_use: int  # layer, inclusive; the number of layers: read after the last one


@dataclass(frozen=True, slots=True)
class Arena:
    """The model's RAM, without its variables, which have memory of their own."""

    regions: dict[str, int]  # region → bytes
    activation_bytes: int  # peak of tensors alone, without scratch
    lower_bound_bytes: int  # no plan of these live ranges can take less
    peak_layer: int  # the first one at which the most bytes are in use
    placed: tuple[Placed, ...]


def arena_of(plan: Plan) -> Arena:
    """The memory map of a plan, by first use and then address."""
    placed = [*_tensors(plan), *_scratch(plan)]
    return Arena(
        regions=dict(plan.arena_bytes),
        activation_bytes=plan.activation_bytes,
        lower_bound_bytes=plan.lower_bound_bytes,
        peak_layer=peak(plan),
        placed=tuple(
            sorted(placed, key=lambda p: (p.first_use, p.region, p.offset, p.role, p.names))
        ),
    )


def _tensors(plan: Plan) -> Iterable[Placed]:
    views: dict[Placement, list[int]] = {}
    for index, place in enumerate(plan.tensors):
        if place is not None and place.nbytes and not place.is_state:
            views.setdefault(place, []).append(index)
    graph = plan.graph
    for place, tensors in views.items():
        role = "activation"
        if set(tensors) & set(graph.inputs):
            role = "input"
        elif set(tensors) & set(graph.outputs):
            role = "output"
        yield _placed(place, role, tuple(graph.tensors[i].name for i in tensors))


def _scratch(plan: Plan) -> Iterable[Placed]:
    for step in plan.steps:
        if step.scratch is not None and step.scratch.nbytes:
            yield _placed(step.scratch, "scratch", ())


def _placed(place: Placement, role: str, names: tuple[str, ...]) -> Placed:
    return Placed(
        names=names,
        role=role,
        region=place.region,
        offset=place.offset,
        nbytes=place.nbytes,
        first_use=place.first_use,
        last_use=place.last_use,
    )
