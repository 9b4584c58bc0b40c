"""Numbers in a .tflite that name other parts of it: all exist, for every reader.

``flatbuffer.verify`` makes sure that the parts themselves lie in the file; after this one, a reader
may follow the number of a tensor, a buffer or an operator's code wherever it finds one.
"""

from __future__ import annotations

from collections.abc import Iterable

from tinyml.base.errors import ModelError
from tinyml.model.protocols import Model, SubGraph, Vector

_HINT = "the file is damaged; copy or convert it again."


def check_references(model: Model, subgraph: SubGraph) -> None:
    """Returns when all numbers are in range; -1 stands for an absent operand.

    Takes the objects of the ``tflite`` package. Raises ModelError naming the first that is not.
    """
    tensors, buffers = subgraph.TensorsLength(), model.BuffersLength()
    codes = model.OperatorCodesLength()
    for i in range(tensors):
        number = subgraph.Tensors(i).Buffer()
        if number and number >= buffers:
            raise ModelError(f"tensor {i} uses buffer {number}, the file has {buffers}", hint=_HINT)
    for word, indices in (
        ("inputs", subgraph.InputsAsNumpy()),
        ("outputs", subgraph.OutputsAsNumpy()),
    ):
        _in_range(indices, 0, tensors, f"lists among its {word}")
    for i in range(subgraph.OperatorsLength()):
        operator = subgraph.Operators(i)
        if operator.OpcodeIndex() >= codes:
            raise ModelError(
                f"op {i} uses operator code {operator.OpcodeIndex()}, the file has {codes}",
                hint=_HINT,
            )
        _in_range(operator.InputsAsNumpy(), -1, tensors, f"op {i} reads")
        _in_range(operator.OutputsAsNumpy(), 0, tensors, f"op {i} writes")
        _in_range(operator.IntermediatesAsNumpy(), -1, tensors, f"op {i} keeps its scales in")


def _in_range(indices: Vector, least: int, count: int, what: str) -> None:
    given: Iterable[int] = () if isinstance(indices, int) else map(int, indices)
    for i in given:
        if not least <= i < count:
            raise ModelError(f"{what} tensor {i} of {count}", hint=_HINT)
