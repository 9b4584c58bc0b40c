"""Float .tflite files, as other converters write them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tinyml.base.errors import ModelError
from tinyml.convert import flatfile
from tinyml.convert.importers.values import Imported, ImportOptions, Source, shapes_for
from tinyml.ir.graph import Array, Graph
from tinyml.model.arithmetic import hybrid_ops, integer_ops, integer_weights, is_float
from tinyml.model.file import read_model
from tinyml.model.opened import open_file
from tinyml.model.tensors import integers

PACKAGES: tuple[str, ...] = ()


def import_model(source: Source, options: ImportOptions) -> Imported:
    """The file's own bytes.

    Raises ModelError when it is quantised, wholly or in part.
    """
    data = _sized(source.path, options)
    graph = flatfile.read(source.path.name, data)
    _refuse_quantised(graph, source.path)
    return Imported(data, "TensorFlow Lite")


def outputs_of(
    source: Source, options: ImportOptions, samples: Sequence[Sequence[Array]]
) -> list[tuple[Array, ...]]:
    """What LiteRT computes of the file as it is, for each sample."""
    from tinyml.convert.runners import float_runner

    runner = float_runner(_sized(source.path, options))
    types = [runner.graph.tensors[i].dtype.numpy for i in runner.graph.inputs]
    return [
        runner.outputs([v.astype(t) for v, t in zip(sample, types, strict=True)])
        for sample in samples
    ]


def _sized(path: Path, options: ImportOptions) -> bytes:
    """The file's bytes, with the sizes of free dimensions in all tensors that follow from them.

    Raises ModelError where a dimension stays open.
    """
    from tinyml.convert.runners import shapes_at

    data = read_model(path).data
    table = open_file(data).Subgraphs(0)
    free = {
        i: signature
        for i in integers(table.InputsAsNumpy())
        if min((signature := integers(table.Tensors(i).ShapeSignatureAsNumpy()))[1:], default=0) < 0
    }
    if not free:
        return data
    graph = flatfile.read(path.name, data)
    given = shapes_for(options, len(graph.inputs))
    wanted = {
        i: _filled(free.get(i, graph.tensors[i].shape), shape, graph.tensors[i].name)
        for i, shape in zip(graph.inputs, given, strict=True)
    }
    shapes = shapes_at(data, wanted)
    tensors = tuple(
        tensor if tensor.is_constant else replace(tensor, shape=shapes[i])
        for i, tensor in enumerate(graph.tensors)
    )
    return flatfile.write(replace(graph, tensors=tensors))


def _filled(declared: Sequence[int], given: Sequence[int], name: str) -> tuple[int, ...]:
    """The declared shape with a batch of one, its free dimensions as they are given."""
    known = [max(declared[0], 1), *declared[1:]]
    if len(given) == len(known):
        known = [g if k < 0 else k for k, g in zip(known, given, strict=True)]
    if min(known) < 0:
        shown = ", ".join("?" if size < 0 else str(size) for size in known)
        raise ModelError(
            f"input '{name}' has a free dimension: [{shown}]; firmware needs fixed shapes",
            hint="say it: --input-shape 1,…  or give calibration data of that shape.",
        )
    return tuple(known)


def is_quantised(path: Path) -> bool:
    """Whether a file is taken as it is: it is no float model, or cannot be read at all."""
    try:
        graph = flatfile.read(path.name, read_model(path).data)
    except ModelError:
        return True  # the reader of firmware models will say what is wrong with it
    return not is_float(graph)


def refuse_quantised(path: Path, options: Sequence[str]) -> None:
    """Raises ModelError for a quantised model with options that only a float one can follow.

    Also when it is damaged.
    """
    flatfile.read(path.name, read_model(path).data)
    raise ModelError(
        f"is quantised already: {', '.join(options)} would change nothing",
        hint="leave that out, or give the float model that it was made of; how accurate it is says "
        "'tinyml simulate' with --inputs test.npz, an array 'labels' in it.",
        where=str(path),
    )


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
