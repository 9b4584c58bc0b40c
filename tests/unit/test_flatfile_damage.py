"""Damaged files in the converter's reader, which ``build`` asks first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.nets.float_graphs import FloatBuilder
from tinyml.base.errors import ModelError
from tinyml.convert import flatfile
from tinyml.ir.graph import Graph


def dequantised(inputs: tuple[int, ...]) -> Graph:
    b = FloatBuilder()
    given = b.value("x", (1, 4))
    out = b.value("y", (1, 4))
    b.op("DEQUANTIZE", inputs, out)
    return b.graph((given,), (out,))


@pytest.mark.parametrize("inputs", [(), (-1,)])
def test_an_op_without_operands_is_read(inputs: tuple[int, ...]) -> None:
    """A DEQUANTIZE without operand ended in IndexError."""
    graph = dequantised(inputs)
    assert flatfile.read("m.tflite", flatfile.write(graph)).ops[0].inputs == inputs


@pytest.mark.parametrize("indices", [(7,), (-2,)])
def test_numbers_of_tensors_that_are_not_there_are_refused(indices: tuple[int, ...]) -> None:
    graph = dequantised((0,))
    op = replace(graph.ops[0], inputs=indices)
    with pytest.raises(ModelError, match=f"op 0 reads tensor {indices[0]} of 2"):
        flatfile.read("m.tflite", flatfile.write(replace(graph, ops=(op,))))
