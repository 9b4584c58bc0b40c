"""What the application of a project shows of the model's first output, as C text."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tinyml.codegen.interface import io_names
from tinyml.ir.graph import Graph, Tensor

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
    has_labels = len(graph.source.metadata.labels) == made.elements > 1
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
        has_classes=has_labels or _are_shares(made),
        has_labels=has_labels,
        score=_real(graph.name, outputs[0], made, "best"),
        value=_real(graph.name, outputs[0], made, "i"),
        elements=made.elements,
        shown=min(made.elements, SHOWN),
    )


def _are_shares(tensor: Tensor) -> bool:
    """Whether its elements are values from 0 to 1, one per class."""
    if tensor.quant is None or not tensor.dtype.is_quantised or len(tensor.quant.scales) != 1:
        return False
    low, high = tensor.dtype.limits
    zero_point = tensor.quant.zero_point
    ends = (tensor.quant.scale * (low - zero_point), tensor.quant.scale * (high - zero_point))
    is_row = bool(tensor.shape) and math.prod(tensor.shape[:-1]) == 1
    return is_row and 1 < tensor.elements <= MOST_CLASSES and ends[0] >= 0 and 0.9 < ends[1] <= 1.0


def _real(model: str, suffix: str, tensor: Tensor, index: str) -> str:
    element = f"{model}_{suffix}()[{index}]"
    if tensor.quant is not None and tensor.dtype.is_quantised:
        return f"{model}_dequantise_{suffix}({element})"
    return f"(float){element}"
