"""The last steps of every import: names, order, layout, and what firmware cannot have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tinyml.base.errors import ModelError
from tinyml.convert import flatfile
from tinyml.convert.importers.values import Imported, Source
from tinyml.convert.layout import keep_layouts
from tinyml.convert.narrow import without_int64
from tinyml.convert.values import FloatModel, ModelInput, Transpose
from tinyml.ir.dtype import BOOL, FLOAT32, INT8, INT32, INT64, UINT8
from tinyml.ir.graph import Graph, Tensor

_FOREIGN = "STABLEHLO_"
_DTYPES = (FLOAT32, INT32, INT64, INT8, UINT8, BOOL)  # of inputs


def finished(imported: Imported, source: Source, source_format: str) -> FloatModel:
    """The imported model with the source's names and order, and no transposition too many.

    Raises ModelError for control flow, free shapes, batches of more than one and StableHLO.
    """
    file_name = source.path.name
    graph = flatfile.read(file_name, imported.data)
    _refuse_foreign(graph)
    graph = _ordered(without_int64(graph), imported)
    graph = keep_layouts(_named(graph, imported))
    inputs = _described(graph, graph.inputs, imported.input_permutations)
    outputs = _described(graph, graph.outputs, imported.output_permutations)
    for item in inputs:
        _check_input(item, file_name)
    if not inputs:
        raise ModelError(
            "takes no input", hint="export it with the data as an input.", where=file_name
        )
    own = slice(None, -imported.states or None)
    return FloatModel(
        flatfile.write(graph),
        file_name,
        source_format,
        imported.producer,
        inputs[own],
        outputs[own],
        (*imported.notes, *_moved("input", inputs), *_moved("output", outputs)),
        _transposes(graph),
        imported.is_trained,
        imported.states,
    )


def _refuse_foreign(graph: Graph) -> None:
    """Raises ModelError for what a converter left in the words of its own middle."""
    found = [f"{op.kind} '{op.name}'" for op in graph.ops if op.kind.startswith(_FOREIGN)]
    if found:
        raise ModelError(
            f"has operators of StableHLO, which no firmware has: {', '.join(found)}",
            hint="export it to ONNX (torch.onnx.export) and convert that, or replace the layer.",
            where=graph.source.file_name,
        )


def _ordered(graph: Graph, imported: Imported) -> Graph:
    """Inputs and outputs in the source's order."""
    inputs = tuple(graph.inputs[i] for i in imported.input_places) or graph.inputs
    outputs = tuple(graph.outputs[i] for i in imported.output_places) or graph.outputs
    return replace(graph, inputs=inputs, outputs=outputs)


def _named(graph: Graph, imported: Imported) -> Graph:
    """The names that the source has for inputs and outputs, or the old ones without decoration."""
    tensors = _shortened(graph)
    interface = {*graph.inputs, *graph.outputs}
    for indices, names in (
        (graph.inputs, imported.input_names),
        (graph.outputs, imported.output_names),
    ):
        for number, index in enumerate(indices):
            own = _plain(tensors[index].name)
            wanted = names[number] if len(names) == len(indices) else own
            while any(tensors[i].name == wanted for i in interface if i != index):
                wanted += "_"
            for other, tensor in enumerate(tensors):
                if tensor.name == wanted and other != index:  # gives way, inside of the model
                    tensors[other] = replace(tensor, name=f"{wanted}/inner")
            tensors[index] = replace(tensors[index], name=wanted)
    return replace(graph, tensors=tuple(tensors))


def _shortened(graph: Graph) -> list[Tensor]:
    """The tensors with names of one part: converters join those of all ops that they fused."""
    taken: set[str] = set()
    tensors = list(graph.tensors)
    # Values first: a constant that shares a part with one gets the number behind its name.
    for index in sorted(range(len(tensors)), key=lambda i: tensors[i].is_constant):
        tensor = tensors[index]
        stem = name = _without_path(tensor.name.split(";")[0])
        count = 1
        while name in taken:
            count += 1
            name = f"{stem}_{count}"
        taken.add(name)
        tensors[index] = replace(tensor, name=name)
    return tensors


def _without_path(name: str) -> str:
    """A name by litert-torch, without the classes of all modules around the layer."""
    is_path = name.startswith("litert_torch.") and "/" in name
    return name.rsplit("/", 1)[1].rsplit(".", 1)[-1] if is_path else name


def _plain(name: str) -> str:
    name = name.removeprefix("serving_default_").split(":")[0].split(";")[0]
    return name.removesuffix("_output")


def _described(
    graph: Graph, indices: Sequence[int], permutations: Sequence[tuple[int, ...] | None]
) -> tuple[ModelInput, ...]:
    orders = tuple(permutations) or (None,) * len(indices)
    return tuple(
        ModelInput(graph.tensors[i].name, graph.tensors[i].shape, graph.tensors[i].dtype, order)
        for i, order in zip(indices, orders, strict=True)
    )


def _check_input(item: ModelInput, file_name: str) -> None:
    if item.dtype not in _DTYPES:
        raise ModelError(f"input '{item.name}' is of type {item.dtype}", where=file_name)
    if item.shape and item.shape[0] != 1:
        raise ModelError(
            f"input '{item.name}' has the shape {list(item.shape)}, a batch of {item.shape[0]}; "
            "firmware runs one sample",
            hint="build or export the model with a batch size of 1, or with a free one.",
            where=file_name,
        )


def _moved(what: str, items: Sequence[ModelInput]) -> tuple[str, ...]:
    return tuple(
        f"{what} '{item.name}' has channels last: {list(item.shape)}; "
        f"the source has {list(item.source_shape)}"
        for item in items
        if item.permutation is not None
    )


def _transposes(graph: Graph) -> tuple[Transpose, ...]:
    found = [graph.tensors[op.outputs[0]] for op in graph.ops if op.kind == "TRANSPOSE"]
    return tuple(Transpose(tensor.name, tensor.shape, tensor.elements) for tensor in found)
