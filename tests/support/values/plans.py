"""A plan made by hand: two small FULLY_CONNECTED layers, so that tests need no planner."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from tinyml.base.records import Encoder
from tinyml.ir.dtype import INT8, INT32
from tinyml.ir.graph import Graph, Op, Quant, Source, Tensor
from tinyml.ops import plain_call
from tinyml.ops.fully_connected import FullyConnectedAttrs
from tinyml.plan.code_size import functions_of
from tinyml.plan.planned import Planned
from tinyml.plan.values import Placement, Plan, Step
from tinyml.project.plans import with_plan
from tinyml.project.saved import without_sizes
from tinyml.target.board import Board
from tinyml.values.goal import Goal
from tinyml.values.target import Target

MODEL_BYTES = bytes(range(20))  # stands for a .tflite file


def sine_graph() -> Graph:
    """x [1, 1] -> hidden [1, 16] + RELU -> y [1, 1], int8."""
    rng = np.random.default_rng(7)
    scales = tuple(float(np.float32(s)) for s in (0.025, 0.012, 0.02, 0.008, 0.0078125))
    x, w0, hidden, w1, y = scales

    def weights(name: str, shape: tuple[int, ...], scale: float) -> Tensor:
        data = rng.integers(-127, 128, shape).astype(np.int8)
        data.setflags(write=False)
        return Tensor(name, INT8, shape, Quant((scale,), (0,)), data)

    def bias(name: str, count: int, scale: float) -> Tensor:
        data = rng.integers(-900, 900, count).astype(np.int32)
        data.setflags(write=False)
        return Tensor(name, INT32, (count,), Quant((scale,), (0,)), data)

    tensors = (
        Tensor("serving_default_x:0", INT8, (1, 1), Quant((x,), (-128,))),
        weights("model/hidden/MatMul", (16, 1), w0),
        bias("model/hidden/BiasAdd/ReadVariableOp", 16, float(np.float32(x) * np.float32(w0))),
        Tensor("model/hidden/Relu;model/hidden/BiasAdd", INT8, (1, 16), Quant((hidden,), (-128,))),
        weights("model/out/MatMul", (1, 16), w1),
        bias("model/out/BiasAdd/ReadVariableOp", 1, float(np.float32(hidden) * np.float32(w1))),
        Tensor("StatefulPartitionedCall:0", INT8, (1, 1), Quant((y,), (0,))),
    )
    ops = (
        Op("FULLY_CONNECTED", "hidden", (0, 1, 2), (3,), FullyConnectedAttrs("RELU")),
        Op("FULLY_CONNECTED", "out", (3, 4, 5), (6,), FullyConnectedAttrs()),
    )
    source = Source("sine.tflite", hashlib.sha256(MODEL_BYTES).hexdigest(), len(MODEL_BYTES))
    return Graph("sine", source, tensors, ops, (0,), (6,))


def sine_plan(region: str = "sram", board: str = "testboard", optimize: str = "speed") -> Plan:
    """The plan of sine_graph with everything in one region; kernels are shared for size."""
    graph = sine_graph()
    tensors: list[Placement | None] = [None] * len(graph.tensors)
    tensors[0] = Placement(region, 0, 1, -1, 0)
    tensors[3] = Placement(region, 16, 16, 0, 1)
    tensors[6] = Placement(region, 0, 1, 1, 2)
    made = Plan(
        graph=graph,
        board=board,
        runtime="aot",
        optimize=optimize,
        steps=tuple(Step((i,), plain_call(op, graph)) for i, op in enumerate(graph.ops)),
        tensors=tuple(tensors),
        arena_bytes=((region, 32),),
        activation_bytes=32,
        lower_bound_bytes=17,
        uses=(),
    )
    return sharing(made) if optimize == "size" else made


def sharing(plan: Plan) -> Plan:
    """The plan with one instance of each kernel, which all its layers use."""
    calls = [step.call for step in plan.steps if step.call is not None]
    return replace(plan, shared=functions_of(calls))


TEMPLATE = str(Path(__file__).parents[1] / "stand_ins" / "template")  # the least that boots


def planned_on(plan: Plan, board: Board, template: str, *, agent: bool = True) -> Planned:
    """The plan for a project of a template."""
    target = Target(board, plan.runtime, template, "", Goal(plan.optimize, agent))
    return with_plan(target, plan)


def record_of(planned: Planned) -> tuple[str, dict[str, bytes]]:
    """Everything that a plan says, arrays included, for comparison."""
    encoder = Encoder()
    target = replace(planned.target, board=without_sizes(planned.target.board))
    text = json.dumps(encoder.encode(replace(planned, target=target, model=None)))
    return text, {name: array.tobytes() for name, array in encoder.arrays.items()}
