"""Random ONNX graphs as exporters and people write them: blocks of layers, grown one on another.

Everything follows from the seed. Weights are scaled by their number, so that values stay near 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tests.support.nets.onnx_cases import graph_of

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
Value = tuple[str, Shape]
OPSETS = (11, 12, 13, 14, 16, 17, 18, 20, 21)
MOST = 1500  # elements of a value; larger ones are pooled


class Growing:
    """A graph that is being written."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.opset = int(self.rng.choice(OPSETS))
        self.nodes: list[tuple[str, str, str, dict[str, Any]]] = []
        self.constants: dict[str, Array] = {}
        self.values: list[Value] = []
        self.inputs: list[Value] = []

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def pick(self, *choices: Any) -> Any:
        return choices[int(self.rng.integers(len(choices)))]

    def number(self, low: int, high: int) -> int:
        """A number from low to high, both included."""
        return int(self.rng.integers(low, high + 1))

    def given(self, shape: Shape) -> Value:
        """An input of the model."""
        self.inputs.append((f"x{len(self.inputs)}", shape))
        self.values.append(self.inputs[-1])
        return self.inputs[-1]

    def held(self, value: Any) -> str:
        """A constant."""
        name = f"c{len(self.constants)}"
        self.constants[name] = np.asarray(value)
        return name

    def ints(self, *values: int) -> str:
        return self.held(np.array(values, np.int64))

    def floats(self, *shape: int, spread: float = 1.0, middle: float = 0.0) -> str:
        return self.held(self.rng.normal(middle, spread, shape).astype(np.float32))

    def node(self, kind: str, reads: Sequence[str], shape: Shape, **attrs: Any) -> Value:
        """A node with one result."""
        name = f"v{len(self.nodes)}"
        self.nodes.append((kind, ",".join(reads), name, attrs))
        self.values.append((name, shape))
        return self.values[-1]

    def parts(self, value: Value, sizes: Sequence[int], axis: int) -> list[Value]:
        """A Split as the opset has it."""
        names = [f"v{len(self.nodes)}_{k}" for k in range(len(sizes))]
        attrs: dict[str, Any] = {"axis": axis}
        reads = [value[0]]
        if self.opset < 13:
            attrs["split"] = list(sizes)
        else:
            reads.append(self.ints(*sizes))
        self.nodes.append(("Split", ",".join(reads), ",".join(names), attrs))
        made = [
            (name, (*value[1][:axis], size, *value[1][axis + 1 :]))
            for name, size in zip(names, sizes, strict=True)
        ]
        self.values += made
        return made

    def reduced(self, kind: str, value: Value, axes: Sequence[int], keeps: bool) -> Value:
        """A reduction as the opset has it."""
        attrs: dict[str, Any] = {"keepdims": int(keeps)}
        reads = [value[0]]
        if self.opset >= 18 or (kind == "ReduceSum" and self.opset >= 13):
            reads.append(self.ints(*axes))
        else:
            attrs["axes"] = list(axes)
        kept = [n if i not in axes else 1 for i, n in enumerate(value[1]) if keeps or i not in axes]
        return self.node(kind, reads, tuple(kept), **attrs)

    def shaped(self, value: Value, shape: Shape) -> Value:
        return self.node("Reshape", [value[0], self.ints(*shape)], shape)

    def turned(self, value: Value, order: Sequence[int]) -> Value:
        return self.node(
            "Transpose", [value[0]], tuple(value[1][i] for i in order), perm=list(order)
        )

    def model(self) -> Any:
        """The last value as output, sometimes one from the middle, too."""
        outputs = [self.values[-1][0]]
        inner = [name for name, _ in self.values[len(self.inputs) : -1]]
        if inner and self.chance(0.3):
            outputs.append(self.pick(*inner))
        nodes = [
            (kind, reads.replace(",", " "), writes.replace(",", " "), attrs)
            for kind, reads, writes, attrs in self.nodes
        ]
        made = graph_of(self.inputs, nodes, self.constants, outputs, opset=self.opset)
        for item in made.graph.output:  # onnx does not infer that of every Resize
            if not item.type.tensor_type.HasField("shape"):
                for size in dict(self.values)[item.name]:
                    item.type.tensor_type.shape.dim.add().dim_value = size
        return made


Block = Callable[[Growing, Value], Value]


def random_graph(seed: int) -> Any:
    """The model of a seed."""
    from tests.support.nets.onnx_any import ANY
    from tests.support.nets.onnx_blocks import FLATS, IMAGES, STEPS

    g = Growing(seed)
    shape: Shape = g.pick(
        *[(1, g.number(1, 4), g.number(5, 12), g.number(5, 12))] * 4,
        (1, g.number(3, 7), g.number(2, 8)),
        (1, g.number(4, 12)),
    )
    value = g.given(shape)
    for _ in range(g.number(2, 6)):
        own: tuple[Block, ...] = {4: IMAGES, 3: STEPS, 2: FLATS}.get(len(value[1]), ())
        block = g.pick(*own) if own and g.chance(0.7) else g.pick(*ANY)
        value = block(g, value)
        if np.prod(value[1]) > MOST:
            value = g.reduced("ReduceMean", value, [len(value[1]) - 1], True)
    return g.model() if g.nodes else random_graph(seed + 1_000_003)
