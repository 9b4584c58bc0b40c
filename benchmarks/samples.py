"""What code sizes are measured on: whole models, and layers of every kind on every kernel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from tests.support.models.cases import Case, case_paths, load_cases, merge
from tests.support.models.random_layers import random_case
from tinyml import api
from tinyml.ir.graph import Graph
from tinyml.ir.kernel import KernelCall
from tinyml.ops import layer_of
from tinyml.passes import run_passes
from tinyml.plan.code_size import code_parts, functions_of, helpers_of
from tinyml.plan.offers import offers_of
from tinyml.plan.planner import plan_steps
from tinyml.plan.values import Plan, Step
from tinyml.target.board import Board
from tinyml.values.goal import Goal

SINGLES = 2  # single-layer builds per kernel
REPEATED = 3  # layers that share an instance, to tell its own size from that of each use
RANDOM_KINDS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
RANDOM_LAYERS = 12  # of each of them, for kernels that the models have too few of


def samples(graphs: list[Graph], board: Board, goal: str) -> Iterator[Plan]:
    """Single layers, several on one kernel, and for size several on one instance of it."""
    single = list(layers(graphs, board, goal))
    yield from single
    yield from together(single, kernels_in, board, goal)
    if goal == "size":
        for plan in together(REPEATED * single, functions_in, board, goal):
            yield replace(plan, shared=functions_in(plan))


def wholes(graphs: list[Graph], board: Board, goal: str) -> list[Plan]:
    """The models as planned for speed; for size, also on the kernels with the fewest constants."""
    plans = [
        api.plan(graph, board, api.Settings(o)).plan
        for graph in graphs
        for o in ("balanced", "speed")
    ]
    if goal == "speed":
        return plans
    fewest = partial(min, key=lambda offer: offer.call.constant_bytes())
    plans = [replace(plan, optimize=goal) for plan in plans[::2]]
    for graph in graphs:
        offers = [offers_of(op, graph, board.chip.isa, layer_of(op, graph))[0] for op in graph.ops]
        calls = [fewest(found).call if found else None for found in offers]
        steps = tuple(Step((i,), call) for i, call in enumerate(calls))
        plans.append(plan_steps(graph, steps, board, Goal(goal))[0])
    return [replace(plan, shared=frozenset()) for plan in plans]


def layers(graphs: list[Graph], board: Board, goal: str) -> Iterator[Plan]:
    """Single layers, up to ``SINGLES`` for each part that code can have; the models' own first."""
    seen: Counter[str] = Counter()
    for graph in (*single_layers(graphs), *odd_layers()):
        op = graph.ops[0]
        for offer in offers_of(op, graph, board.chip.isa, layer_of(op, graph))[0]:
            parts = code_parts((offer.call,))
            if min(seen[part] for part in parts) >= SINGLES:
                continue
            seen.update(parts)
            made, _ = plan_steps(graph, (Step((0,), offer.call),), board, Goal(goal))
            yield replace(made, graph=replace(graph, name=f"layer_{seen.total()}"))


def single_layers(graphs: list[Graph]) -> Iterator[Graph]:
    """Each op of the graphs as a graph of its own."""
    for graph in graphs:
        tensors = graph.tensors
        for op in graph.ops:
            values = [i for i in op.inputs if i >= 0 and not tensors[i].is_constant]
            inputs = tuple(dict.fromkeys(i for i in values if not tensors[i].is_variable))
            yield replace(graph, ops=(op,), inputs=inputs, outputs=op.outputs)


def odd_layers() -> Iterator[Graph]:
    """Layers unlike those of the models: random ones, then the cases of every operator's tests."""
    rng = np.random.default_rng(1)
    for kind in RANDOM_KINDS:
        for _ in range(RANDOM_LAYERS):
            yield random_case(rng, kind, "layer").graph
    for path in case_paths():
        yield from single_layers([run_passes(case.graph) for case in load_cases(path).cases])


def together(
    plans: list[Plan], key: Callable[[Plan], frozenset[str]], board: Board, goal: str
) -> Iterator[Plan]:
    """For each key the layers of two plans that have it in one model, and those of all of them."""
    groups: dict[frozenset[str], list[Plan]] = {}
    for plan in plans:
        groups.setdefault(key(plan), []).append(plan)
    for group in groups.values():
        for count in sorted({2, len(group)}):
            if count > len(group):
                continue
            cases = [Case(f"l{i}", plan.graph, ()) for i, plan in enumerate(group[:count])]
            steps = tuple(Step((i,), plan.steps[0].call) for i, plan in enumerate(group[:count]))
            made, _ = plan_steps(merge(cases, "together").graph, steps, board, Goal(goal))
            yield replace(made, shared=frozenset())


def functions_in(plan: Plan) -> frozenset[str]:
    """The kernels that the plan calls itself, without those in streams."""
    return functions_of(calls_of(plan))


def kernels_in(plan: Plan) -> frozenset[str]:
    """The parts of its code that are no functions of several kernels."""
    return frozenset(code_parts(calls_of(plan))) - helpers_of(calls_of(plan))


def calls_of(plan: Plan) -> list[KernelCall]:
    """The calls of the plan."""
    return [step.call for step in plan.steps if step.call is not None]
