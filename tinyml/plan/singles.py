"""The ways to compute each op of a graph alone: its kernels, the fastest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import KernelCall
from tinyml.ops import layer_of, trait_of
from tinyml.ops.forms import Layer
from tinyml.ops.traits import Runs
from tinyml.plan.control import control_call
from tinyml.plan.offers import Offer, offers_of
from tinyml.plan.smallest import smallest_steps
from tinyml.plan.values import Step
from tinyml.target.cores import Core

SMALL = "small"  # name of a loop whose kernels take the least flash, among the alternatives


def singles_of(
    graph: Graph, layers: tuple[Layer, ...], isa: tuple[str, ...], core: Core
) -> list[tuple[Step, ...]]:
    """The ways to compute each op alone."""
    found = []
    for number, (op, layer) in enumerate(zip(graph.ops, layers, strict=True)):
        offers, rejected = offers_of(op, graph, isa, layer)
        if trait_of(op.kind, Runs) is not None:
            offers = tuple(_running(op, graph, offers[0], isa, core))
        found.append(_steps(number, graph, offers, rejected))
    return found


def _running(
    op: Op, graph: Graph, plain: Offer, isa: tuple[str, ...], core: Core
) -> Iterator[Offer]:
    """An op that runs graphs: on the fastest kernels, and on those that take the least flash."""
    trait = trait_of(op.kind, Runs)
    assert trait is not None
    fast, small = [], []
    for inner in trait.graphs(op):
        ways = singles_of(inner, tuple(layer_of(item, inner) for item in inner.ops), isa, core)
        fast.append(tuple(steps[0] for steps in ways))
        small.append(smallest_steps(ways, core))
    yield replace(plain, call=control_call(plain.call, op, graph, fast))
    if small != fast:
        yield Offer(SMALL, control_call(plain.call, op, graph, small))


def _steps(
    number: int,
    graph: Graph,
    offers: tuple[Offer, ...],
    rejected: tuple[tuple[str, str], ...],
) -> tuple[Step, ...]:
    """The op alone, on each of its kernels, the fastest one first."""
    if not offers:
        return (Step((number,), None),)
    op = graph.ops[number]
    steps = []
    for best in sorted(offers, key=lambda offer: _price(op, graph, offer.call)):
        others = tuple(
            (offer.name, offer.call.cost.instructions) for offer in offers if offer is not best
        )
        steps.append(Step((number,), best.call, alternatives=others, rejected=rejected))
    return tuple(steps)


def _price(op: Op, graph: Graph, call: KernelCall) -> tuple[int, ...]:
    """What to minimise: time, then RAM, then flash; ties go to the first offer."""
    flash = call.cost.code_bytes + call.constant_bytes()
    return call.cost.instructions, _local_bytes(op, graph, call), flash


def _local_bytes(op: Op, graph: Graph, call: KernelCall) -> int:
    """RAM that one call needs for its own tensors and scratch, overlap taken into account."""
    written = graph.tensors[op.outputs[0]].nbytes
    common = [
        min(graph.tensors[op.inputs[item.input]].nbytes, written - max(0, item.distance_bytes))
        for item in call.overlaps
    ]
    return written - max((0, *common)) + call.scratch_bytes
