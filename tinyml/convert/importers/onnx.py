"""ONNX files: read by tinyml itself, else by onnx2tf in an environment of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tinyml.base.errors import ModelError, ToolError
from tinyml.convert import environment, flatfile
from tinyml.convert.importers import onnx_runs
from tinyml.convert.importers.onnx_loops import CONTROL_FLOW
from tinyml.convert.importers.onnx_protos import Model, Value, element_type
from tinyml.convert.importers.onnx_reader import UnknownNodes, read_model
from tinyml.convert.importers.values import Imported, ImportOptions, Source, plain, shapes_for
from tinyml.ir.graph import Array, Graph

PACKAGES = ("onnx",)
OTHER_ROAD = (
    "onnx2tf knows more operators; it pins old versions of TensorFlow and numpy, so give it an "
    "environment of its own: python -m venv onnx2tf && onnx2tf/bin/pip install onnx2tf==1.29.0 "
    "tensorflow==2.19.0 tf_keras==2.19.0 numpy==1.26.4; then --onnx2tf-python onnx2tf/bin/python"
)

_WITHOUT_LOOPS = (
    "export it without loops and branches; a recurrent layer of Keras or PyTorch comes without "
    "them when the model itself is converted: model.keras, or net.pt2."
)


def import_model(source: Source, options: ImportOptions) -> Imported:
    """The model as a float .tflite.

    Raises ModelError for what is no ONNX model, ToolError without the package onnx and for
    operators that need onnx2tf when no environment with it is given.
    """
    model = _loaded(source.path)
    try:
        return read_model(model, shapes_for(options, len(_entries(model))))
    except UnknownNodes as unknown:
        if options.onnx2tf_python is None:
            raise ToolError(
                f"{len(unknown.found)} thing(s) that tinyml's own reader of ONNX does not know:\n  "
                + "\n  ".join(unknown.found),
                hint=_WITHOUT_LOOPS if CONTROL_FLOW in str(unknown) else OTHER_ROAD,
                where=str(source.path),
            ) from unknown
        return _through_onnx2tf(model, source, options, unknown.found)


def outputs_of(
    source: Source, options: ImportOptions, samples: Sequence[Sequence[Array]]
) -> list[tuple[Array, ...]]:
    """What onnxruntime, or else onnx's own reference, computes for each sample."""
    model = _loaded(source.path)
    return [tuple(onnx_runs.outputs(model, _fed(model, sample)).values()) for sample in samples]


def layers_of(source: Source, sample: Sequence[Array]) -> dict[str, Array]:
    """The result of every node, by its name in the model."""
    model = _loaded(source.path)
    return onnx_runs.layers(model, _fed(model, sample))


def _fed(model: Model, sample: Sequence[Array]) -> dict[str, Array]:
    """A sample as the model takes it."""
    return {
        item.name: value.astype(element_type(item))
        for item, value in zip(_entries(model), sample, strict=True)
    }


def _entries(model: Model) -> list[Value]:
    """What an application feeds: inputs that no constant has the name of."""
    constants = {item.name for item in model.graph.initializer}
    return [item for item in model.graph.input if item.name not in constants]


def _loaded(path: Path) -> Model:
    import onnx

    try:
        model: Model = onnx.load(path)
    except Exception as error:  # protobuf, missing external data
        raise ModelError(
            f"is no ONNX model, or a damaged one: {plain(str(error))[:300]}",
            hint="write it with torch.onnx.export or another exporter; weights in a file of their "
            "own must lie beside it.",
            where=str(path),
        ) from error
    try:
        # The checker asks for a shape of each output; what runs models needs none.
        checked = onnx.ModelProto()
        checked.CopyFrom(model)
        for item in checked.graph.output:
            item.type.tensor_type.shape.SetInParent()
        onnx.checker.check_model(checked)
        return model
    except Exception as error:  # the checker has several types
        raise ModelError(
            f"is not valid by the rules of ONNX: {plain(str(error))[:300]}",
            hint="export it again; onnx.checker.check_model says the same of it.",
            where=str(path),
        ) from error


def _through_onnx2tf(
    model: Model, source: Source, options: ImportOptions, found: tuple[str, ...]
) -> Imported:
    other = replace(options, python=options.onnx2tf_python)
    with environment.child_of("onnx2tf") as child:
        imported = child.import_model(source, other)
    kinds = sorted({text.split(" ")[0] for text in found})
    note = f"converted by onnx2tf, because of {', '.join(kinds)}"
    orders = _orders(model, flatfile.read(source.path.name, imported.data))
    return replace(imported, notes=(note, *imported.notes), input_permutations=orders)


def _orders(model: Model, graph: Graph) -> tuple[tuple[int, ...] | None, ...]:
    """How onnx2tf ordered the axes of each input: channels last where the sizes say so."""
    given = {item.name: item.type.tensor_type.shape.dim for item in model.graph.input}
    orders: list[tuple[int, ...] | None] = []
    for index in graph.inputs:
        tensor = graph.tensors[index]
        name = tensor.name.removeprefix("serving_default_").split(":")[0]
        sizes = [size.dim_value or 1 for size in given.get(name, ())]
        order = (0, *range(2, len(sizes)), 1)
        is_moved = len(sizes) > 2 and tensor.shape == tuple(sizes[axis] for axis in order)
        orders.append(order if is_moved else None)
    return tuple(orders)
