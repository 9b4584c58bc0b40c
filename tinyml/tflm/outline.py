"""ModelFile → Outline: a model as TFLM's interpreter sees it, with operators that only it knows.

Nothing is simplified, since the interpreter runs the file as it is: every tensor counts, in its own
place. The first graph is what runs; the others are outlines of their own, which ops of others call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tinyml import ops
from tinyml.base.errors import ModelError, Unsupported, UnsupportedOps
from tinyml.ir.graph import Graph
from tinyml.model.file import ModelFile
from tinyml.model.opened import open_file
from tinyml.model.operators import read_graph
from tinyml.model.options import attrs_of, read_options
from tinyml.model.protocols import Model, Operator, OperatorCode
from tinyml.model.reader import check_interface
from tinyml.model.references import check_references
from tinyml.model.tensors import INTERPRETED, read_tensor
from tinyml.ops.control import TABLES
from tinyml.tflm.calls import check_calls
from tinyml.tflm.graphs import Outline
from tinyml.tflm.operands import unmet
from tinyml.tflm.table import op_facts

_UNSUPPORTED = "The operator must be one of TFLM's."
_HINT = (
    "give the float model to 'tinyml convert', which makes layers in int8 that both runtimes know, "
    "or replace the layers named above."
)
_CONVERTED = "replace the layers named above in the model and convert it again."


def outline(file: ModelFile) -> Outline:
    """The outline of a model file.

    Raises UnsupportedOps with all operators that TFLM does not have or whose kernel does not take
    what the model gives it, ModelError for all else.
    """
    try:
        return _read(file)
    except ModelError as error:
        if error.where is None and not isinstance(error, UnsupportedOps):
            error.where = file.file_name
        raise


def _read(file: ModelFile) -> Outline:
    model = open_file(file.data)
    if not model.SubgraphsLength():
        raise ModelError("has no subgraph", hint="the file may be damaged; convert it again.")
    first, *others = (_subgraph(file, model, i) for i in range(model.SubgraphsLength()))
    check_interface(first.graph, model.Subgraphs(0))
    made = replace(first, others=tuple(others))
    for item in made.graphs:
        _check(item.graph, item.variables)
    _check_kernels(made)
    check_calls(made)
    return made


def _subgraph(file: ModelFile, model: Model, number: int) -> Outline:
    subgraph = model.Subgraphs(number)
    check_references(model, subgraph)
    tables = [subgraph.Tensors(i) for i in range(subgraph.TensorsLength())]
    tensors = tuple(read_tensor(model, table, i, INTERPRETED) for i, table in enumerate(tables))
    options: list[Mapping[str, float]] = []

    def attrs(kind: str, code: OperatorCode, table: Operator, label: str) -> object:
        held = read_options(table, label)
        options.append(
            {k: value for k, value in held.values if not isinstance(value, (tuple, str))}
        )
        return _attrs(kind, table, label)

    graph = read_graph(file, model, subgraph, tensors, attrs)
    variables = frozenset(i for i, tensor in enumerate(tensors) if tensor.is_variable)
    return Outline(graph, tuple(options), variables, file.data)


def _attrs(kind: str, table: Operator, label: str) -> object:
    """As the compiler reads them; None for options that only TFLM knows: its kernel will say."""
    spec = ops.all_ops().get(kind)
    fields = spec.table if spec is not None else TABLES.get(kind)
    try:
        return None if fields is None else attrs_of(table, fields, label)
    except ModelError:
        return None


def _check(graph: Graph, variables: frozenset[int]) -> None:
    """Indices in range, one producer each, in order; raises ModelError, UnsupportedOps."""
    known = {i for i, tensor in enumerate(graph.tensors) if tensor.is_constant} | variables
    known |= set(graph.inputs)
    for number, op in enumerate(graph.ops):
        label = f"op {number} ({op.kind})"
        for i in op.inputs:
            if i >= 0 and i not in known and graph.tensors[i].elements:
                raise ModelError(
                    f"{label} reads '{graph.tensors[i].name}' before any op has written it"
                )
        for i in op.outputs:
            known.add(i)
    for i in graph.outputs:
        if i not in known:
            raise ModelError(f"output '{graph.tensors[i].name}' is never written")


def _check_kernels(outline: Outline) -> None:
    """Each op has a kernel that takes it; raises UnsupportedOps with all that have none."""
    found: list[Unsupported] = []
    for graph_number, item in enumerate(outline.graphs):
        where = f" of graph {graph_number}" if graph_number else ""
        for number, op in enumerate(item.graph.ops):
            label, facts = f"{op.kind} '{op.name}' (op {number}{where})", op_facts().get(op.kind)
            if facts is None:
                found.append(Unsupported(label, _UNSUPPORTED, op.kind))
                continue
            found += [
                Unsupported(label, demand, what)
                for demand, what in unmet(op, item.graph, facts, item.options[number])
            ]
    if found:
        source = outline.graph.source
        is_converted = source.metadata.producer.startswith("tinyml ")
        raise UnsupportedOps(source.file_name, tuple(found), _CONVERTED if is_converted else _HINT)
