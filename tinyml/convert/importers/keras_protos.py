"""What is used of the objects of Keras 2 and 3, whose code is not looked into."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from tinyml.ir.graph import Array


class History(Protocol):
    """What made a value."""

    layer: Layer  # ``operation`` in some versions


class KerasTensor(Protocol):
    """An input or an output of a model."""

    name: str
    shape: Sequence[int | None]
    dtype: object
    node: History
    _keras_history: History


class Function(Protocol):
    """An activation."""

    __name__: str


class Layer(Protocol):
    """A layer; recurrent ones have what stands behind ``compute_dtype``."""

    name: str
    call: Callable[..., object]
    compute_dtype: str
    unroll: bool
    stateful: bool
    return_state: bool
    states: object  # of a stateful one: variables, as nested as its cells
    use_bias: bool
    activation: Function
    recurrent_activation: Function
    recurrent_dropout: float
    input: KerasTensor  # of Keras 3
    input_shape: tuple[int | None, ...]  # of Keras 2

    def get_weights(self) -> list[Array]:
        """In Keras's order."""


class Model(Protocol):
    """A model with known inputs."""

    inputs: Sequence[KerasTensor]
    outputs: Sequence[KerasTensor]
    variables: Sequence[object]

    def __call__(self, fed: object, *, training: bool) -> object:
        """Its outputs, as nested as it has them."""

    def _flatten_layers(self) -> Sequence[Layer]: ...

    def get_config(self) -> dict[str, object]:
        """What it is built from."""

    @classmethod
    def from_config(cls, config: dict[str, object]) -> Model:
        """Built from that."""

    def get_weights(self) -> list[Array]:
        """In Keras's order."""

    def set_weights(self, weights: list[Array]) -> None:
        """Takes what ``get_weights`` gave."""
