"""Graph → .tflite bytes: the inverse of the reader, for tests and for fix-ups of a model.

What the graph does not hold (signatures, names of subgraphs) is not written, and of metadata only
which models it holds.
"""

from __future__ import annotations

from dataclasses import replace

from tinyml import ops
from tinyml.ir.graph import Graph, Op
from tinyml.ir.module import Module
from tinyml.model.encode import Options, Writing, encode
from tinyml.model.handles import as_file
from tinyml.model.metadata import entry_of_parts
from tinyml.model.operators import code_of
from tinyml.model.options import write_attrs
from tinyml.model.protocols import Builder
from tinyml.ops import control


def write(graph: Graph) -> bytes:
    """The graph as a TensorFlow Lite flatbuffer that interpreters and the reader accept."""
    return write_module(as_file(graph))


def write_module(module: Module) -> bytes:
    """All graphs of a model as one flatbuffer, the main one first."""
    main, *others = map(_writing, module.graphs)
    named = entry_of_parts(main.graph.parts)
    return encode(replace(main, metadata=named, others=tuple(others)))


def _writing(graph: Graph) -> Writing:
    return Writing(
        graph,
        [code_of(op.kind) for op in graph.ops],
        _options,
        graph.name,
        "written by tinyml",
        {i for i, tensor in enumerate(graph.tensors) if tensor.is_variable},
    )


def _options(builder: Builder, op: Op) -> Options:
    table = control.TABLES.get(op.kind) or ops.spec_of(op.kind).table
    return Options(*write_attrs(builder, table, op.attrs))
