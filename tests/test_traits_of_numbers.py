"""The traits WholeNumbers and Scales, held against other interpreters' own kernels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.nets.float_graphs import KINDS, single_op
from tinyml.base.errors import ModelError
from tinyml.convert import flatfile
from tinyml.convert.runners import float_runner
from tinyml.ir.dtype import BY_NAME, FLOAT32, INT32, INT64, DType
from tinyml.ir.graph import Array, Graph
from tinyml.ops import all_ops, trait_of
from tinyml.ops.others import others
from tinyml.ops.traits import Scales, WholeNumbers
from tinyml.tflm.operands import signatures_of
from tinyml.tflm.table import op_facts

pytest.importorskip("ai_edge_litert", reason="ai-edge-litert (extra 'convert') is not installed")

# LiteRT has no 64-bit kernel to compare with; such values are sizes and numbers beside the floats.
_NONE_WITH_64_BITS = {"ARG_MAX", "ARG_MIN", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "UNPACK"}


def whole(kind: str, dtype: DType) -> Graph:
    """The operator's case with whole numbers in the place of floats."""
    graph = single_op(kind)
    tensors = []
    for tensor in graph.tensors:
        data = tensor.data
        if tensor.dtype == FLOAT32 and data is not None:
            data = np.asarray(np.round(data * 4), dtype.numpy)
            data.flags.writeable = False
        is_float = tensor.dtype == FLOAT32
        tensors.append(replace(tensor, dtype=dtype, data=data) if is_float else tensor)
    return replace(graph, tensors=tuple(tensors))


def results(kind: str, dtype: DType) -> tuple[Array, ...]:
    graph, rng = whole(kind, dtype), np.random.default_rng(1)
    given = [
        rng.integers(-50, 50, graph.tensors[i].shape).astype(graph.tensors[i].dtype.numpy)
        for i in graph.inputs
    ]
    return float_runner(flatfile.write(graph)).outputs(given)


@pytest.mark.parametrize("kind", [k for k in KINDS if trait_of(k, WholeNumbers) is not None])
def test_whole_numbers_are_the_same_in_32_and_64_bits(kind: str) -> None:
    if kind in _NONE_WITH_64_BITS:
        with pytest.raises(ModelError):
            results(kind, INT64)
        return
    narrow, wide = results(kind, INT32), results(kind, INT64)
    assert all(np.array_equal(a, b) for a, b in zip(narrow, wide, strict=True))


@pytest.mark.parametrize("kind", sorted({*all_ops(), *others()}))
def test_widths_are_those_of_kernels_that_there_are(kind: str) -> None:
    """What the converter lets an operator compute in, TensorFlow Lite Micro has kernels for."""
    trait = trait_of(kind, Scales)
    facts = op_facts().get(kind)
    if trait is None or facts is None:
        is_inner = kind in others() and others()[kind].is_inner  # becomes a table of either width
        assert trait is None or trait.widths == (8,) or is_inner
        return
    for bits in trait.widths:
        takes = [item for text in facts.types for item in signatures_of(text)]
        assert any(BY_NAME[f"int{bits}"] in slot.types for item in takes for slot in item.inputs)
