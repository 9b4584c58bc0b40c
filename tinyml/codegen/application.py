"""What the application of a project shows of the model's first output, as C text."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tinyml.codegen.about import has_labels, is_class
from tinyml.codegen.interface import io_names
from tinyml.ir.graph import Graph, Tensor
from tinyml.ops import trait_of
from tinyml.ops.traits import UNIT, Converts, MovesOnly, Scales

SHOWN = 10  # elements of an output that names no class
MOST_CLASSES = 4096


@dataclass(frozen=True, slots=True)
class ApplicationView:
    """The model as the template of an application sees it."""

    name: str  # C prefix
    macro: str  # the same in upper case
    file_name: str
    sha256: str  # its first 12 digits
    inputs: tuple[str, ...]  # what they are called in C
    outputs: tuple[str, ...]
    fills: tuple[tuple[str, bool], ...]  # of each input: its name, whether it takes real values
    is_stateful: bool
    has_classes: bool  # the greatest element of the first output is the answer
    is_class: bool  # or the output itself is
    has_labels: bool
    score: str  # C expression of the real value of element ``best``
    value: str  # of element ``i``
    elements: int  # of the first output
    shown: int


def application_view(graph: Graph) -> ApplicationView:
    """A graph for the templates."""
    given = [graph.tensors[index] for index in graph.inputs]
    made = graph.tensors[graph.outputs[0]]
    inputs = io_names("input", graph, graph.inputs)
    outputs = io_names("output", graph, graph.outputs)
    are_named = has_labels(graph) and (made.elements > 1 or is_class(made))
    return ApplicationView(
        name=graph.name,
        macro=graph.name.upper(),
        file_name=graph.source.file_name,
        sha256=graph.source.sha256[:12],
        inputs=inputs,
        outputs=outputs,
        fills=tuple(
            (name, tensor.quant is not None and tensor.dtype.is_quantised)
            for name, tensor in zip(inputs, given, strict=True)
        ),
        is_stateful=bool(graph.variables),
        has_classes=_are_scores(graph) or (are_named and not is_class(made)),
        is_class=is_class(made) and are_named,
        has_labels=are_named,
        score=_real(graph.name, outputs[0], made, "best"),
        value=_real(graph.name, outputs[0], made, "i"),
        elements=made.elements,
        shown=min(made.elements, SHOWN),
    )


def _are_scores(graph: Graph) -> bool:
    """Whether the elements of the first output are values from 0 to 1, one per class."""
    made = graph.tensors[graph.outputs[0]]
    is_row = bool(made.shape) and math.prod(made.shape[:-1]) == 1
    if not is_row or not 1 < made.elements <= MOST_CLASSES:
        return False
    return _hold_no_others(made) or _are_by_definition(graph)


def _are_by_definition(graph: Graph) -> bool:
    """Whether they come from an operator that gives such values, in whatever type."""
    producers = {index: op for op in graph.ops for index in op.outputs}
    op = producers.get(graph.outputs[0])
    while op is not None:
        scales = trait_of(op.kind, Scales)
        if scales is not None and scales.fixed == UNIT:
            return True
        moves = trait_of(op.kind, MovesOnly)
        is_same = trait_of(op.kind, Converts) or (moves is not None and moves.how == "view")
        op = producers.get(op.inputs[0]) if is_same else None
    return False


def _hold_no_others(tensor: Tensor) -> bool:
    """Whether its quantisation has values from 0 to 1 and no others."""
    if tensor.quant is None or not tensor.dtype.is_quantised or len(tensor.quant.scales) != 1:
        return False
    low, high = tensor.dtype.limits
    zero_point = tensor.quant.zero_point
    ends = (tensor.quant.scale * (low - zero_point), tensor.quant.scale * (high - zero_point))
    return ends[0] >= 0 and 0.9 < ends[1] <= 1.0


def _real(model: str, suffix: str, tensor: Tensor, index: str) -> str:
    element = f"{model}_{suffix}()[{index}]"
    if tensor.quant is not None and tensor.dtype.is_quantised:
        return f"{model}_dequantise_{suffix}({element})"
    return f"(float){element}"
