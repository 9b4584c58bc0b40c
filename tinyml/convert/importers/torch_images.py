"""Which inputs and outputs of a program of PyTorch are images with channels first."""

from __future__ import annotations

import operator

from tinyml.convert.importers.torch_protos import Node, Program

# What the values of a channels-first image pass on their way to the first layer that says so.
_PASSING = ("pad", "add", "sub", "mul", "div", "clamp", "relu", "batch_norm", "clone", "to")
_CHANNELS_FIRST = ("conv1d", "conv2d", "convolution", "pool", "batch_norm", "upsample")


def _placeholders(program: Program) -> list[Node]:
    by_name = {node.name: node for node in program.graph.nodes}
    return [by_name[name] for name in program.graph_signature.user_inputs]


def input_names(program: Program, count: int) -> tuple[str, ...]:
    """The names of the inputs; () where the program has others."""
    nodes = _placeholders(program)
    return tuple(node.name for node in nodes) if len(nodes) == count else ()


def _kind(node: Node) -> str:
    return (
        str(node.target).removeprefix("aten.").split(".")[0] if node.op == "call_function" else ""
    )


def is_channels_first(program: Program, number: int) -> bool:
    """Whether an input reaches a convolution or pooling before anything that moves its axes."""
    start = _placeholders(program)[number]
    if start.meta["val"].ndim not in (3, 4):
        return False
    waiting = list(start.users)
    while waiting:
        node = waiting.pop()
        kind = _kind(node)
        if any(word in kind for word in _CHANNELS_FIRST):
            return True
        if any(word in kind for word in _PASSING):
            waiting += list(node.users)
    return False


def is_image(program: Program, number: int) -> bool:
    """Whether an output comes from a convolution or pooling with nothing that moves its axes."""
    result = next(node for node in program.graph.nodes if node.op == "output")
    found = result.args[0]
    node = found[number] if isinstance(found, (tuple, list)) else found
    while node.op == "call_function":
        kind = _kind(node)
        if any(word in kind for word in _CHANNELS_FIRST):
            return True
        inputs = list(node.all_input_nodes)
        moves = ("view", "reshape", "permute", "transpose", "flatten", "linear", "matmul", "mean")
        if any(word in kind for word in moves) or node.target is operator.getitem or not inputs:
            return False
        node = inputs[0]
    return False


def channels_last(rank: int) -> tuple[int, ...]:
    """The order of axes with the second one last."""
    return (0, *range(2, rank), 1)
