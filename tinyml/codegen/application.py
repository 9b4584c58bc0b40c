"""The model as the application of a project uses it, and what it shows of outputs, as C text."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from tinyml.codegen.about import has_labels, is_class
from tinyml.codegen.interface import io_functions, io_names
from tinyml.ir.graph import Graph, Tensor
from tinyml.ir.parts import models_of
from tinyml.ops import trait_of
from tinyml.ops.traits import UNIT, Converts, MovesOnly, Scales

SHOWN = 10  # elements of an output that names no class
MOST_CLASSES = 4096


@dataclass(frozen=True, slots=True)
class ResultView:
    """What is printed of one model's first output."""

    name: str  # C prefix of the model
    output: str  # C function
    argmax: str  # C function
    has_classes: bool  # the greatest element of the first output is the answer
    is_class: bool  # or the output itself is
    has_labels: bool
    score: str  # C expression of the real value of element ``best``
    value: str  # of element ``i``
    elements: int  # of the first output
    shown: int


@dataclass(frozen=True, slots=True)
class FillView:
    """An input that the application writes."""

    name: str  # C function
    macro: str  # the same in upper case
    quantise: str  # C function; "": it does not take real values


@dataclass(frozen=True, slots=True)
class UseView:
    """One model of a program, for pages that show how it is used."""

    name: str
    inputs: tuple[str, ...]  # C functions
    outputs: tuple[str, ...]
    is_stateful: bool


@dataclass(frozen=True, slots=True)
class ApplicationView:
    """The model, or several, as the template of an application sees it."""

    name: str  # C prefix
    file_name: str
    sha256: str  # its first 12 digits
    parts: tuple[UseView, ...]
    fills: tuple[FillView, ...]


def application_view(graph: Graph) -> ApplicationView:
    """A graph for the templates."""
    models = models_of(graph)
    return ApplicationView(
        name=graph.name,
        file_name=" and ".join(graph.file_names),
        sha256=graph.source.sha256[:12],
        parts=tuple(
            UseView(
                model.name,
                io_functions("input", model),
                io_functions("output", model),
                bool(model.variables),
            )
            for model in models
        ),
        fills=tuple(fill for model in models for fill in _fills(model)),
    )


def _fills(graph: Graph) -> Iterator[FillView]:
    for suffix, index in zip(io_names("input", graph, graph.inputs), graph.inputs, strict=True):
        tensor, name = graph.tensors[index], f"{graph.name}_{suffix}"
        takes_reals = tensor.quant is not None and tensor.dtype.is_quantised
        quantise = f"{graph.name}_quantise_{suffix}" if takes_reals else ""
        yield FillView(name, name.upper(), quantise)


def result_view(graph: Graph) -> ResultView:
    """What is printed of one model."""
    made = graph.tensors[graph.outputs[0]]
    output = io_names("output", graph, graph.outputs)[0]
    are_named = has_labels(graph) and (made.elements > 1 or is_class(made))
    return ResultView(
        name=graph.name,
        output=f"{graph.name}_{output}",
        argmax=f"{graph.name}_argmax_{output}",
        has_classes=_are_scores(graph) or (are_named and not is_class(made)),
        is_class=is_class(made) and are_named,
        has_labels=are_named,
        score=_real(graph.name, output, made, "best"),
        value=_real(graph.name, output, made, "i"),
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
