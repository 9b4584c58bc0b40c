"""What is wrong with a model file is said in one sentence; everything unsupported at once."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.models.small_graphs import GraphBuilder, small_network
from tinyml.base.errors import ModelError, UnsupportedOps
from tinyml.convert import flatfile
from tinyml.ir.dtype import FLOAT32, INT8, INT16
from tinyml.ir.graph import Graph, Op, Quant, Tensor
from tinyml.model.file import c_identifier, model_file, read_model
from tinyml.model.reader import load
from tinyml.model.writer import write
from tinyml.ops import forms_text, spec_of
from tinyml.ops.batch_matmul import BatchMatmulAttrs
from tinyml.ops.lookup import NoAttrs

IMAGE, PADDED, CONV_WEIGHTS = 0, 2, 4  # tensors of small_network


def read(data: bytes) -> Graph:
    return load(model_file("small.tflite", data))


def with_tensor(index: int, **changes: Any) -> Graph:
    graph = small_network()
    tensors = list(graph.tensors)
    tensors[index] = dataclasses.replace(tensors[index], **changes)
    return dataclasses.replace(graph, tensors=tuple(tensors))


class Patch:
    """The bytes of a model with one field overwritten; the field must be stored in the file."""

    def __init__(self, data: bytes) -> None:
        import tflite

        self.data = bytearray(data)
        self.model = tflite.Model.GetRootAs(data, 0)
        self.subgraph = self.model.Subgraphs(0)

    def field(self, table: Any, number: int, layout: str, value: float) -> bytes:
        offset = table._tab.Offset(4 + 2 * number)
        assert offset, "the field is not in the file"
        struct.pack_into(layout, self.data, table._tab.Pos + offset, value)
        return bytes(self.data)

    def element(self, table: Any, number: int, index: int, layout: str, value: float) -> bytes:
        start = table._tab.Vector(table._tab.Offset(4 + 2 * number))
        struct.pack_into(layout, self.data, start + index * struct.calcsize(layout), value)
        return bytes(self.data)

    def length(self, table: Any, number: int, value: int) -> bytes:
        start = table._tab.Vector(table._tab.Offset(4 + 2 * number))
        struct.pack_into("<I", self.data, start - 4, value)
        return bytes(self.data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is 0 bytes long, too short for a .tflite file"),
        (b"\x1c\0\0\0TFL3", "damaged: model would lie at byte 28"),
        (b"\x1c\0\0\0TFL4" + bytes(40), "is not a .tflite file: bytes 4 to 7 are b'TFL4'"),
        (b"\0\0\0\0TFL3" + bytes(40), "the offset of model at byte 0 is 0"),
        (b"\x89HDF\r\n\x1a\n" + bytes(40), "is not a .tflite file"),
    ],
)
def test_what_is_no_model(data: bytes, message: str) -> None:
    with pytest.raises(ModelError) as caught:
        read(data)
    assert message in str(caught.value)
    assert str(caught.value).startswith("small.tflite: ")


PATCHES: dict[str, tuple[Callable[[Patch], bytes], str]] = {
    "version": (lambda p: p.field(p.model, 0, "<I", 4), "schema version 4; only version 3"),
    "far offset": (lambda p: p.field(p.model, 2, "<I", 1 << 30), "damaged: field 2 of a model"),
    "no tensors": (lambda p: p.length(p.subgraph, 0, 0), "lists among its inputs tensor 0 of 0"),
    "many tensors": (lambda p: p.length(p.subgraph, 0, 1 << 31), "claims 2147483648 elements"),
    "input index": (
        lambda p: p.element(p.subgraph, 1, 0, "<i", 99),
        "lists among its inputs tensor 99 of",
    ),
    "no inputs": (lambda p: p.length(p.subgraph, 1, 0), "has no inputs"),
    "no outputs": (lambda p: p.length(p.subgraph, 2, 0), "has no outputs"),
    "no operators": (lambda p: p.length(p.subgraph, 3, 0), "has no operators"),
    "dynamic shape": (
        lambda p: p.element(p.subgraph.Tensors(PADDED), 0, 1, "<i", -1),
        "has the shape [1, -1, 7, 3]; every size must be known and positive",
    ),
    "huge shape": (
        lambda p: p.element(p.subgraph.Tensors(PADDED), 0, 1, "<i", (1 << 31) - 1),
        "would take 45097156587 bytes",
    ),
    "wrong shape": (
        lambda p: p.element(p.subgraph.Tensors(PADDED), 0, 1, "<i", 8),
        "PAD 'padded' (op 0) declares the output [1, 8, 7, 3], its inputs and options give "
        "[1, 7, 7, 3]",
    ),
    "unknown type": (
        lambda p: p.field(p.subgraph.Tensors(PADDED), 1, "<b", 10),
        "tensor 2 ('padded') is of type float64; known are bool, float32",
    ),
    "buffer index": (
        lambda p: p.field(p.subgraph.Tensors(CONV_WEIGHTS), 2, "<I", 77),
        "uses buffer 77, the file has",
    ),
    "buffer size": (
        lambda p: p.length(p.model.Buffers(2), 0, 134),
        "takes 135 bytes, its buffer 2 has 134",
    ),
    "scale": (
        lambda p: p.element(p.subgraph.Tensors(PADDED).Quantization(), 2, 0, "<f", float("nan")),
        "has a scale that is negative or not a number",
    ),
    "zero point": (
        lambda p: p.element(p.subgraph.Tensors(PADDED).Quantization(), 3, 0, "<q", 128),
        "has zero points from 128 to 128, int8 reaches from -128 to 127",
    ),
    "zero points": (
        lambda p: p.length(p.subgraph.Tensors(PADDED).Quantization(), 3, 2),
        "has 1 scales but 2 zero points",
    ),
    "scale axis": (
        lambda p: p.field(p.subgraph.Tensors(8).Quantization(), 6, "<i", 7),
        "has 5 scales along dimension 7",
    ),
    "operator code": (
        lambda p: p.field(p.subgraph.Operators(1), 0, "<I", 50),
        "op 1 uses operator code 50, the file has",
    ),
    "options type": (
        lambda p: p.field(p.subgraph.Operators(1), 3, "<B", 5),
        "op 1 (CONV_2D 'conv'): an operator has Pool2DOptions where Conv2DOptions must be",
    ),
    "operand": (
        lambda p: p.element(p.subgraph.Operators(1), 1, 0, "<i", 99),
        "op 1 reads tensor 99 of",
    ),
}


@pytest.mark.parametrize("name", PATCHES)
def test_damage_is_named(name: str) -> None:
    change, message = PATCHES[name]
    with pytest.raises(ModelError) as caught:
        read(change(Patch(write(small_network()))))
    assert message in str(caught.value)


def test_damage_of_a_vtable_is_named() -> None:
    data = bytearray(write(small_network()))
    (root,) = struct.unpack_from("<I", data, 0)
    (back,) = struct.unpack_from("<i", data, root)
    for value, message in ((3, "field list of the model"), (60_000, "60000 bytes")):
        struct.pack_into("<H", data, root - back, value)
        with pytest.raises(ModelError, match=message):
            read(bytes(data))


def test_small_files_that_stand_for_much_work_are_refused() -> None:
    """All entries of the tensor list point at one tensor with a long list of scales."""
    b = GraphBuilder()
    given = b.value("x", (1, 8))
    b.op("RELU", (given,), b.value("y", (1, 8)), NoAttrs())
    quant = Quant((1.0,) * 40_000, (0,) * 40_000, 1)
    b.tensors.append(Tensor("wide", INT8, (1, 40_000), quant))
    b.tensors += [Tensor("", INT8, (1,), None)] * 10_000
    patch = Patch(write(b.graph((0,), (1,))))
    start = patch.subgraph._tab.Vector(patch.subgraph._tab.Offset(4))
    (wide,) = struct.unpack_from("<I", patch.data, start + 8)
    for i in range(3, 10_003):
        struct.pack_into("<I", patch.data, start + 4 * i, wide - 4 * (i - 2))
    # Verified tables are not verified again, but reading them costs all the same.
    with pytest.raises(ModelError, match="add up to more than the file"):
        read(bytes(patch.data))


def test_unsupported_things_are_all_reported() -> None:
    b = GraphBuilder()
    given = b.value("x", (1, 4))
    middle = b.op("LOGISTIC", (given,), b.value("t", (1, 4), (0.5, 9)), NoAttrs())
    out = b.op("LOGISTIC", (middle,), b.value("l", (1, 4), (0.25, 1)), NoAttrs())
    with pytest.raises(UnsupportedOps) as caught:
        read(write(b.graph((given,), (out,))))
    assert [(item.op, item.found) for item in caught.value.found] == [
        ("LOGISTIC 't' (op 0)", "9"),
        ("LOGISTIC 'l' (op 1)", "1"),
    ]
    assert "2 unsupported thing(s)" in str(caught.value)
    assert "tinyml ops" in (caught.value.hint or "")


def test_unknown_operators_are_named() -> None:
    patch = Patch(write(small_network()))
    for i in range(patch.model.OperatorCodesLength()):
        code = patch.model.OperatorCodes(i)
        if code.BuiltinCode() == 25:  # SOFTMAX
            patch.field(code, 0, "<b", 16)
            patch.field(code, 3, "<i", 16)
        if code.BuiltinCode() == 19:  # RELU
            patch.field(code, 0, "<b", 32)
            patch.field(code, 3, "<i", 32)
    with pytest.raises(UnsupportedOps) as caught:
        read(bytes(patch.data))
    assert [item.found for item in caught.value.found] == [
        "CUSTOM without a name",
        "LSTM",
    ]


def test_a_float_model_of_other_operators_is_told_to_quantise() -> None:
    b = GraphBuilder()
    given, out = (b.value(name, (1, 4), None, FLOAT32) for name in ("x", "y"))
    b.op("BATCH_MATMUL", (given, given), out, BatchMatmulAttrs())
    with pytest.raises(ModelError) as caught:
        read(write(b.graph((given,), (out,))))
    assert "BATCH_MATMUL" in str(caught.value)
    assert "quantise it: tinyml convert " in (caught.value.hint or "")


def test_layers_without_a_form_for_16_bits_are_refused_in_one_sentence() -> None:
    """A model of type int16x8 was answered with two complaints about each layer."""
    b = GraphBuilder()
    given, inner, out = (b.value(name, (1, 4), (0.5, 0), INT16) for name in ("x", "h", "y"))
    b.op("ELU", (given,), inner, NoAttrs())
    b.op("ELU", (inner,), out, NoAttrs())
    with pytest.raises(ModelError) as caught:
        read(write(b.graph((given,), (out,))))
    forms = forms_text(spec_of("ELU"))
    assert str(caught.value).splitlines()[:2] == [
        "small.tflite: 1 unsupported thing(s):",
        f"  ELU 'h' (op 0) and 1 like it: Its types must be those of a form: {forms}. "
        "Found: input int16, output int16",
    ]
    assert "--runtime tflm" in (caught.value.hint or "")


def test_int8_without_quantisation_is_refused_by_what_needs_it() -> None:
    """Every operator was denied it: also those that only move or compare values."""
    with pytest.raises(ModelError, match="Found: 'padded' has 0 scales"):
        read(write(with_tensor(PADDED, quant=None)))


@pytest.mark.parametrize("name", ["", "café/\x1b[31mred\n", "x" * 3000])
def test_names_may_be_anything(name: str) -> None:
    found = read(write(with_tensor(IMAGE, name=name))).tensors[IMAGE].name
    assert found
    assert found.isprintable()
    assert len(found) <= 1000


def test_names_may_be_bytes_of_no_text() -> None:
    data = write(with_tensor(IMAGE, name="QQQQ")).replace(b"QQQQ", b"\xff\xfe\0Q")
    assert read(data).tensors[IMAGE].name == "\ufffd\ufffd?Q"


def test_names_may_be_the_same() -> None:
    graph = read(write(with_tensor(IMAGE, name="padded")))
    assert graph.tensors[IMAGE].name == graph.tensors[PADDED].name == "padded"


def bare_model(subgraph_count: int, tensor_field: int) -> bytes:
    """A file of one tensor with one field that the writer never writes."""
    import flatbuffers
    import tflite

    builder = flatbuffers.Builder(0)
    tflite.SparsityParametersStart(builder)
    sparsity = tflite.SparsityParametersEnd(builder)
    tflite.TensorStart(builder)
    if tensor_field == 6:
        tflite.TensorAddSparsity(builder, sparsity)
    tensors = vector(builder, [tflite.TensorEnd(builder)])
    tflite.SubGraphStart(builder)
    tflite.SubGraphAddTensors(builder, tensors)
    subgraphs = vector(builder, [tflite.SubGraphEnd(builder)] * subgraph_count)
    tflite.ModelStart(builder)
    tflite.ModelAddVersion(builder, 3)
    tflite.ModelAddSubgraphs(builder, subgraphs)
    builder.Finish(tflite.ModelEnd(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


@pytest.mark.parametrize(
    ("subgraph_count", "tensor_field", "message"),
    [
        (0, 0, "has no subgraph"),
        (1, 6, "is stored sparse, which only constants of whole bytes are"),
    ],
)
def test_what_we_do_not_compile_is_refused(
    subgraph_count: int, tensor_field: int, message: str
) -> None:
    with pytest.raises(ModelError) as caught:
        read(bare_model(subgraph_count, tensor_field))
    assert message in str(caught.value)


def test_a_converter_refuses_what_is_stored_sparse() -> None:
    """The converter had a reader of its own, which did not ask."""
    with pytest.raises(ModelError, match="is stored sparse, which only constants"):
        flatfile.read("m.tflite", bare_model(1, 6))


def vector(builder: Any, offsets: list[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def test_an_input_of_free_size_is_refused() -> None:
    """The writer writes no shape_signature: a name, read as four integers, stands in for it."""
    patch = Patch(write(with_tensor(IMAGE, name="Q" * 16)))
    image = patch.subgraph.Tensors(IMAGE)
    start = bytes(patch.data).index(b"Q" * 16)
    for batch, height, is_fine in ((-1, 6, True), (1, -1, False)):
        struct.pack_into("<I4i", patch.data, start - 4, 4, batch, height, 6, 3)
        # Tensors with the same fields share their field list, so all names are used this way.
        fields = image._tab.Pos - struct.unpack_from("<i", patch.data, image._tab.Pos)[0]
        (name,) = struct.unpack_from("<H", patch.data, fields + 4 + 2 * 3)
        grown = struct.unpack_from("<H", patch.data, fields)[0]
        assert grown >= 4 + 2 * 8, "the field list has room for shape_signature"
        struct.pack_into("<H", patch.data, fields + 4 + 2 * 7, name)
        if is_fine:
            assert read(bytes(patch.data)).tensors[IMAGE].shape == (1, 6, 6, 3)
            continue
        with pytest.raises(ModelError) as caught:
            read(bytes(patch.data))
        assert "has no fixed size in dimension 1: [1, -1, 6, 3]" in str(caught.value)


def test_an_op_may_not_read_what_is_not_there_yet() -> None:
    graph = small_network()
    swapped = dataclasses.replace(graph, ops=(graph.ops[1], graph.ops[0], *graph.ops[2:]))
    with pytest.raises(ModelError, match="before any op has written it"):
        read(write(swapped))


def test_an_op_without_operands_is_reported() -> None:
    graph = small_network()
    bare = Op(graph.ops[1].kind, "conv", (), graph.ops[1].outputs, graph.ops[1].attrs)
    with pytest.raises(UnsupportedOps) as caught:
        read(write(dataclasses.replace(graph, ops=(graph.ops[0], bare, *graph.ops[2:]))))
    assert "0 inputs and 1 outputs" in str(caught.value)
    assert "make no sense" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such file or folder") as caught:
        read_model(tmp_path / "missing.tflite")
    assert caught.value.hint == "give the path of a .tflite file."
    (tmp_path / "mussing.tflite").write_bytes(b"")
    with pytest.raises(ModelError) as caught:
        read_model(tmp_path / "missing.tflite")
    assert caught.value.hint == "models there: mussing.tflite"
    with pytest.raises(ModelError, match="is a folder"):
        read_model(tmp_path)
    (tmp_path / "a.tflite").write_bytes(b"abc")
    assert read_model(tmp_path / "a.tflite").name == "a"


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("kws_ref_model", "kws_ref_model"),
        ("My Model (v2)", "my_model_v2"),
        ("96x96", "model_96x96"),
        ("été", "t"),
        ("", "model"),
        ("tml", "model_tml"),
        ("a" * 60, "a" * 40),
    ],
)
def test_model_names_are_c_identifiers(stem: str, name: str) -> None:
    assert c_identifier(stem) == name
