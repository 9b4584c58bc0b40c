"""What fix-ups leave of a float network: its operators, and the same outputs."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.nets.float_graphs import FloatBuilder
from tinyml.convert.fixups.constants import drop_unused_tensors
from tinyml.convert.runners import float_tensor
from tinyml.ir.graph import Array, Graph, check
from tinyml.model.options import options


def kinds(graph: Graph) -> list[str]:
    return [op.kind for op in graph.ops]


def results(graph: Graph) -> Array:
    """The first output on a few inputs, from LiteRT."""
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")
    rng = np.random.default_rng(9)
    samples = [
        tuple(rng.uniform(-1, 1, graph.tensors[i].shape).astype(np.float32) for i in graph.inputs)
        for _ in range(4)
    ]
    return np.stack(float_tensor(graph, graph.outputs[0], samples))


def same(before: Graph, after: Graph, tolerance: float = 0.0) -> None:
    """Both are well formed and give the same; exactly, unless factors moved between floats."""
    check(after)
    wanted, found = results(before), results(drop_unused_tensors(after))
    assert wanted.shape == found.shape
    assert np.abs(wanted - found).max() <= tolerance * max(1.0, float(np.abs(wanted).max()))


def reshaped(b: FloatBuilder, given: int, shape: tuple[int, ...]) -> int:
    name = f"reshape_{len(b.ops)}"
    held = options("ReshapeOptions", NewShape=shape)
    operands = (given, b.constant(f"{name}/shape", list(shape)))
    return b.op("RESHAPE", operands, b.value(name, shape), held)


def sequence_layer(b: FloatBuilder, given: int) -> int:
    """A one-dimensional convolution of [1, 8, 3], as frameworks write it: [1, 6, 4]."""
    image = reshaped(b, given, (1, 1, *b.tensors[given].shape[1:]))
    width = b.tensors[image].shape[2] - 2
    conv = b.conv("conv", image, b.rng.normal(size=(4, 1, 3, 3)), (1, 1, width, 4), Padding=1)
    return reshaped(b, conv, (1, width, 4))
