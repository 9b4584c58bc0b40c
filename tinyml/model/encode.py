"""A graph as the bytes of a .tflite file: what the writers of any operators have in common.

The same graph gives the same bytes. Equal constants share a buffer (the steps of an unrolled layer
use the same weights); buffer 0 is empty by convention.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tinyml.ir.graph import Graph, Op, Tensor
from tinyml.model.protocols import Builder
from tinyml.model.schema import IDENTIFIER, VERSION
from tinyml.model.tables import (
    buffer_table,
    little_endian,
    metadata_entry,
    numbers,
    operator_code,
    quantization_table,
    table_vector,
)


@dataclass(frozen=True, slots=True, order=True)
class Code:
    """An operator as the file's table of them names it; they are sorted by kind."""

    kind: str
    version: int
    opcode: int
    custom: str = ""  # the name of an operator that is not built in


@dataclass(frozen=True, slots=True)
class Options:
    """What an operator has besides operands."""

    type_number: int = 0  # of the table, 0 for none
    table: int = 0  # already written
    custom: bytes = b""
    intermediates: tuple[int, ...] = ()  # tensors


@dataclass(frozen=True, slots=True)
class Writing:
    """What a writer says of a graph."""

    graph: Graph
    codes: Sequence[Code]  # of each op
    options: Callable[[Builder, Op], Options]  # writes their table
    name: str  # of the subgraph
    description: str
    variables: Collection[int]  # tensors that are state
    metadata: Mapping[str, bytes] = field(default_factory=dict)  # named buffers
    others: tuple[Writing, ...] = ()  # further subgraphs; of these, the graph's part is written

    @property
    def subgraphs(self) -> tuple[Writing, ...]:
        """This one and the others."""
        return (self, *self.others)

    def table_of_codes(self) -> list[Code]:
        """Each code once."""
        return sorted({code for item in self.subgraphs for code in item.codes})


def encode(writing: Writing) -> bytes:
    """The .tflite file."""
    import flatbuffers
    import tflite

    tensors = [tensor for item in writing.subgraphs for tensor in item.graph.tensors]
    held = sum(tensor.nbytes for tensor in tensors if tensor.data is not None)
    builder = flatbuffers.Builder(4096 + 2 * held)
    chunks, buffers, entries = _contents(writing)
    written = table_vector(builder, [buffer_table(builder, chunk) for chunk in chunks])
    known = writing.table_of_codes()
    subgraphs = table_vector(
        builder,
        [
            _subgraph(builder, item, held, known)
            for item, held in zip(writing.subgraphs, buffers, strict=True)
        ],
    )
    codes = [operator_code(builder, code.opcode, code.version, code.custom) for code in known]
    operator_codes = table_vector(builder, codes)
    named = [metadata_entry(builder, *entry) for entry in entries]
    described = table_vector(builder, named) if named else 0
    description = builder.CreateString(writing.description)
    tflite.ModelStart(builder)
    tflite.ModelAddVersion(builder, VERSION)
    tflite.ModelAddOperatorCodes(builder, operator_codes)
    tflite.ModelAddSubgraphs(builder, subgraphs)
    tflite.ModelAddDescription(builder, description)
    tflite.ModelAddBuffers(builder, written)
    if named:
        tflite.ModelAddMetadata(builder, described)
    builder.Finish(tflite.ModelEnd(builder), file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def _contents(
    writing: Writing,
) -> tuple[Sequence[bytes], list[dict[int, int]], list[tuple[str, int]]]:
    """All buffers, each content once; the number of each constant's, per subgraph; of each name's.

    The first is empty, for what has no data.
    """
    chunks: dict[bytes, int] = {b"": 0}
    buffers = [
        {
            i: chunks.setdefault(little_endian(tensor.data), len(chunks))
            for i, tensor in enumerate(item.graph.tensors)
            if tensor.data is not None
        }
        for item in writing.subgraphs
    ]
    entries = [
        (name, chunks.setdefault(value, len(chunks))) for name, value in writing.metadata.items()
    ]
    return tuple(chunks), buffers, entries


def _subgraph(
    builder: Builder, writing: Writing, buffers: Mapping[int, int], known: Sequence[Code]
) -> int:
    import tflite

    graph = writing.graph
    tensors = table_vector(
        builder,
        [
            _tensor(builder, tensor, buffers.get(i, 0), i in writing.variables)
            for i, tensor in enumerate(graph.tensors)
        ],
    )
    operators = table_vector(
        builder,
        [
            _operator(builder, op, known.index(code), writing.options)
            for op, code in zip(graph.ops, writing.codes, strict=True)
        ],
    )
    inputs = numbers(builder, graph.inputs, np.int32)
    outputs = numbers(builder, graph.outputs, np.int32)
    name = builder.CreateString(writing.name)
    tflite.SubGraphStart(builder)
    tflite.SubGraphAddTensors(builder, tensors)
    tflite.SubGraphAddInputs(builder, inputs)
    tflite.SubGraphAddOutputs(builder, outputs)
    tflite.SubGraphAddOperators(builder, operators)
    tflite.SubGraphAddName(builder, name)
    return int(tflite.SubGraphEnd(builder))


def _tensor(builder: Builder, tensor: Tensor, buffer: int, is_variable: bool) -> int:
    import tflite

    name = builder.CreateString(tensor.name) if tensor.name else 0
    shape = numbers(builder, tensor.shape, np.int32)
    quant = quantization_table(builder, tensor.quant) if tensor.quant is not None else 0
    tflite.TensorStart(builder)
    tflite.TensorAddShape(builder, shape)
    tflite.TensorAddType(builder, tensor.dtype.tflite)
    tflite.TensorAddBuffer(builder, buffer)
    if name:
        tflite.TensorAddName(builder, name)
    if quant:
        tflite.TensorAddQuantization(builder, quant)
    if is_variable:
        tflite.TensorAddIsVariable(builder, True)
    tflite.TensorAddHasRank(builder, True)
    return int(tflite.TensorEnd(builder))


def _operator(
    builder: Builder, op: Op, code: int, options_of: Callable[[Builder, Op], Options]
) -> int:
    import tflite

    options = options_of(builder, op)
    inputs = numbers(builder, op.inputs, np.int32)
    outputs = numbers(builder, op.outputs, np.int32)
    between = options.intermediates
    intermediates = numbers(builder, between, np.int32) if between else 0
    custom = builder.CreateByteVector(options.custom) if options.custom else 0
    tflite.OperatorStart(builder)
    tflite.OperatorAddOpcodeIndex(builder, code)
    tflite.OperatorAddInputs(builder, inputs)
    tflite.OperatorAddOutputs(builder, outputs)
    if options.type_number:
        tflite.OperatorAddBuiltinOptionsType(builder, options.type_number)
        tflite.OperatorAddBuiltinOptions(builder, options.table)
    if custom:
        tflite.OperatorAddCustomOptions(builder, custom)
    if intermediates:
        tflite.OperatorAddIntermediates(builder, intermediates)
    return int(tflite.OperatorEnd(builder))
