"""What is used of the objects of ``torch``, whose code is not looked into."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from tinyml.ir.graph import Array


class Tensor(Protocol):
    """A value."""

    ndim: int
    shape: Sequence[int]
    dtype: object

    def detach(self) -> Tensor:
        """Without what a gradient needs."""

    def numpy(self) -> Array:
        """The same memory."""

    def movedim(self, source: int, destination: int) -> Tensor:
        """One axis at another place."""

    def is_floating_point(self) -> bool:
        """Whether its numbers are floats."""

    def contiguous(self) -> Tensor:
        """In memory as its shape says."""


class Module(Protocol):
    """A network."""

    training: bool

    def __call__(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...] | list[Tensor]:
        """Its outputs."""

    def parameters(self) -> Iterable[Tensor]:
        """Its weights."""

    def load_state_dict(self, held: Mapping[str, Tensor]) -> object:
        """Takes weights by their names."""


class Node(Protocol):
    """A call in the graph of a program, or an input or the output of it."""

    name: str
    op: str
    target: object
    args: tuple[Node | tuple[Node, ...] | list[Node], ...]
    meta: Mapping[str, Tensor]  # "val": of its result
    users: Iterable[Node]
    all_input_nodes: Iterable[Node]


class Graph(Protocol):
    """The calls of a program in order."""

    nodes: Iterable[Node]


class Signature(Protocol):
    """Which nodes a caller sees."""

    user_inputs: Sequence[str]


class Program(Protocol):
    """What ``torch.export`` makes of a network."""

    graph: Graph
    graph_signature: Signature

    def module(self, check_guards: bool) -> Module:
        """As a network again."""


class Converted(Protocol):
    """What litert-torch makes of a network."""

    def __call__(self, *inputs: Tensor) -> object:
        """Its outputs, as arrays."""

    def model_content(self) -> bytes:
        """The .tflite."""
