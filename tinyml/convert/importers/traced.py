"""From a TensorFlow function of fixed shapes to a float .tflite; runs in the child process."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from tinyml.base.errors import ModelError
from tinyml.convert.importers.values import plain

_UNSUPPORTED = re.compile(r"'(tf\.[A-Za-z0-9_]+)' op is neither a custom op nor a flex op")
_HALF = re.compile(r"xb?f16\b")  # a tensor's type in the converter's words
_LAST_CHARACTERS = 600  # of a message by the converter, which can fill screens


def to_tflite(
    function: Callable[..., Sequence[object]],
    specs: Sequence[Any],
    variables: Sequence[object],
    check: Callable[[], None] = lambda: None,
) -> tuple[bytes, tuple[int, ...], tuple[int, ...]]:
    """The function traced at ``specs`` (tf.TensorSpec) and converted without quantisation.

    ``variables`` are those that the function reads; ``check`` runs once it was traced, and may
    raise on what was seen. Also returns at which place of the .tflite's
    inputs each argument is, and at which place of its outputs each result.
    Raises ModelError naming operators that do not exist in .tflite.
    """
    import tensorflow as tf

    owner = tf.Module()
    owner.held = list(variables)

    def named(*inputs: object) -> dict[str, object]:
        return {f"result_{i:04}": value for i, value in enumerate(function(*inputs))}

    concrete = tf.function(named, input_signature=list(specs)).get_concrete_function()
    check()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], owner)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    try:
        data = bytes(converter.convert())
    except Exception as error:  # ConverterError, and whatever else the converter comes up with
        raise _explained(error) from error
    return data, *_places(data, [spec.name for spec in specs])


def _places(data: bytes, names: Sequence[str]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The converter has its own order of inputs and outputs; the signature tells which is which."""
    import tensorflow as tf

    interpreter = tf.lite.Interpreter(model_content=data)
    runner = interpreter.get_signature_runner()
    taken = [detail["index"] for detail in interpreter.get_input_details()]
    given = [detail["index"] for detail in interpreter.get_output_details()]
    inputs = {name: detail["index"] for name, detail in runner.get_input_details().items()}
    outputs = sorted((name, d["index"]) for name, d in runner.get_output_details().items())
    return (
        tuple(taken.index(inputs[name]) for name in names),
        tuple(given.index(index) for _, index in outputs),
    )


def spec_of(name: str, shape: Sequence[int | None], dtype: object, given: Sequence[int]) -> Any:
    """The tf.TensorSpec of an input, with a batch of one.

    ``given`` is the shape that the user or the calibration data say, () for none. Raises
    ModelError for another fixed batch, or for a free dimension that nobody says.
    """
    import tensorflow as tf

    if not shape:
        raise ModelError(
            f"input '{name}' is a scalar or of unknown rank; firmware needs fixed shapes",
            hint="give the model an input layer with a shape.",
        )
    if shape[0] not in (None, 1):
        raise ModelError(
            f"input '{name}' has a fixed batch size of {shape[0]}; firmware runs one sample",
            hint="build the model with a free batch size (None), or with 1.",
        )
    known = [1, *shape[1:]]
    if len(given) == len(known):
        known = [g if k is None else k for k, g in zip(known, given, strict=True)]
    if None in known:
        shown = ", ".join("?" if size is None else str(size) for size in known)
        raise ModelError(
            f"input '{name}' has a free dimension: [{shown}]; firmware needs fixed shapes",
            hint="say it: --input-shape 1,…  or give calibration data of that shape.",
        )
    return tf.TensorSpec(known, dtype, name=identifier(name))


def identifier(name: str) -> str:
    """A name that TensorFlow takes for an argument."""
    return re.sub(r"[^A-Za-z0-9_]", "_", name).strip("_") or "input"


def _explained(error: Exception) -> ModelError:
    text = plain(str(error))
    unsupported = sorted(set(_UNSUPPORTED.findall(text)))
    if unsupported and _HALF.search(text):
        return ModelError(
            f"computes in float16, for which TensorFlow Lite lacks {', '.join(unsupported)}",
            hint="export the model in float32: weights and layers.",
        )
    if unsupported:
        return ModelError(
            f"TensorFlow Lite has no operator for {', '.join(unsupported)}",
            hint="replace the layers that use them; 'tinyml ops' lists what firmware can run.",
        )
    return ModelError(
        f"TensorFlow's converter refuses the model; it says: {text[-_LAST_CHARACTERS:]}",
        hint="export it to a float .tflite or to ONNX with the framework's own tools, and convert "
        "that; or replace the layer that is named.",
    )
