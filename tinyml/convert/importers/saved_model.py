"""TensorFlow SavedModel folders, through their serving signature."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tinyml.base.errors import ModelError
from tinyml.convert.importers.traced import spec_of, to_tflite
from tinyml.convert.importers.trust import check_saved_model
from tinyml.convert.importers.values import Imported, ImportOptions, Source, plain, shapes_for
from tinyml.ir.graph import Array

PACKAGES = ("tensorflow",)
_DEFAULT = "serving_default"


def import_model(source: Source, options: ImportOptions) -> Imported:
    """The model as a float .tflite; runs in the child process."""
    import tensorflow as tf

    if not options.is_trusted:
        check_saved_model(source.path)
    loaded, signature = _signature(source.path)
    arguments = sorted(signature.structured_input_signature[1].items())
    given = shapes_for(options, len(arguments))
    specs = [
        spec_of(name, spec.shape.as_list() if spec.shape.rank else (), spec.dtype, shape)
        for (name, spec), shape in zip(arguments, given, strict=True)
    ]
    names = tuple(name for name, _ in arguments)
    outputs = tuple(sorted(signature.structured_outputs))

    def run(*inputs: object) -> list[object]:
        found = signature(**dict(zip(names, inputs, strict=True)))
        return [found[name] for name in outputs]

    data, taken, given_at = to_tflite(run, specs, [loaded])
    return Imported(data, f"tensorflow {tf.__version__}", names, outputs, taken, given_at)


def outputs_of(
    source: Source, options: ImportOptions, samples: Sequence[Sequence[Array]]
) -> list[tuple[Array, ...]]:
    """What TensorFlow computes for each sample; runs in the child process."""
    import tensorflow as tf

    if not options.is_trusted:
        check_saved_model(source.path)
    _held, signature = _signature(source.path)
    arguments = sorted(signature.structured_input_signature[1].items())
    found = []
    for sample in samples:
        fed = {
            name: tf.constant(value.astype(spec.dtype.as_numpy_dtype))
            for (name, spec), value in zip(arguments, sample, strict=True)
        }
        given = signature(**fed)
        found.append(tuple(given[name].numpy() for name in sorted(given)))
    return found


def _signature(path: Path) -> tuple[object, Any]:
    import tensorflow as tf

    try:
        loaded = tf.saved_model.load(str(path))
    except Exception as error:  # OSError, ValueError, and others by TensorFlow
        raise ModelError(
            f"TensorFlow cannot read it: {plain(str(error))[:300]}",
            hint="write it with model.export(folder) or tf.saved_model.save(model, folder).",
        ) from error
    signatures = dict(loaded.signatures)
    if _DEFAULT in signatures:
        return loaded, signatures[_DEFAULT]
    if len(signatures) == 1:
        return loaded, next(iter(signatures.values()))
    found = ", ".join(sorted(signatures)) or "none"
    raise ModelError(
        f"has no signature '{_DEFAULT}', and not exactly one other; found: {found}",
        hint="export it with tf.saved_model.save(model, folder, signatures=function).",
    )
