"""Keras models: .keras and .h5 of Keras 3, and of Keras 2 through tf-keras."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tinyml.base.errors import ModelError
from tinyml.convert.importers.keras_model import (
    caller,
    in_float32,
    input_names,
    makes_mask,
    output_names,
)
from tinyml.convert.importers.keras_protos import Layer, Model
from tinyml.convert.importers.keras_states import kept_by, notes_on, with_states
from tinyml.convert.importers.traced import spec_of, to_tflite
from tinyml.convert.importers.trust import check_keras, refuse_code
from tinyml.convert.importers.values import Imported, ImportOptions, Source, plain, shapes_for
from tinyml.ir.graph import Array

PACKAGES = ("tensorflow", "keras", "tf_keras")
_MANY_STEPS = 64  # an unrolled layer of more steps makes a program of thousands of operators


def import_model(source: Source, options: ImportOptions) -> Imported:
    """The model as a float .tflite; runs in the child process."""
    import tensorflow as tf

    model, producer, widened = _prepared(source, options)
    kept = kept_by(model)
    names = input_names(model)
    given = shapes_for(options, len(names))
    specs = [
        spec_of(name, tuple(tensor.shape), tensor.dtype, shape)
        for name, tensor, shape in zip(names, model.inputs, given, strict=True)
    ]
    specs += [spec_of(item.name, item.shape, "float32", ()) for item in kept]
    notes, fused = _without_loops(model)
    variables = [getattr(variable, "value", variable) for variable in model.variables]
    if producer.startswith("tf-keras"):
        variables = list(model.variables)
    call = with_states(model, kept)
    data, taken, given_at = to_tflite(call, specs, [*variables, *fused])
    states = tuple(item.name for item in kept)
    return Imported(
        data,
        f"{producer}, tensorflow {tf.__version__}",
        (*names, *states),
        (*output_names(model), *(f"{name}/next" for name in states)),
        taken,
        given_at,
        notes=(*widened, *notes, *notes_on(kept)),
        states=len(kept),
    )


def outputs_of(
    source: Source, options: ImportOptions, samples: Sequence[Sequence[Array]]
) -> list[tuple[Array, ...]]:
    """What Keras computes for each sample; runs in the child process."""
    import numpy as np

    model, _, _ = _prepared(source, options)
    call = caller(model)
    types = [str(getattr(tensor.dtype, "name", tensor.dtype)) for tensor in model.inputs]
    return [
        tuple(
            np.asarray(value)
            for value in call(*(v.astype(t) for v, t in zip(sample, types, strict=True)))
        )
        for sample in samples
    ]


def _prepared(source: Source, options: ImportOptions) -> tuple[Model, str, tuple[str, ...]]:
    """The model in float32, which Keras it is of, and notes."""
    if not options.is_trusted:
        check_keras(source.path)
    model, producer = _load(source.path, safe_mode=not options.is_trusted)
    if not getattr(model, "inputs", None):
        raise ModelError(
            "does not say what its inputs are", hint="build the model (call it once) and save it."
        )
    wide, notes = in_float32(model)
    return wide, producer, notes


def _load(path: Path, safe_mode: bool) -> tuple[Model, str]:
    """The model, by Keras 3 or else by Keras 2, and which of them it was.

    What the one refuses because it would run code is not given to the other.
    """
    import keras
    import tf_keras
    from tf_keras.src.saving.serialization_lib import SafeModeScope

    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=safe_mode)
        return model, f"keras {keras.__version__}"
    except Exception as error:
        first = error  # Keras raises half a dozen types for files that it cannot read
    if safe_mode and "safe_mode" in str(first):
        raise refuse_code(_short(first)) from first
    try:
        with SafeModeScope(safe_mode):  # .h5 files have no option for it
            model = tf_keras.models.load_model(path, compile=False)
    except Exception:
        raise ModelError(
            f"is no model that Keras can read: {_cause(first)}",
            hint="save it with model.save('model.keras'); custom layers must be registered with "
            "keras.saving.register_keras_serializable, or leave them out.",
        ) from first
    return model, f"tf-keras {tf_keras.__version__}"


def _without_loops(model: Model) -> tuple[tuple[str, ...], list[object]]:
    """Makes recurrent layers come out without a loop; returns notes, and new variables.

    An ordinary LSTM becomes one operator, as layers of Keras 2 do by themselves and those of
    Keras 3 when a Keras 2 layer with their weights is called in their place. Others are unrolled.
    """
    is_old = type(model).__module__.startswith("tf_keras")
    notes: list[str] = []
    variables: list[object] = []
    for layer in model._flatten_layers():
        if not hasattr(layer, "unroll") or layer.unroll:
            continue
        is_plain = _is_plain_lstm(layer)
        if is_plain and is_old and not _has_masks(model):
            continue
        layer.unroll = True
        if is_plain and not is_old:
            variables += _fuse(layer)
            continue
        steps = _steps(layer, is_old)
        notes.append(
            f"layer '{layer.name}' ({type(layer).__name__}) is unrolled"
            + (f" over {steps} steps" if steps else "")
            + ("; that makes a large program" if steps and steps > _MANY_STEPS else "")
        )
    return tuple(notes), variables


def _steps(layer: Layer, is_old: bool) -> int | None:
    """How many steps a layer makes; None where another layer hides it (Bidirectional)."""
    try:
        shape: Sequence[int | None] = layer.input_shape if is_old else layer.input.shape
        return shape[1]
    except AttributeError:
        return None


def _is_plain_lstm(layer: Layer) -> bool:
    if type(layer).__name__ != "LSTM" or not layer.use_bias:
        return False
    if layer.stateful or layer.return_state:
        return False
    functions = (layer.activation.__name__, layer.recurrent_activation.__name__)
    return functions == ("tanh", "sigmoid") and not layer.recurrent_dropout


def _fuse(layer: Layer) -> list[object]:
    """Lets a Keras 2 layer compute what ``layer`` does; returns its variables.

    What is called with a mask or with states of the caller's is no such operator: it is unrolled.
    """
    import tf_keras

    config = {
        key: getattr(layer, key)
        for key in ("units", "return_sequences", "return_state", "go_backwards")
    }
    twin = tf_keras.layers.LSTM(**config)
    twin.build((None, None, layer.get_weights()[0].shape[0]))
    twin.set_weights(layer.get_weights())
    unrolled = layer.call

    def call(sequences: object, *given: object, **named: object) -> object:
        told = {**dict(zip(("initial_state", "mask"), given, strict=False)), **named}
        if told.get("initial_state") is None and told.get("mask") is None:
            return twin(sequences)
        return unrolled(sequences, *given, **named)

    layer.call = call
    return list(twin.variables)


def _has_masks(model: Model) -> bool:
    return any(map(makes_mask, model._flatten_layers()))


def _short(error: Exception) -> str:
    return plain(str(error))[:300]


def _cause(error: Exception) -> str:
    """What Keras stumbled over, without the configuration of the whole model around it."""
    inner = str(error).rpartition("Exception encountered: ")[2].partition("Full object config")[0]
    return plain(inner)[:300]
