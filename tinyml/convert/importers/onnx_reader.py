"""An ONNX graph as a float .tflite, node by node.

Values keep ONNX's order of axes; where an operator of .tflite wants channels last, transpositions
are written around it, and ``tinyml.convert.layout`` removes them again. What can be computed from
constants is computed with onnx's own reference.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from tinyml.base.errors import ModelError
from tinyml.convert import flatfile
from tinyml.convert.importers import onnx_runs
from tinyml.convert.importers.onnx_loops import CONTROL_FLOW, is_unrolled
from tinyml.convert.importers.onnx_nodes import HANDLERS_OF, KEEPS_AXES, ON_IMAGES, RECURRENT
from tinyml.convert.importers.onnx_protos import (
    Graph,
    Model,
    Node,
    Unknown,
    Value,
    attributes,
    element_type,
)
from tinyml.convert.importers.onnx_qoperators import in_floats
from tinyml.convert.importers.onnx_values import Reader
from tinyml.convert.importers.values import Imported
from tinyml.ir.dtype import FLOAT32, INT32, DType
from tinyml.ir.graph import Source

_CONTROLS = ("If", "Loop", "Scan")
_WORDS = {"O": "texts", "U": "texts", "b": "decisions", "c": "complex numbers"}


class UnknownNodes(Exception):
    """Nodes, or uses of them, that this reader does not know; carries a sentence on each."""

    def __init__(self, found: Sequence[str]) -> None:
        super().__init__("; ".join(found))
        self.found = tuple(found)


def read_model(model: Model, shapes: Sequence[Sequence[int]] = ()) -> Imported:
    """The model as a float .tflite with channels last at inputs and outputs that are images.

    ``shapes`` fill in free dimensions of the inputs. Raises UnknownNodes, ModelError.
    """
    import onnx

    reader = Reader()
    reader.opsets = {item.domain: item.version for item in model.opset_import}
    reader.opset = reader.opsets.get("", 0)
    graph = model.graph
    _hold(reader, graph)
    entries = [item for item in graph.input if item.name not in reader.constants]
    inputs, moved = _inputs(reader, graph, entries, shapes)
    _read_nodes(reader, graph)
    outputs, back = [], []
    for item in graph.output:
        index = reader.value(item.name)
        order = _last(len(reader.new.shape(index)))
        is_image = any(moved) and order is not None and _ends_image(graph, item.name)
        outputs.append(reader.new.transpose(index, order) if is_image and order else index)
        back.append(order if is_image else None)
    sha = hashlib.sha256(graph.SerializeToString()).hexdigest()
    made = reader.new.graph("model", Source("model.onnx", sha, 0), inputs, outputs)
    producer = f"{model.producer_name or 'ONNX'} {model.producer_version}".strip()
    return Imported(
        flatfile.write(made),
        f"{producer}, onnx {onnx.__version__}",
        tuple(item.name for item in entries),
        tuple(item.name for item in graph.output),
        input_permutations=tuple(moved),
        output_permutations=tuple(back),
    )


def _read_nodes(reader: Reader, graph: Graph) -> None:
    unknown: list[str] = []
    read = {name for node in graph.node for name in node.input} | {o.name for o in graph.output}
    for whole, node in in_floats(graph):
        try:
            if _branched(reader, node) or is_unrolled(reader, node, _read_body):
                continue
            if _folded(reader, node):
                continue
            handler = HANDLERS_OF.get(node.domain, {}).get(node.op_type)
            if handler is None:
                is_control = node.op_type in _CONTROLS
                raise Unknown(CONTROL_FLOW if is_control else "no such operator here")
            results = handler(reader, node, attributes(node))
        except UnknownNodes as error:
            unknown += error.found
            continue
        except Unknown as error:
            unknown.append(f"{whole.op_type} '{whole.name or whole.output[0]}': {error}")
            continue
        except KeyError as error:  # a value that an unknown node should have made
            if unknown:
                continue
            raise ModelError(f"'{node.name}' reads {error}, which nothing gives") from error
        given = results if isinstance(results, tuple) else (results,)
        missing = [name for name in node.output[len(given) :] if name in read]
        if missing:
            unknown.append(f"{node.op_type} '{node.name}': its output '{missing[0]}'")
        reader.values.update(zip(node.output, given, strict=False))
    if unknown:
        raise UnknownNodes(unknown)


def _branched(reader: Reader, node: Node) -> bool:
    """Reads the branch that an If takes, where that is known; returns whether it is.

    PyTorch's legacy exporter writes one where a shape decides.
    """
    if node.op_type != "If" or node.input[0] not in reader.constants:
        return False
    is_true = bool(reader.constants[node.input[0]].ravel()[0])
    branch = attributes(node).graph("then_branch" if is_true else "else_branch")
    _read_body(reader, branch)
    for inner, outer in zip(branch.output, node.output, strict=True):
        if inner.name in reader.constants:
            reader.constants[outer] = reader.constants[inner.name]
        else:
            reader.values[outer] = reader.value(inner.name)
    return True


def _read_body(reader: Reader, graph: Graph) -> None:
    """Reads the nodes of a graph within another, whose values it sees."""
    _hold(reader, graph)
    _read_nodes(reader, graph)


def _hold(reader: Reader, graph: Graph) -> None:
    """Takes in the constants of a graph."""
    import onnx

    for item in graph.initializer:
        reader.constants[item.name] = onnx.numpy_helper.to_array(item)


def _folded(reader: Reader, node: Node) -> bool:
    """Computes a node of constants, or of a known shape; returns whether it did."""
    if node.op_type == "Shape" and node.input[0] not in reader.constants:
        held = attributes(node)
        end = held.integer("end") if "end" in held else None
        whole = np.array(reader.shape(node.input[0]), np.int64)
        reader.constants[node.output[0]] = whole[held.integer("start", 0) : end]
        return True
    if node.op_type == "Size" and node.input[0] not in reader.constants:
        count = np.prod(reader.shape(node.input[0]), dtype=np.int64)
        reader.constants[node.output[0]] = np.asarray(count)
        return True
    if any(name and name not in reader.constants for name in node.input):
        return False
    if node.op_type in _CONTROLS:
        raise Unknown(CONTROL_FLOW)
    given = {name: reader.constants[name] for name in node.input if name}
    try:
        results = onnx_runs.node_results(node, given, reader.opsets)
    except Exception as error:  # nodes that onnx's own reference does not know
        raise Unknown(f"cannot be computed: {error}") from error
    reader.constants.update(zip(node.output, map(np.asarray, results), strict=False))
    return True


def _inputs(
    reader: Reader, graph: Graph, entries: Sequence[Value], shapes: Sequence[Sequence[int]]
) -> tuple[list[int], list[tuple[int, ...] | None]]:
    """The inputs of the new graph, and the permutation of each from ONNX's order."""
    indices: list[int] = []
    moved: list[tuple[int, ...] | None] = []
    for number, item in enumerate(entries):
        batch = 1 if _feeds_steps(graph, item.name) else 0
        shape = _fixed(item, shapes[number] if number < len(shapes) else (), batch)
        dtype = _dtype(item)
        order = (1, 0, *range(2, len(shape))) if batch and shape[0] > 1 else _last(len(shape))
        if order is None or not (order[0] or _starts_image(graph, item.name)):
            order = None
            reader.values[item.name] = index = reader.new.tensor(item.name, shape, dtype)
        else:
            index = reader.new.tensor(item.name, [shape[axis] for axis in order], dtype)
            inverse = [order.index(axis) for axis in range(len(order))]
            reader.values[item.name] = reader.new.transpose(index, inverse)
        indices.append(index)
        moved.append(order)
    return indices, moved


def _fixed(item: Value, given: Sequence[int], batch: int) -> tuple[int, ...]:
    """The shape of an input with one sample along the axis ``batch``.

    Raises ModelError for what stays open.
    """
    if not item.type.tensor_type.HasField("shape"):
        raise ModelError(f"input '{item.name}' has no shape", hint="--input-shape 1,…")
    sizes = [d.dim_value if d.HasField("dim_value") else 0 for d in item.type.tensor_type.shape.dim]
    if len(given) == len(sizes):
        sizes = [size or other for size, other in zip(sizes, given, strict=True)]
    if len(sizes) > 1 and sizes[batch] > 1:
        raise ModelError(
            f"input '{item.name}' has the shape {sizes}, a batch of {sizes[batch]}; firmware runs "
            "one sample",
            hint="export it with a batch size of 1, or with a free one.",
        )
    sizes = [1 if axis == batch else size for axis, size in enumerate(sizes)]
    if 0 in sizes:
        shown = ", ".join(str(size) if size else "?" for size in sizes)
        raise ModelError(
            f"input '{item.name}' has a free dimension: [{shown}]; firmware needs fixed shapes",
            hint="say it: --input-shape 1,…",
        )
    return tuple(sizes)


def _dtype(item: Value) -> DType:
    kind = element_type(item)
    if kind.kind == "f":
        return FLOAT32
    if kind.kind in "iu":
        return INT32
    raise ModelError(
        f"input '{item.name}' holds {_WORDS.get(kind.kind, kind)}, which firmware cannot take",
        hint="leave out of the export what makes numbers of them, and convert the rest.",
    )


def _feeds_steps(graph: Graph, name: str) -> bool:
    """Whether a recurrent layer reads a value whose first axis are steps, or directions."""
    readers = [node for node in graph.node if name in node.input]
    return bool(readers) and all(node.op_type in RECURRENT for node in readers)


def _starts_image(graph: Graph, name: str) -> bool:
    """Whether a value reaches a layer on images before anything that moves its axes."""
    waiting, seen = [name], {name}
    while waiting:
        current = waiting.pop()
        for node in graph.node:
            if current not in node.input:
                continue
            if node.op_type in ON_IMAGES:
                return True
            if node.op_type in KEEPS_AXES:
                waiting += [out for out in node.output if out not in seen]
                seen |= set(node.output)
    return False


def _ends_image(graph: Graph, name: str) -> bool:
    """Whether a value comes from a layer on images with nothing between that moves its axes."""
    makers = {out: node for node in graph.node for out in node.output}
    while name in makers:
        node = makers[name]
        if node.op_type in ON_IMAGES:
            return True
        if node.op_type not in KEEPS_AXES:
            return False
        name = next((each for each in node.input if each in makers), "")
    return False


def _last(rank: int) -> tuple[int, ...] | None:
    return (0, *range(2, rank), 1) if rank in (3, 4) else None
