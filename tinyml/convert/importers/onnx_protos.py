"""What is read of the messages of the ``onnx`` package, and the attributes of a node as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np


class Unknown(Exception):
    """What a node asks for that this reader does not do."""


class Named(Protocol):
    """An AttributeProto or a TensorProto: the package takes it apart."""

    name: str


class Node(Protocol):
    """A NodeProto."""

    name: str
    domain: str
    op_type: str
    input: Sequence[str]  # names of values, "" for one that is left out
    output: Sequence[str]
    attribute: Sequence[Named]


class Dimension(Protocol):
    """A size, known or not."""

    dim_value: int

    def HasField(self, name: str) -> bool:  # noqa: N802
        """Whether the size is given as ``name`` says."""


class Shape(Protocol):
    """A TensorShapeProto."""

    dim: Sequence[Dimension]


class TensorType(Protocol):
    """Type and shape of a tensor."""

    elem_type: int
    shape: Shape

    def HasField(self, name: str) -> bool:  # noqa: N802
        """Whether there is a shape at all."""


class Type(Protocol):
    """A TypeProto."""

    tensor_type: TensorType


class Value(Protocol):
    """A ValueInfoProto: an input or an output."""

    name: str
    type: Type


@runtime_checkable
class Graph(Protocol):
    """A GraphProto."""

    node: Sequence[Node]
    input: Sequence[Value]
    output: Sequence[Value]
    initializer: Sequence[Named]

    def SerializeToString(self) -> bytes:  # noqa: N802
        """As in a file."""


class Opset(Protocol):
    """A version of the operators."""

    domain: str
    version: int


class Model(Protocol):
    """A ModelProto."""

    graph: Graph
    opset_import: Sequence[Opset]
    producer_name: str
    producer_version: str

    def SerializeToString(self) -> bytes:  # noqa: N802
        """As in a file."""


class Attributes:
    """The attributes of a node; asking for one of another type raises Unknown."""

    def __init__(self, held: Mapping[str, object]) -> None:
        self._held = held

    def __contains__(self, name: str) -> bool:
        return name in self._held

    def integer(self, name: str, default: int | None = None) -> int:
        """A number; one without a default must be there."""
        value = self._held.get(name, default)
        if isinstance(value, int):
            return value
        raise Unknown(f"the attribute '{name}' is {value!r}, not an integer")

    def number(self, name: str, default: float) -> float:
        """A number of any kind."""
        value = self._held.get(name, default)
        if isinstance(value, int | float):
            return value
        raise Unknown(f"the attribute '{name}' is {value!r}, not a number")

    def text(self, name: str, default: str) -> str:
        """A word."""
        value = self._held.get(name, default)
        if isinstance(value, bytes):
            return value.decode()
        if isinstance(value, str):
            return value
        raise Unknown(f"the attribute '{name}' is {value!r}, not a text")

    def integers(self, name: str) -> list[int] | None:
        """A list of numbers, None where there is none."""
        found = []
        for item in self._list(name) or ():
            if not isinstance(item, int):
                raise Unknown(f"the attribute '{name}' holds {item!r}, not an integer")
            found.append(item)
        return found if name in self else None

    def numbers(self, name: str) -> list[float] | None:
        """A list of numbers of any kind, None where there is none."""
        held = self._list(name)
        return None if held is None else [_number(name, item) for item in held]

    def needed(self, name: str) -> list[int]:
        """A list of numbers that must be there."""
        found = self.integers(name)
        if found is None:
            raise Unknown(f"the attribute '{name}' is missing")
        return found

    def texts(self, name: str) -> list[str] | None:
        """A list of words, None where there is none."""
        held = self._list(name)
        if held is None:
            return None
        return [item.decode() if isinstance(item, bytes) else str(item) for item in held]

    def graph(self, name: str) -> Graph:
        """A graph that must be there."""
        found = self._held.get(name)
        if not isinstance(found, Graph):
            raise Unknown(f"the attribute '{name}' is {found!r}, not a graph")
        return found

    def _list(self, name: str) -> Sequence[object] | None:
        value = self._held.get(name)
        if value is None:
            return None
        if isinstance(value, Sequence) and not isinstance(value, str | bytes):
            return value
        raise Unknown(f"the attribute '{name}' is {value!r}, not a list")


def _number(name: str, item: object) -> float:
    if isinstance(item, int | float):
        return float(item)
    raise Unknown(f"the attribute '{name}' holds {item!r}, not a number")


def attributes(node: Node) -> Attributes:
    """The attributes of a node as Python values."""
    import onnx

    return Attributes({item.name: onnx.helper.get_attribute_value(item) for item in node.attribute})


def element_type(item: Value) -> np.dtype[np.generic]:
    """The type of the elements of an input."""
    import onnx

    kind: np.dtype[np.generic] = onnx.helper.tensor_dtype_to_np_dtype(
        item.type.tensor_type.elem_type
    )
    return kind
