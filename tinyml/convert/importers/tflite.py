"""Float .tflite files, as other converters write them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tinyml.base.errors import ModelError
from tinyml.convert import flatfile
from tinyml.convert.importers.values import Imported, ImportOptions, Source
from tinyml.ir.graph import Array, Graph
from tinyml.model.arithmetic import hybrid_ops, integer_ops, integer_weights, is_float
from tinyml.model.file import read_model

PACKAGES: tuple[str, ...] = ()


def import_model(source: Source, options: ImportOptions) -> Imported:
    """The file's own bytes.

    Raises ModelError when it is quantised, wholly or in part.
    """
    data = read_model(source.path).data
    graph = flatfile.read(source.path.name, data)
    _refuse_quantised(graph, source.path)
    return Imported(data, "TensorFlow Lite")


def outputs_of(
    source: Source, options: ImportOptions, samples: Sequence[Sequence[Array]]
) -> list[tuple[Array, ...]]:
    """What LiteRT computes of the file as it is, for each sample."""
    from tinyml.convert.runners import float_runner

    runner = float_runner(read_model(source.path).data)
    types = [runner.graph.tensors[i].dtype.numpy for i in runner.graph.inputs]
    return [
        runner.outputs([v.astype(t) for v, t in zip(sample, types, strict=True)])
        for sample in samples
    ]


def is_quantised(path: Path) -> bool:
    """Whether a file is taken as it is: it is no float model, or cannot be read at all."""
    try:
        graph = flatfile.read(path.name, read_model(path).data)
    except ModelError:
        return True  # the reader of firmware models will say what is wrong with it
    return not is_float(graph)


def _refuse_quantised(graph: Graph, path: Path) -> None:
    hybrid = [name for op in hybrid_ops(graph) for name in integer_weights(graph, op)]
    if hybrid:
        listed = ", ".join(f"'{name}'" for name in hybrid[:5])
        more = f" and {len(hybrid) - 5} more" if len(hybrid) > 5 else ""
        raise ModelError(
            f"is quantised in part (dynamic range): integer weights {listed}{more} "
            "with float values; what rounding lost cannot be undone",
            hint="convert the float model from which it was made.",
            where=str(path),
        )
    if not is_float(graph):
        raise ModelError(
            f"is quantised already: {len(integer_ops(graph))} layers compute in integers",
            hint="'tinyml check' and 'tinyml build' take it as it is; to quantise it in another "
            "way, convert the float model from which it was made.",
            where=str(path),
        )
