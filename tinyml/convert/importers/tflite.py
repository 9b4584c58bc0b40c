"""Float .tflite files, as other converters write them."""

from __future__ import annotations

from pathlib import Path

from tinyml.convert import flatfile
from tinyml.convert.importers.values import Imported, ImportOptions, Source
from tinyml.errors import ModelError
from tinyml.ir.graph import Graph
from tinyml.model.file import read_model

PACKAGES: tuple[str, ...] = ()
_INTEGERS = ("int8", "uint8", "int16")


def import_model(source: Source, options: ImportOptions) -> Imported:
    """The file's own bytes.

    Raises ModelError when it is quantised, wholly or in part.
    """
    data = read_model(source.path).data
    graph = flatfile.read(source.path.name, data)
    _refuse_quantised(graph, source.path)
    return Imported(data, "TensorFlow Lite")


def is_quantised(path: Path) -> bool:
    """Whether the values between the layers are integers."""
    try:
        graph = flatfile.read(path.name, read_model(path).data)
    except ModelError:
        return True  # the reader of firmware models will say what is wrong with it
    return bool(_integer_values(graph)) or bool(_hybrid(graph))


def _integer_values(graph: Graph) -> list[str]:
    """Activations that are quantised, but for fake quantisation: QUANTIZE behind DEQUANTIZE."""
    made = {i: op for op in graph.ops for i in op.outputs}
    read = [
        op for op in graph.ops if op.kind not in ("QUANTIZE", "DEQUANTIZE") and len(op.inputs) > 0
    ]
    return [
        graph.tensors[i].name
        for op in read
        for i in op.inputs[:1]
        if i >= 0 and graph.tensors[i].dtype in _INTEGERS and (i in made or i in graph.inputs)
    ]


def _hybrid(graph: Graph) -> list[str]:
    """Constant integer weights that a float layer reads."""
    return [
        graph.tensors[op.inputs[1]].name
        for op in graph.ops
        if len(op.inputs) > 1
        and graph.tensors[op.outputs[0]].dtype == "float32"
        and op.kind not in ("DEQUANTIZE", "GATHER")
        and graph.tensors[op.inputs[1]].is_constant
        and graph.tensors[op.inputs[1]].dtype in _INTEGERS
    ]


def _refuse_quantised(graph: Graph, path: Path) -> None:
    hybrid = _hybrid(graph)
    if hybrid:
        listed = ", ".join(f"'{name}'" for name in hybrid[:5])
        more = f" and {len(hybrid) - 5} more" if len(hybrid) > 5 else ""
        raise ModelError(
            f"is quantised in part (dynamic range): integer weights {listed}{more} "
            "with float values; what rounding lost cannot be undone",
            hint="convert the float model from which it was made.",
            where=str(path),
        )
    integers = _integer_values(graph)
    if integers:
        raise ModelError(
            f"is quantised already: {len(integers)} layers compute in integers",
            hint="'tinyml check' and 'tinyml build' take it as it is; to quantise it in another "
            "way, convert the float model from which it was made.",
            where=str(path),
        )
