"""Layers of Keras that keep state from one call to the next, with their states in plain sight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tinyml.base.errors import ModelError
from tinyml.convert.importers.keras_model import Call, caller
from tinyml.convert.importers.keras_protos import Layer, Model


@dataclass(frozen=True, slots=True)
class Kept:
    """A variable that a layer assigns at each call."""

    name: str
    variable: Any  # of Keras 3

    @property
    def shape(self) -> tuple[int, ...]:
        """The batch first."""
        return tuple(self.variable.shape)


def kept_by(model: Model) -> tuple[Kept, ...]:
    """The states of all stateful layers, in the layers' order.

    Raises ModelError for those of Keras 2, which has no way to call a model with given states.
    """
    layers = [layer for layer in model._flatten_layers() if _is_stateful(layer)]
    if layers and type(model).__module__.startswith("tf_keras"):
        listed = ", ".join(repr(layer.name) for layer in layers)
        raise ModelError(
            f"has stateful layers of Keras 2: {listed}",
            hint="load it with Keras 3 and save it as .keras; or build it with stateful=False and "
            "the states as inputs and outputs (return_state=True, and initial_state=[...] when it "
            "is called), and give it the weights.",
        )
    return tuple(
        Kept(f"{layer.name}/state{number}", variable)
        for layer in layers
        for number, variable in enumerate(_flat(layer))
    )


def _is_stateful(layer: Layer) -> bool:
    """Whether a layer itself keeps state; models and wrappers say so of what is in them."""
    return bool(getattr(layer, "stateful", False)) and hasattr(layer, "states")


def _flat(layer: Layer) -> list[Any]:
    import keras

    return list(keras.tree.flatten(layer.states))


def with_states(model: Model, kept: tuple[Kept, ...]) -> Call:
    """The model as a function of its inputs and states: its outputs and the next states."""
    import keras

    plain, count = caller(model), len(kept)

    def call(*given: object) -> list[object]:
        inputs, states = given[: len(given) - count], given[len(given) - count :]
        mapping = list(zip((item.variable for item in kept), states, strict=True))
        with keras.StatelessScope(state_mapping=mapping) as scope:
            outputs = plain(*inputs)
        return [*outputs, *(scope.get_current_value(item.variable) for item in kept)]

    return call if kept else plain


def notes_on(kept: tuple[Kept, ...]) -> tuple[str, ...]:
    """A sentence for the user, where there are states."""
    if not kept:
        return ()
    layers = ", ".join(repr(name) for name in dict.fromkeys(k.name.split("/")[0] for k in kept))
    return (
        f"{layers} keep(s) {len(kept)} states from one inference to the next, and samples are one "
        "sequence; <model>_reset() sets them to zero",
    )
