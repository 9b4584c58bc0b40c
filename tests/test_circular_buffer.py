"""CIRCULAR_BUFFER of TFLM's streaming models: a custom operator whose output is a variable."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flatbuffers import flexbuffers

from tests.support.models.cases import Vector
from tests.support.models.small_graphs import GraphBuilder
from tests.support.running.executors import assert_equal, run_reference
from tests.support.running.host_c import run_on_host
from tests.support.running.tflm import needs_tflm
from tinyml.base.errors import ModelError
from tinyml.ir.dtype import INT16, DType
from tinyml.ir.graph import Graph
from tinyml.model.encode import Options, Writing, encode
from tinyml.model.file import model_file
from tinyml.model.operators import code_of
from tinyml.model.options import write_attrs
from tinyml.model.reader import load
from tinyml.ops import spec_of
from tinyml.ops.circular_buffer import CIRCULAR_BUFFER, read_buffer
from tinyml.passes import run_passes

CALLS = 20
QUANT = (0.05, -7)
EVERY_TIME = bytes(flexbuffers.Dumps({"cycles_max": 1}))


def two_buffers(slots: int, custom: bytes) -> bytes:
    """Rows in a buffer, a convolution over it, its rows in another buffer."""
    b = GraphBuilder()
    x = b.value("x", (1, 1, 2, 3), QUANT)
    first = buffer(b, "first", x, (1, slots, 2, 3))
    weights = b.weights("w", (5, slots, 1, 3), 0, 5)
    y = b.value("y", (1, 1, 2, 5), (0.3, 5))
    attrs = spec_of("CONV_2D").attrs(padding="VALID")
    b.op("CONV_2D", (first, weights, b.bias("b", 5)), y, attrs)
    second = buffer(b, "second", y, (1, 5, 2, 5), (0.3, 5))
    return file_of(b.graph((x,), (second, y)), custom)


def buffer(b: GraphBuilder, name: str, row: int, shape: tuple[int, ...], quant: Any = QUANT) -> int:
    made = b.value(name, shape, quant)
    b.tensors[made] = replace(b.tensors[made], is_variable=True)
    return b.op(CIRCULAR_BUFFER, (row,), made, None)


def alone(
    given: tuple[int, ...],
    made: tuple[int, ...],
    custom: bytes = EVERY_TIME,
    dtype: DType | None = None,
    quant: Any = QUANT,
    is_kept: bool = True,
) -> bytes:
    b = GraphBuilder()
    x = b.value("x", given, QUANT)
    y = buffer(b, "y", x, made, quant)
    b.tensors[y] = replace(b.tensors[y], is_variable=is_kept, dtype=dtype or b.tensors[y].dtype)
    return file_of(b.graph((x,), (y,)), custom)


def file_of(graph: Graph, custom: bytes) -> bytes:
    def options(builder: Any, op: Any) -> Options:
        if op.kind == CIRCULAR_BUFFER:
            return Options(custom=custom)
        return Options(*write_attrs(builder, spec_of(op.kind).table, op.attrs))

    kept = {i for i, tensor in enumerate(graph.tensors) if tensor.is_variable}
    return encode(Writing(graph, [code_of(op.kind) for op in graph.ops], options, "m", "", kept))


def samples(graph: Graph) -> list[Vector]:
    rng = np.random.default_rng(7)
    shape = graph.tensors[graph.inputs[0]].shape
    made = [rng.integers(-128, 128, shape).astype(np.int8) for _ in range(CALLS)]
    made[3:5] = [np.full(shape, limit, np.int8) for limit in (-128, 127)]
    return [(value,) for value in made]


def in_tflm(data: bytes, graph: Graph, vectors: list[Vector]) -> list[Vector]:
    """What TFLM makes of the file itself, which graphs that we write would not be."""
    from tflite_micro.python.tflite_micro import runtime

    interpreter = runtime.Interpreter.from_bytes(data, arena_size=100_000)
    found = []
    for (value,) in vectors:
        interpreter.set_input(value, 0)
        interpreter.invoke()
        found.append(tuple(interpreter.get_output(i).copy() for i in range(len(graph.outputs))))
    return found


FILES = {
    "two_of_three_rows": two_buffers(3, EVERY_TIME),
    "five_rows_without_options": two_buffers(5, b""),
    "never_said": alone((1, 1, 1, 7), (1, 13, 1, 7), flexbuffers.Dumps({"cycles_max": -1})),
    "one_row": alone((1, 1, 4, 3), (1, 1, 4, 3)),
    "two_rows": alone((1, 1, 4, 3), (1, 2, 4, 3)),
}


@needs_tflm
@pytest.mark.parametrize("name", FILES)
def test_twenty_inferences_are_those_of_tflm(name: str) -> None:
    graph = load(model_file("m.tflite", FILES[name]))
    vectors = samples(graph)
    assert_equal(graph, run_reference(graph, vectors), in_tflm(FILES[name], graph, vectors))


@pytest.mark.host_cc
@pytest.mark.parametrize("name", FILES)
def test_the_firmware_keeps_what_the_reference_keeps(name: str, tmp_path: Path) -> None:
    graph = load(model_file("m.tflite", FILES[name]))
    vectors = samples(graph)
    simple = run_passes(graph)
    assert_equal(simple, run_reference(graph, vectors), run_on_host(simple, vectors, tmp_path))


def test_samples_are_one_sequence() -> None:
    assert load(model_file("m.tflite", FILES["two_of_three_rows"])).is_streaming


ROW, ROWS = (1, 1, 4, 3), (1, 2, 4, 3)
REFUSED = {
    "in every inference: TFLM ends those in between half-way. Found: cycles_max 2": alone(
        ROW, ROWS, flexbuffers.Dumps({"cycles_max": 2})
    ),
    "Found: no cycles_max, which TFLM takes for 2, 2 rows": alone(ROW, ROWS, b""),
    "must be one row of the output": alone((1, 2, 4, 3), (1, 4, 4, 3)),
    "in one batch": alone((2, 1, 4, 3), (2, 2, 4, 3)),
    "Found: int8 and int16": alone(ROW, ROWS, dtype=INT16),
    "Found: two quantisations": alone(ROW, ROWS, quant=(0.05, 1)),
    "must be marked as a variable": alone(ROW, ROWS, is_kept=False),
    "has options that cannot be read": alone(ROW, ROWS, b"\x01\x02\x03\x04"),
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_is_refused_is_told(words: str) -> None:
    with pytest.raises(ModelError) as caught:
        load(model_file("m.tflite", REFUSED[words]))
    assert words in str(caught.value)


def test_damaged_options_are_one_error() -> None:
    rng = np.random.default_rng(3)
    refused = 0
    for _ in range(3000):
        damaged = bytearray(EVERY_TIME)
        for at in rng.integers(0, len(damaged), rng.integers(1, 4)):
            damaged[at] = rng.integers(256)
        try:
            read_buffer(bytes(damaged[: rng.integers(1, len(damaged) + 1)]), "op 0")
        except ModelError:
            refused += 1
    assert 0 < refused < 3000


@needs_tflm
def test_what_tflm_ends_half_way_is_what_we_refuse() -> None:
    """Every other inference ends at the first buffer: the second one stays as it is."""
    data = two_buffers(3, bytes(flexbuffers.Dumps({"cycles_max": 2})))
    graph = load(model_file("m.tflite", FILES["two_of_three_rows"]))
    second = [found[0] for found in in_tflm(data, graph, samples(graph))]
    changed = [bool(np.any(a != b)) for a, b in pairwise(second)]
    assert changed == [number % 2 == 0 for number in range(CALLS - 1)]
