from __future__ import annotations

import numpy as np
import pytest

from tinyml.codegen.names import tensor_names
from tinyml.ir.dtype import INT8
from tinyml.ir.graph import Graph, Op, Source, Tensor


def names(*given: str, constants: tuple[str, ...] = ()) -> tuple[str, ...]:
    data = np.zeros(1, np.int8)
    tensors = tuple(Tensor(name, INT8, (1,)) for name in given) + tuple(
        Tensor(name, INT8, (1,), None, data) for name in constants
    )
    ops = tuple(Op("CONV_2D", "", (i,), (i + 1,), None) for i in range(len(given) - 1))
    graph = Graph("m", Source("m.tflite", "0" * 64, 0), tensors, ops, (0,), (len(given) - 1,))
    return tensor_names(graph)


@pytest.mark.parametrize(
    ("given", "short"),
    [
        ("model/conv2d_1/Relu;model/bn/FusedBatchNormV3", "conv2d_1"),
        ("functional_1/dense/MatMul;functional_1/dense/BiasAdd", "dense"),
        ("serving_default_input_1:0", "input_1"),
        ("StatefulPartitionedCall:0", "conv_2d"),
        ("3x3 filter", "t_3x3_filter"),
        ("größe", "gr_e"),
        ("x" * 60, "x" * 24),
        ("", "conv_2d"),
        ("///;:", "conv_2d"),
    ],
)
def test_the_telling_part_becomes_the_name(given: str, short: str) -> None:
    assert names("first", given, "last")[1] == short


def test_names_are_unique_and_values_come_before_constants() -> None:
    assert names("a/b", "c/b", "b_2", constants=("b",)) == ("b", "b_2", "b_2_2", "b_3")


def test_inputs_and_outputs_have_names_of_last_resort() -> None:
    assert names("", "", "Identity") == ("input", "conv_2d", "output")
