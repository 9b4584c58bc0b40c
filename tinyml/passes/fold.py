"""Ops whose results are known before the model runs, left out: their results become constants.

``folded`` does it for whatever knows results: the compiler asks the operators' own references
(``simplify.py``), the converter computes in real numbers, also what has no kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tinyml.ir.graph import Array, Graph, Op, Quant, Tensor
from tinyml.ops.slice import copy_of

Known = Callable[[Op, Graph], tuple[Array, ...] | None]  # an op's results; None: not known


def folded(
    graph: Graph, known: Known, scales: Callable[[Op, Graph], Quant | None] | None = None
) -> Graph:
    """The graph without the ops whose results are ``known``; later ops see them as constants.

    A result that is an output of the model is copied to it. ``scales`` gives the scales of an op's
    results where they are others than before.
    """
    tensors = list(graph.tensors)
    kept: list[Op] = []
    for op in graph.ops:
        current = replace(graph, tensors=tuple(tensors))
        results = known(op, current)
        if results is None:
            kept.append(op)
            continue
        for i, result in zip(op.outputs, results, strict=True):
            held = _holding(tensors[i], result)
            if scales is not None:
                held = replace(held, quant=scales(op, current))
            if i in graph.results:
                kept += copy_of(held, i, tensors)
            else:
                tensors[i] = held
    return replace(graph, tensors=tuple(tensors), ops=tuple(kept))


def _holding(tensor: Tensor, value: Array) -> Tensor:
    data = np.ascontiguousarray(value, tensor.dtype.numpy).reshape(tensor.shape)
    data.flags.writeable = False
    return replace(tensor, data=data)
