"""Short, unique C identifiers for tensors, from the names that the training framework gave them.

Frameworks write paths such as ``functional_1/block1_conv/Relu;functional_1/bn/FusedBatchNormV3``;
the last part that says something, ``block1_conv``, becomes the identifier.
"""

from __future__ import annotations

import re

from tinyml.ir.graph import Graph

_MAX_LENGTH = 24

# Parts of a path that every layer of its kind has: TensorFlow's own op names, graph-wide wrappers.
_GENERIC = re.compile(
    r"(Add|AddV2|AvgPool|BiasAdd|Const|Conv2D|DepthwiseConv2dNative|FusedBatchNormV3|Identity|"
    r"MatMul|MaxPool|Mean|Mul|PartitionedCall|ReadVariableOp|Relu|Relu6|Reshape|Sigmoid|Softmax|"
    r"StatefulPartitionedCall|Tanh|add|depthwise|functional|mul|model|resource|sequential|"
    r"tfl\.\w+|tfl\.pseudo_qconst)?(_int8|_uint8)?_?\d*"
)


def tensor_names(graph: Graph) -> tuple[str, ...]:
    """A lower-case C identifier per tensor, unique in the graph; constants get what is left."""
    producers = {tensor: op.kind.lower() for op in graph.ops for tensor in op.outputs}
    names: dict[int, str] = {}
    taken: set[str] = set()
    order = sorted(range(len(graph.tensors)), key=lambda i: graph.tensors[i].is_constant)
    for index in order:
        tensor = graph.tensors[index]
        if index in graph.inputs:
            fallback = "input"
        elif index in graph.outputs:
            fallback = "output"
        else:
            fallback = producers.get(index, "constant" if tensor.is_constant else "tensor")
        name = _unique(short_identifier(tensor.name) or fallback, taken)
        taken.add(name)
        names[index] = name
    return tuple(names[index] for index in range(len(graph.tensors)))


def short_identifier(name: str) -> str:
    """The last telling part of a framework's name, as an identifier; "" if none is."""
    for path in name.split(";"):
        for step in reversed(path.split("/")):
            part = step.split(":")[0].removeprefix("serving_default_")
            word = re.sub(r"[^a-z0-9]+", "_", part.lower()).strip("_")
            if word and not _GENERIC.fullmatch(part):
                return _bounded(word)
    return ""


def _bounded(word: str) -> str:
    if word[0].isdigit():
        word = f"t_{word}"
    return word[:_MAX_LENGTH].rstrip("_")


def _unique(name: str, taken: set[str]) -> str:
    if name not in taken:
        return name
    number = 2
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"
