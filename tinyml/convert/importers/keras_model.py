"""What a Keras model is called with and gives back, and in which arithmetic."""

from __future__ import annotations

import json
from collections.abc import Callable

from tinyml.base.errors import ModelError
from tinyml.convert.importers.keras_protos import KerasTensor, Layer, Model

Call = Callable[..., list[object]]  # one value per input, in the model's order → one per output

_HALF = ("float16", "bfloat16")


def input_names(model: Model) -> tuple[str, ...]:
    """Names of the inputs, in the model's order: keys where they are given as a dictionary."""
    struct = _struct(model, "_inputs_struct", "_nested_inputs")
    keys = {id(leaf): str(key) for key, leaf in struct.items()} if isinstance(struct, dict) else {}
    return tuple(keys.get(id(tensor), str(tensor.name).split(":")[0]) for tensor in model.inputs)


def output_names(model: Model) -> tuple[str, ...]:
    """Names of the outputs, in the model's order: keys, else the layers that give them."""
    struct = _struct(model, "_outputs_struct", "_nested_outputs")
    keys = {id(leaf): str(key) for key, leaf in struct.items()} if isinstance(struct, dict) else {}
    return tuple(keys.get(id(tensor)) or _layer_name(tensor) for tensor in model.outputs)


def caller(model: Model) -> Call:
    """The model as a function of its inputs, however it wants them: one, a list, a dictionary."""
    import keras
    import tensorflow as tf

    is_old = type(model).__module__.startswith("tf_keras")
    flat = tf.nest.flatten if is_old else keras.tree.flatten
    mapped = tf.nest.map_structure if is_old else keras.tree.map_structure
    struct = _struct(model, "_inputs_struct", "_nested_inputs")
    places = {id(tensor): i for i, tensor in enumerate(model.inputs)}

    def call(*inputs: object) -> list[object]:
        if isinstance(struct, dict):
            fed = mapped(lambda leaf: inputs[places[id(leaf)]], struct)
        else:
            fed = list(inputs) if len(inputs) > 1 else inputs[0]
        return list(flat(model(fed, training=False)))

    return call


def in_float32(model: Model) -> tuple[Model, tuple[str, ...]]:
    """The model with the same weights, computing in float32, and a note where it did not.

    Raises ModelError for a model in float16 that cannot be built again.
    """
    found = sorted({p for layer in model._flatten_layers() if (p := _policy(layer))})
    if not found:
        return model, ()
    listed = " and ".join(found)
    try:
        config = json.loads(json.dumps(model.get_config()), object_hook=_widened)
        twin = type(model).from_config(config)
        twin.set_weights(model.get_weights())
    except Exception as error:  # custom classes, layers without a configuration
        raise ModelError(
            f"computes in {listed} (its dtype policy), which firmware does not, and cannot be "
            f"built again in float32: {' '.join(str(error).split())[:200]}",
            hint="build it under keras.config.set_dtype_policy('float32'), give it the weights "
            "(set_weights) and save that.",
        ) from error
    return twin, (f"trained with the dtype policy {listed}; converted with its weights in float32",)


def _policy(layer: Layer) -> str:
    """The name of a layer's policy when it computes in half precision, else nothing."""
    if str(getattr(layer, "compute_dtype", "")) not in _HALF:
        return ""
    policy = getattr(layer, "dtype_policy", None)
    return str(getattr(policy, "name", None) or layer.compute_dtype)


def _widened(held: dict[str, object]) -> dict[str, object]:
    """Part of a configuration with float32 in the place of every half precision."""
    names = {name: "float32" for half in _HALF for name in (half, f"mixed_{half}")}
    return {
        key: names.get(value, value)
        if key in ("name", "dtype") and isinstance(value, str)
        else value
        for key, value in held.items()
    }


def makes_mask(layer: Layer) -> bool:
    """Whether the layers behind one are told to leave steps out."""
    return type(layer).__name__ == "Masking" or bool(getattr(layer, "mask_zero", False))


def _struct(model: object, *names: str) -> object:
    return next((getattr(model, name) for name in names if hasattr(model, name)), None)


def _layer_name(tensor: KerasTensor) -> str:
    history = tensor._keras_history if hasattr(tensor, "_keras_history") else tensor.node
    layer = getattr(history, "operation", None) or history.layer
    return str(layer.name)
