"""A .tflite file opened: the one place where bytes become objects of the ``tflite`` package.

Every reader comes by here: the compiler, the converter, the runtime ``tflm``, what reads metadata
and what counts outputs. Behind it no offset leads out of the file.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from tinyml.base.errors import ModelError
from tinyml.model.flatbuffer import verify, verify_metadata
from tinyml.model.protocols import Model
from tinyml.model.schema import IDENTIFIER, VERSION
from tinyml.model.vendors import refuse_compiled

_MAX_ENTRIES = 1000  # of metadata that are looked at; files have a handful


def open_file(data: bytes) -> Model:
    """The model as an object of the ``tflite`` package whose offsets are verified.

    Raises ModelError for what is no such file, or a damaged one.
    """
    import tflite

    _check_header(data)
    verify(data)
    model: Model = tflite.Model.GetRootAs(data, 0)
    if model.Version() != VERSION:
        raise ModelError(f"schema version {model.Version()}; only version {VERSION} is known")
    refuse_compiled(model)
    return model


def named_buffers(data: bytes, wanted: Collection[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of those entries of a file's metadata, in order.

    ModelError for a damaged file; what lies in the buffers is not looked at.
    """
    model = open_file(data)
    verify_metadata(data)
    for number in range(min(model.MetadataLength(), _MAX_ENTRIES)):
        entry = model.Metadata(number)
        name = entry.Name() or b""
        if name not in wanted:
            continue
        if entry.Buffer() >= model.BuffersLength():
            raise ModelError(
                f"damaged: the metadata '{name.decode()}' is in buffer {entry.Buffer()} of "
                f"{model.BuffersLength()}"
            )
        held = model.Buffers(entry.Buffer()).DataAsNumpy()
        yield name, b"" if isinstance(held, int) else held.tobytes()


def _check_header(data: bytes) -> None:
    if len(data) < 8:
        raise ModelError(
            f"is {len(data)} bytes long, too short for a .tflite file",
            hint="the file may be cut off; copy or convert it again.",
        )
    if data[4:8] != IDENTIFIER:
        raise ModelError(
            f"is not a .tflite file: bytes 4 to 7 are {data[4:8]!r}, not {IDENTIFIER!r}",
            hint="give a TensorFlow Lite flatbuffer; 'tinyml convert' makes one of a "
            "Keras, TensorFlow, ONNX or PyTorch model.",
        )
