"""ModelFile → Module → Graph, for any bytes: a clean graph or one ModelError.

The file is opened by ``tinyml.model.opened``; values are checked one by one as they enter the
graph. What the operators demand is asked in ``tinyml.model.support``.
"""

from __future__ import annotations

from dataclasses import replace

from tinyml import ops
from tinyml.base.errors import ModelError, UnsupportedOps
from tinyml.ir.dtype import INT8
from tinyml.ir.graph import Graph, Op, Tensor, check
from tinyml.ir.module import Module
from tinyml.ir.parts import parts_of_ops
from tinyml.model.file import ModelFile
from tinyml.model.inline import inlined
from tinyml.model.metadata import read_parts
from tinyml.model.opened import open_file
from tinyml.model.operators import read_graph
from tinyml.model.options import attrs_of
from tinyml.model.protocols import Model, Operator, OperatorCode, SubGraph, TensorTable
from tinyml.model.references import check_references
from tinyml.model.scales import with_positive_scales
from tinyml.model.shapes import know_shapes
from tinyml.model.support import check_shapes, check_supported
from tinyml.model.tensors import integers, read_tensor, text
from tinyml.model.unpacked import with_float_weights
from tinyml.model.unsigned import with_signed_values
from tinyml.model.variables import resolve
from tinyml.ops.circular_buffer import CIRCULAR_BUFFER, read_buffer, with_variables
from tinyml.ops.control import TABLES
from tinyml.ops.traits import Runs


def load(file: ModelFile) -> Graph:
    """The graph of a model file, checked: well formed, supported, shapes as its operators say.

    Raises UnsupportedOps with everything that is not supported, ModelError for all else.
    """
    try:
        module = _module(file, open_file(file.data))
        check(module.main)
        graph = _understood(_with_parts(_one_graph(module), file.data))
        _refuse_nothing_to_do(graph)
        check_supported(graph)
        check_shapes(graph)
    except ModelError as error:
        if error.where is None and not isinstance(error, UnsupportedOps):
            error.where = file.file_name
        raise
    return graph


def _understood(graph: Graph) -> Graph:
    """A graph, and those that its ops run, in the forms that the compiler knows."""
    graph = know_shapes(with_positive_scales(check(with_float_weights(graph))))
    graph = check(with_signed_values(graph))

    def inner(op: Op) -> Op:
        trait = ops.trait_of(op.kind, Runs)
        if trait is None:
            return op
        graphs = tuple(map(_understood, trait.graphs(op)))
        for called in graphs:
            check_supported(called)
            check_shapes(called)
        return trait.having(op, graphs)

    return replace(graph, ops=tuple(map(inner, graph.ops)))


def _with_parts(graph: Graph, data: bytes) -> Graph:
    """The graph that knows which models it holds, if the file says so and it is true."""
    try:
        made = check(replace(graph, parts=read_parts(data)))
        parts_of_ops(made)
    except ModelError:
        return graph
    return made


def _one_graph(module: Module) -> Graph:
    """The main graph with the graphs that it calls and its variables in it."""
    return resolve(replace(module, graphs=(inlined(module), *module.graphs[1:])))


def read_module(file: ModelFile) -> Module:
    """All graphs of a model file, each well formed; whether they can be compiled is not asked.

    Raises ModelError.
    """
    try:
        module = _module(file, open_file(file.data))
        for graph in module.graphs:
            check(graph)
    except ModelError as error:
        if error.where is None:
            error.where = file.file_name
        raise
    return module


def _module(file: ModelFile, model: Model) -> Module:
    if not model.SubgraphsLength():
        raise ModelError("has no subgraph", hint="the file may be damaged; convert it again.")
    subgraphs = [model.Subgraphs(i) for i in range(model.SubgraphsLength())]
    first, *others = (_read(file, model, subgraph) for subgraph in subgraphs)
    check_interface(first, subgraphs[0])
    # The application's names are those of the first one; the others are only called from inside.
    called = (replace(graph, name=f"{file.name}_{i}") for i, graph in enumerate(others, 1))
    return Module((first, *called))


def _read(file: ModelFile, model: Model, subgraph: SubGraph) -> Graph:
    check_references(model, subgraph)
    inner = _intermediates(subgraph)
    tensors = tuple(
        _unused(subgraph.Tensors(i), i)
        if i in inner
        else read_tensor(model, subgraph.Tensors(i), i)
        for i in range(subgraph.TensorsLength())
    )
    return with_variables(read_graph(file, model, subgraph, tensors, _attrs))


def _intermediates(subgraph: SubGraph) -> set[int]:
    """Tensors that only hold the quantisation of an operator's inner values; without a shape."""
    inner: set[int] = set()
    used = {*integers(subgraph.InputsAsNumpy()), *integers(subgraph.OutputsAsNumpy())}
    for table in (subgraph.Operators(i) for i in range(subgraph.OperatorsLength())):
        inner.update(integers(table.IntermediatesAsNumpy()))
        used.update(integers(table.InputsAsNumpy()), integers(table.OutputsAsNumpy()))
    return inner - used


def _unused(table: TensorTable, index: int) -> Tensor:
    """A tensor that nothing reads: its number must be kept, nothing else."""
    return Tensor(text(table.Name(), f"tensor_{index}"), INT8, ())


def check_interface(graph: Graph, subgraph: SubGraph) -> None:
    """Returns when inputs and outputs are tensors of fixed shape that are computed at run time."""
    if not graph.ops:
        raise ModelError("has no operators")
    for word, indices in (("inputs", graph.inputs), ("outputs", graph.outputs)):
        if not indices:
            raise ModelError(f"has no {word}")
        for i in indices:
            if graph.tensors[i].is_constant:
                raise ModelError(f"lists the constant '{graph.tensors[i].name}' among its {word}")
    for i in graph.inputs:
        signature = integers(subgraph.Tensors(i).ShapeSignatureAsNumpy())
        shape = graph.tensors[i].shape
        # A free batch size is what converters write by default; it is 1 in the shape itself.
        free = [d for d, size in enumerate(signature) if size < 0 and d > 0]
        if free and len(signature) == len(shape):
            raise ModelError(
                f"input '{graph.tensors[i].name}' has no fixed size in dimension {free[0]}: "
                f"{list(signature)}",
                hint="give the input a fixed shape when converting the model.",
            )


def _refuse_nothing_to_do(graph: Graph) -> None:
    written = {i for op in graph.ops for i in op.outputs}
    if written.isdisjoint(graph.outputs):
        name = graph.tensors[graph.outputs[0]].name
        raise ModelError(
            f"computes nothing: no op writes its output '{name}'",
            hint="the file may be damaged; convert it again.",
        )


def _attrs(kind: str, code: OperatorCode, table: Operator, label: str) -> object:
    if kind == CIRCULAR_BUFFER:
        held = table.CustomOptionsAsNumpy()
        return read_buffer(b"" if isinstance(held, int) else held.tobytes(), label)
    spec = ops.all_ops().get(kind)
    fields = spec.table if spec is not None else TABLES.get(kind)
    return None if fields is None else attrs_of(table, fields, label)
