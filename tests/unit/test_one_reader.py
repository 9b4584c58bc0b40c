"""One reader of .tflite files: who is more tolerant sees more, and nobody sees anything else."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from tests.support.models.small_graphs import small_network
from tests.support.nets.float_graphs import FloatBuilder
from tinyml.base.errors import ModelError
from tinyml.convert import flatfile
from tinyml.ir.dtype import FLOAT32
from tinyml.ir.graph import Graph
from tinyml.model.file import model_file
from tinyml.model.metadata import read_metadata
from tinyml.model.opened import named_buffers, open_file
from tinyml.model.reader import read_module
from tinyml.model.tensors import COMPILED, CONVERTED, INTERPRETED, read_tensor
from tinyml.model.writer import write
from tinyml.tflm.offline import NAME, plan_in, with_plan

ROOT = Path(__file__).parents[2]
MODELS = (
    *sorted((ROOT / "tests" / "models").glob("*.tflite")),
    ROOT / "examples/digits/digits.tflite",
)


def test_one_module_opens_files() -> None:
    """Metadata, memory plans and outputs were read from files whose offsets nobody had verified."""
    names = ("GetRootAs", "from tflite import Model")
    texts = {path: path.read_text(encoding="utf-8") for path in (ROOT / "tinyml").rglob("*.py")}
    found = [path for path, text in texts.items() if any(name in text for name in names)]
    assert [path.name for path in found] == ["opened.py"]


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_all_tolerances_read_the_same_of_what_all_take(path: Path) -> None:
    model = open_file(path.read_bytes())
    subgraph = model.Subgraphs(0)
    for i in range(subgraph.TensorsLength()):
        strict, *others = (
            read_tensor(model, subgraph.Tensors(i), i, tolerance)
            for tolerance in (COMPILED, INTERPRETED, CONVERTED)
        )
        for other in others:
            assert (other.name, other.dtype, other.shape) == (
                strict.name,
                strict.dtype,
                strict.shape,
            )
            assert other.quant == strict.quant
            assert (other.data is None) == (strict.data is None)
            assert strict.data is None or np.array_equal(other.data, strict.data)


def named(name: str, data: np.ndarray) -> Graph:
    b = FloatBuilder()
    given, made = b.value("x", (1, 4)), b.value(name, (1, 4))
    b.op("ADD", (given, b.constant("c", data)), made)
    return b.graph((given,), (made,))


def test_names_are_printable_to_the_converter_too() -> None:
    """A name with an escape sequence went to the terminal as it was."""
    data = np.ones((1, 4), np.float32)
    graph = flatfile.read("m.tflite", flatfile.write(named("y\x1b[31m\n" + "z" * 2000, data)))
    name = graph.tensors[graph.outputs[0]].name
    assert name.isprintable()
    assert len(name) <= 1000


def test_damaged_metadata_is_one_error_or_none() -> None:
    draw = random.Random(3)
    good = with_plan(write(small_network()), 4, {0: 16})
    size = len(good) - len(write(small_network()))  # the new start of the file
    ends = set()
    for _ in range(600):
        bad = bytearray(good)
        for _ in range(draw.choice((1, 1, 2, 5))):
            bad[draw.randrange(8, size)] = draw.randrange(256)
        try:
            plan_in(bytes(bad))
            ends.add("read")
        except ModelError:
            ends.add("refused")
        read_metadata(bytes(bad))
    assert ends == {"read", "refused"}


def test_an_entry_of_a_buffer_that_is_not_there() -> None:
    import tflite

    data = bytearray(with_plan(write(small_network()), 4, {0: 16}))
    entry = tflite.Model.GetRootAs(bytes(data), 0).Metadata(0)
    at = entry._tab.Pos + entry._tab.Offset(6)
    data[at : at + 4] = (9999).to_bytes(4, "little")
    with pytest.raises(ModelError, match="'OfflineMemoryAllocation' is in buffer 9999 of"):
        list(named_buffers(bytes(data), (NAME,)))
    assert len(read_module(model_file("m.tflite", bytes(data))).main.ops) > 0


def test_constants_of_half_precision_are_floats_but_to_an_interpreter() -> None:
    b = FloatBuilder()
    given, made = b.value("x", (1, 4)), b.value("y", (1, 4))
    half = np.array([[0.5, -1.25, 65504, 6e-8]], np.float16)
    b.op("ADD", (given, b.constant("c", half.view(np.int16))), made)
    data = bytearray(flatfile.write(b.graph((given,), (made,))))
    table = open_file(bytes(data)).Subgraphs(0).Tensors(2)
    data[table._tab.Pos + table._tab.Offset(6)] = 1  # TensorType FLOAT16
    model = open_file(bytes(data))
    subgraph = model.Subgraphs(0)
    for tolerance in (COMPILED, CONVERTED):
        found = read_tensor(model, subgraph.Tensors(2), 2, tolerance)
        assert found.dtype == FLOAT32
        assert np.array_equal(found.data, half.astype(np.float32))
    with pytest.raises(ModelError, match="is of type float16"):
        read_tensor(model, subgraph.Tensors(2), 2, INTERPRETED)
