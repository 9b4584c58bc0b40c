"""Weights as training leaves them, and as nobody should: what passes and kernels stumble over."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinyml.base.errors import ModelError
from tinyml.ir.graph import Array, Graph, Op, check
from tinyml.model.support import check_supported

_FILTERS = {"CONV_2D": 0, "FULLY_CONNECTED": 0, "DEPTHWISE_CONV_2D": 3}  # axis of the filters


def spoilt(graph: Graph, rng: np.random.Generator) -> Graph:
    """The graph with some weights and biases changed; sums may leave 32 bits, and wrap."""
    for op in graph.ops:
        if op.kind in _FILTERS and rng.random() < 0.8:
            changed = _changed(graph, op, rng)
            try:
                check_supported(check(changed))
            except ModelError:
                continue  # what is not defined even so
            graph = changed
    return graph


def _changed(graph: Graph, op: Op, rng: np.random.Generator) -> Graph:
    axis, tensors = _FILTERS[op.kind], list(graph.tensors)
    weights = graph.tensors[op.inputs[1]]
    assert weights.data is not None
    if weights.data.dtype.kind == "f":
        return graph
    filters = np.moveaxis(weights.data.copy(), axis, 0)
    some = rng.random(len(filters)) < rng.choice((0.2, 0.5, 0.9))
    kind = str(rng.choice(("dead", "dead", "columns", "lowest", "saturated", "mixed")))
    if kind in ("dead", "mixed"):
        filters[some] = 0
    if kind in ("columns", "mixed") and op.kind != "DEPTHWISE_CONV_2D":
        filters[..., rng.random(filters.shape[-1]) < 0.4] = 0
    if kind == "lowest":
        filters[some] = np.where(filters[some] < 0, -128, filters[some])
    if kind == "saturated":
        filters[some] = np.where(filters[some] < 0, -128, 127)
    tensors[op.inputs[1]] = replace(weights, data=_fixed(np.moveaxis(filters, 0, axis)))
    if len(op.inputs) > 2 and op.inputs[2] >= 0:
        bias = graph.tensors[op.inputs[2]]
        assert bias.data is not None
        low = int(rng.choice((-(1 << 30), (1 << 31) - 1, -40000, 0, 40000)))
        made = np.where(some, low, bias.data) if kind in ("dead", "mixed") else bias.data
        tensors[op.inputs[2]] = replace(bias, data=_fixed(made.astype(np.int32)))
    return replace(graph, tensors=tuple(tensors))


def _fixed(data: Array) -> Array:
    held = np.ascontiguousarray(data)
    held.flags.writeable = False
    return held
