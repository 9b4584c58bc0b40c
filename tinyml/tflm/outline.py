"""ModelFile → Outline: a model as TFLM's interpreter sees it, with operators that only it knows.

Nothing is simplified, since the interpreter runs the file as it is: every tensor counts, in its own
place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tinyml import ops
from tinyml.base.errors import ModelError, Unsupported, UnsupportedOps
from tinyml.ir.dtype import RESOURCE
from tinyml.ir.graph import Graph, Tensor
from tinyml.model.file import ModelFile
from tinyml.model.opened import open_model
from tinyml.model.operators import read_graph
from tinyml.model.options import attrs_of, read_options
from tinyml.model.protocols import Operator, OperatorCode
from tinyml.model.reader import check_interface
from tinyml.model.tensors import INTERPRETED, read_tensor
from tinyml.tflm.operands import unmet
from tinyml.tflm.table import OpFacts, op_facts

_UNSUPPORTED = "The operator must be one of TFLM's."
_HINT = (
    "give the float model to 'tinyml convert', which makes layers in int8 that both runtimes know, "
    "or replace the layers named above."
)
_CONVERTED = "replace the layers named above in the model and convert it again."


@dataclass(frozen=True, slots=True)
class Outline:
    """A model file with what only an interpreter asks for."""

    graph: Graph  # tensors and ops as in the file
    options: tuple[Mapping[str, float], ...]  # of each op, named as in the schema: {"StrideW": 2}
    variables: frozenset[int]  # tensors that keep their value between inferences
    data: bytes  # of the file

    def facts(self, number: int) -> OpFacts:
        """What is known of TFLM's kernel for an op."""
        return op_facts()[self.graph.ops[number].kind]


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
    model, subgraph = open_model(file.data)
    tables = [subgraph.Tensors(i) for i in range(subgraph.TensorsLength())]
    tensors = tuple(read_tensor(model, table, i, INTERPRETED) for i, table in enumerate(tables))
    _refuse_handles(tensors)
    options: list[Mapping[str, float]] = []

    def attrs(kind: str, code: OperatorCode, table: Operator, label: str) -> object:
        held = read_options(table, label)
        options.append(
            {k: value for k, value in held.values if not isinstance(value, (tuple, str))}
        )
        return _attrs(kind, table, label)

    graph = read_graph(file, model, subgraph, tensors, attrs)
    check_interface(graph, subgraph)
    variables = frozenset(i for i, tensor in enumerate(tensors) if tensor.is_variable)
    _check(graph, variables)
    _check_kernels(graph, tuple(options))
    return Outline(graph, tuple(options), variables, file.data)


def _refuse_handles(tensors: Sequence[Tensor]) -> None:
    """Raises ModelError for a model with resource variables, whose memory is not computed."""
    for tensor in tensors:
        if tensor.dtype == RESOURCE:
            raise ModelError(
                f"'{tensor.name}' stands for a variable; none can be with --runtime tflm",
                hint="leave out --runtime tflm: variables are compiled ahead of time.",
            )


def _attrs(kind: str, table: Operator, label: str) -> object:
    """As the compiler reads them; None for options that only TFLM knows: its kernel will say."""
    spec = ops.all_ops().get(kind)
    try:
        return None if spec is None else attrs_of(table, spec.table, label)
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
        if not op.outputs:
            raise ModelError(f"{label} has no output", hint="such operators are not supported")
    for i in graph.outputs:
        if i not in known:
            raise ModelError(f"output '{graph.tensors[i].name}' is never written")


def _check_kernels(graph: Graph, options: tuple[Mapping[str, float], ...]) -> None:
    """Each op has a kernel that takes it; raises UnsupportedOps with all that have none."""
    found: list[Unsupported] = []
    for number, op in enumerate(graph.ops):
        label, facts = f"{op.kind} '{op.name}' (op {number})", op_facts().get(op.kind)
        if facts is None:
            found.append(Unsupported(label, _UNSUPPORTED, op.kind))
            continue
        found += [
            Unsupported(label, demand, what)
            for demand, what in unmet(op, graph, facts, options[number])
        ]
    if found:
        is_converted = graph.source.metadata.producer.startswith("tinyml ")
        hint = _CONVERTED if is_converted else _HINT
        raise UnsupportedOps(graph.source.file_name, tuple(found), hint)
