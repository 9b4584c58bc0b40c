"""The operators of a .tflite file: the one place where readers get ops, and writers their codes.

What an op's attrs are is the reader's affair: the compiler wants those of an operator that it
knows, the converter everything that the file holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from tinyml.ir.graph import Graph, Op, Source, Tensor
from tinyml.model.encode import Code
from tinyml.model.file import ModelFile
from tinyml.model.metadata import read_metadata
from tinyml.model.opcodes import CUSTOM, CUSTOM_PREFIX, kind_of
from tinyml.model.protocols import Model, Operator, OperatorCode, SubGraph
from tinyml.model.tensors import integers

Attrs: TypeAlias = Callable[[str, OperatorCode, Operator, str], object]
"""Attrs of an operator from its key, its code and its table in the file, and a label for errors."""


def read_graph(
    file: ModelFile, model: Model, subgraph: SubGraph, tensors: Sequence[Tensor], attrs: Attrs
) -> Graph:
    """The graph of a subgraph whose tensors are read already; nothing is checked."""
    tables = (subgraph.Operators(i) for i in range(subgraph.OperatorsLength()))
    return Graph(
        name=file.name,
        source=Source(file.file_name, file.sha256, len(file.data), read_metadata(file.data)),
        tensors=tuple(tensors),
        ops=tuple(_op(model, table, i, (tensors, attrs)) for i, table in enumerate(tables)),
        inputs=integers(subgraph.InputsAsNumpy()),
        outputs=integers(subgraph.OutputsAsNumpy()),
    )


def _op(model: Model, table: Operator, index: int, how: tuple[Sequence[Tensor], Attrs]) -> Op:
    tensors, attrs = how
    code = model.OperatorCodes(table.OpcodeIndex())
    kind, outputs = kind_of(code), integers(table.OutputsAsNumpy())
    known = [tensors[i].name for i in outputs if 0 <= i < len(tensors)]
    name = known[0].split(";")[0] if known else f"op_{index}"
    found = attrs(kind, code, table, f"op {index} ({kind} '{name}')")
    return Op(kind, name, integers(table.InputsAsNumpy()), outputs, found)


def code_of(kind: str, version: int = 1) -> Code:
    """How a file names an operator: by its number, or as one of its own by the name in its key."""
    import tflite

    if kind.startswith(CUSTOM_PREFIX):
        return Code(kind, version, CUSTOM, kind.removeprefix(CUSTOM_PREFIX))
    return Code(kind, version, int(getattr(tflite.BuiltinOperator, kind)))
