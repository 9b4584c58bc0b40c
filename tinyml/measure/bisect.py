"""Which layer of a firmware computes something else than the reference: found by bisection.

The agent can stop after any layer and return its output, which the integer reference knows as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinyml.device.agent import AgentClient
from tinyml.device.profile import load
from tinyml.ir.graph import Array
from tinyml.ops.reference import run, states_after
from tinyml.plan.values import Plan, kinds_text

SHOWN = 5  # wrong elements


@dataclass(frozen=True, slots=True)
class Wrong:
    """Elements of one tensor that differ."""

    count: int
    of: int
    first: tuple[tuple[tuple[int, ...], int | float, int | float], ...]  # (index, found, wanted)

    def __str__(self) -> str:
        shown = "; ".join(
            f"{list(index)} is {found} instead of {wanted}" for index, found, wanted in self.first
        )
        return f"{self.count:,} of {self.of:,} elements differ: {shown}" + (
            "; …" if self.count > len(self.first) else ""
        )


@dataclass(frozen=True, slots=True)
class Culprit:
    """The first layer whose output is wrong although its inputs are right."""

    layer: int
    op: str
    name: str
    kernel: str
    note: str
    wrong: Wrong

    def __str__(self) -> str:
        note = f" ({self.note})" if self.note else ""
        return (
            f"layer {self.layer}, {self.op} '{self.name}', kernel {self.kernel}{note}: {self.wrong}"
        )


def difference(found: Array, wanted: Array) -> Wrong | None:
    """The elements that differ; None when there is none. ``found`` may be flat."""
    shaped = np.reshape(found, wanted.shape)
    places = np.argwhere(shaped != wanted)
    if not len(places):
        return None
    first = tuple(
        (tuple(map(int, at)), shaped[tuple(at)].item(), wanted[tuple(at)].item())
        for at in places[:SHOWN]
    )
    return Wrong(len(places), int(wanted.size), first)


def find_culprit(
    client: AgentClient, plan: Plan, samples: Sequence[Sequence[Array]]
) -> Culprit | None:
    """The first wrong layer for the last sample; None when every layer is right when asked alone.

    Takes about log2(layers) inferences up to the layer in question; those of a streaming model
    begin with all samples before the last one.
    """
    *past, sample = samples if plan.graph.is_streaming else samples[-1:]
    values = run(plan.graph, sample, states_after(plan.graph, past))
    if plan.graph.is_streaming:
        client.begin_sequence([[value.tobytes() for value in inputs] for inputs in past])
    places = [index for index, step in enumerate(plan.steps) if step.call is not None]

    def wrong(layer: int) -> Wrong | None:
        wanted = values[_output(plan, layer)]
        assert wanted is not None
        load(client, tuple(sample))
        return difference(np.frombuffer(client.layer_output(layer), wanted.dtype), wanted)

    known = {}
    low, high = -1, len(places) - 1  # low is right, high is wrong
    known[high] = wrong(places[high])
    if known[high] is None:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        known[middle] = wrong(places[middle])
        low, high = (middle, high) if known[middle] is None else (low, middle)
    # a branch: what it reads may come from an earlier layer that is wrong
    while True:
        earlier = [place for place in _producers(plan, places, high) if wrong(places[place])]
        if not earlier:
            break
        high = min(earlier)
    found = known.get(high) or wrong(places[high])
    return _culprit(plan, places[high], found) if found else None


def _culprit(plan: Plan, layer: int, wrong: Wrong) -> Culprit:
    step = plan.steps[layer]
    assert step.call is not None
    ops = [plan.graph.ops[index] for index in step.ops]
    return Culprit(
        layer=layer,
        op=kinds_text([op.kind for op in ops]),
        name=ops[-1].name,
        kernel=step.call.function,
        note=step.call.note,
        wrong=wrong,
    )


def _output(plan: Plan, layer: int) -> int:
    return plan.graph.ops[plan.steps[layer].ops[-1]].outputs[0]


def _producers(plan: Plan, places: Sequence[int], place: int) -> list[int]:
    """The places whose output ``place`` reads, directly or through layers without code."""
    made_by = {_output(plan, layer): layer for layer in range(places[place])}
    at = {layer: index for index, layer in enumerate(places)}
    todo = [plan.steps[places[place]]]
    found: set[int] = set()
    while todo:
        for op in todo.pop().ops:
            for tensor in plan.graph.ops[op].inputs:
                layer = made_by.get(tensor)
                if layer is None:
                    continue
                if layer in at:
                    found.add(at[layer])
                else:
                    todo.append(plan.steps[layer])
    return sorted(found)
