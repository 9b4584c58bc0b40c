"""Operators without a code in the old field were read as ADD; those without options, refused."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any

import flatbuffers
import numpy as np
import pytest
import tflite
from tflite.utils import BUILTIN_OPCODE2NAME

from tests.support.models.small_graphs import GraphBuilder, small_network
from tests.support.running.tflm import needs_tflm
from tinyml.convert import flatfile
from tinyml.ir.dtype import INT32
from tinyml.ir.graph import Graph, Quant
from tinyml.model.file import model_file
from tinyml.model.opcodes import kind_of, opcode_of
from tinyml.model.operators import code_of
from tinyml.model.reader import load
from tinyml.model.writer import write
from tinyml.ops import all_ops
from tinyml.ops.elementwise import BinaryAttrs
from tinyml.ops.others import others
from tinyml.tflm.outline import outline

OLD, NEW = 0, 3  # fields of the table of an operator's code
WAYS = ((OLD,), (NEW,), (OLD, NEW))


def code_table(opcode: int, fields: tuple[int, ...]) -> Any:
    builder = flatbuffers.Builder(64)
    tflite.OperatorCodeStart(builder)
    if OLD in fields:
        tflite.OperatorCodeAddDeprecatedBuiltinCode(builder, min(opcode, 127))
    if NEW in fields:
        tflite.OperatorCodeAddBuiltinCode(builder, opcode)
    builder.Finish(tflite.OperatorCodeEnd(builder))
    return tflite.OperatorCode.GetRootAs(bytes(builder.Output()), 0)


def without_field(data: bytes, table: Any, *numbers: int) -> bytes:
    """The file with fields of a table left out, for all tables that share its list of fields."""
    changed = bytearray(data)
    fields = table._tab.Pos - struct.unpack_from("<i", data, table._tab.Pos)[0]
    for number in numbers:
        if 4 + 2 * number < struct.unpack_from("<H", data, fields)[0]:
            struct.pack_into("<H", changed, fields + 4 + 2 * number, 0)
    return bytes(changed)


def kinds(data: bytes) -> list[list[str]]:
    """What each reader of .tflite files finds in it."""
    file = model_file("m.tflite", data)
    graphs = (load(file), outline(file).graph, flatfile.read("m.tflite", data))
    return [[op.kind for op in graph.ops] for graph in graphs]


@pytest.mark.parametrize("fields", WAYS)
def test_every_code_is_read_from_whichever_field_has_it(fields: tuple[int, ...]) -> None:
    for opcode, name in BUILTIN_OPCODE2NAME.items():
        if opcode > 127 and NEW not in fields:
            continue  # the old field has no room for it
        table = code_table(opcode, fields)
        assert opcode_of(table) == opcode
        assert kind_of(table) == ("CUSTOM without a name" if name == "CUSTOM" else name)


@pytest.mark.parametrize("left_out", [OLD, NEW])
def test_all_readers_agree_on_models_with_one_field(left_out: int) -> None:
    data = write(small_network())
    expected = [op.kind for op in small_network().ops]
    model = tflite.Model.GetRootAs(data, 0)
    for i in range(model.OperatorCodesLength()):
        if opcode_of(model.OperatorCodes(i)):
            data = without_field(data, model.OperatorCodes(i), left_out)
    assert kinds(data) == [expected] * 3


def binary_model() -> Graph:
    b = GraphBuilder()
    given = b.value("a", (1, 4)), b.value("b", (1, 4))
    b.op("ADD", given, b.value("y", (1, 4)), BinaryAttrs())
    return b.graph(given, (2,))


def without_options(data: bytes) -> bytes:
    operator = tflite.Model.GetRootAs(data, 0).Subgraphs(0).Operators(0)
    return without_field(data, operator, 3, 4)


def test_no_options_are_the_defaults_of_the_schema() -> None:
    data = without_options(write(binary_model()))
    assert load(model_file("m.tflite", data)).ops[0].attrs == BinaryAttrs()


@needs_tflm
def test_tflm_takes_absent_options_the_same_way() -> None:
    from tflite_micro.python.tflite_micro import runtime

    whole = write(binary_model())
    found = []
    for data in (whole, without_options(whole)):
        interpreter = runtime.Interpreter.from_bytes(data)
        for i, values in enumerate(([[5, -128, 100, 7]], [[9, -128, 127, -7]])):
            interpreter.set_input(np.array(values, np.int8), i)
        interpreter.invoke()
        found.append(interpreter.get_output(0).tolist())
    assert found[0] == found[1]


def test_the_axis_of_a_bias_says_nothing() -> None:
    """Stock models give a bias of one dimension the axis of its weights, 3; they were refused."""
    graph = small_network()
    bias = next(i for i, t in enumerate(graph.tensors) if t.dtype == INT32 and t.quant)
    channels = graph.tensors[bias].shape[0]
    tensors = list(graph.tensors)
    scales = tuple(float(np.float32(0.001 * (k + 1))) for k in range(channels))
    tensors[bias] = replace(tensors[bias], quant=Quant(scales, (0,) * channels, 3))
    read = load(model_file("m.tflite", write(replace(graph, tensors=tuple(tensors)))))
    assert read.tensors[bias].quant == Quant(scales, (0,) * channels, 0)


INNER = {kind for kind, item in others().items() if item.is_inner}


@pytest.mark.parametrize("kind", sorted({*all_ops(), *others()} - INNER))
def test_every_key_is_a_name_of_the_schema(kind: str) -> None:
    """The key alone says which operator of a file is meant."""
    code = code_of(kind)
    assert kind_of(code_table(code.opcode, WAYS[2])) == kind


def test_what_is_in_no_file_has_no_name_of_the_schema() -> None:
    """Else a file's operator would be taken for one that only the converter has."""
    assert INNER
    assert not INNER & {*all_ops(), *BUILTIN_OPCODE2NAME.values()}
