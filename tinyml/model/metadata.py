"""What a .tflite says about itself beside the graph: labels, normalisation, where it comes from.

Two entries carry it. ``TFLITE_METADATA`` is the standard one, with the labels as a file in a zip
archive behind the flatbuffer, as other tools read and write it. ``tinyml`` is a JSON document with
what the standard has no place for. A third one, ``tinyml.models``, lists the models that a file
holds side by side (``tinyml.model.together``). Reading never fails: damaged or absent metadata is
empty, and what is read can be written as C, JSON and HTML. Sizes are bounded before anything is
unpacked.
Source of the slots: metadata_schema.fbs of TensorFlow Lite Support.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tinyml.ir.graph import Source, Submodel
from tinyml.ir.metadata import Metadata
from tinyml.model.file import c_identifier
from tinyml.model.opened import named_buffers
from tinyml.model.protocols import Builder

STANDARD = "TFLITE_METADATA"
OWN = "tinyml"
PARTS = "tinyml.models"
LABELS_FILE = "labels.txt"
_IDENTIFIER = b"M001"
_PARSER_VERSION = "1.0.0"
_FIRST_TIME = (1980, 1, 1, 0, 0, 0)  # of the labels' entry: the same input gives the same bytes
_AXIS_LABELS = 2  # AssociatedFileType
_NORMALIZATION = 1  # ProcessUnitOptions
_MAX_LABELS_BYTES = 1 << 20
_MAX_ENTRY_BYTES = 1 << 20
_BOUNDED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # unpacked piece by piece
_LARGEST = 3.4028234663852886e38  # float32


def read_metadata(data: bytes) -> Metadata:
    """The metadata of a .tflite, of any producer; empty where there is none, or it is damaged."""
    if OWN.encode() not in data and STANDARD.encode() not in data:
        return Metadata()  # no entry has either name: the file need not be verified once more
    try:
        entries = _entries(data)
        if OWN in entries:
            return _sound(_own(entries[OWN]))
        if STANDARD in entries:
            return _sound(_standard(entries[STANDARD], data))
    except Exception:
        # Not what it claims to be, for which JSON, zip, zlib and struct have a dozen exceptions,
        # RecursionError and EOFError among them: the graph is what counts.
        return Metadata()
    return Metadata()


def _sound(held: Metadata) -> Metadata:
    """The same with text that has a UTF-8 form; empty where a number is no float32."""
    numbers = (*held.mean, *held.std)
    if not all(abs(value) <= _LARGEST for value in numbers):  # false for what is not a number
        return Metadata()
    return Metadata(
        tuple(map(_encodable, held.labels)),
        held.mean,
        held.std,
        _encodable(held.producer),
        _encodable(held.calibration_sha256),
        held.is_calibrated,
    )


def _encodable(text: str) -> str:
    """The text without halves of surrogate pairs, which JSON may hold and no file can."""
    return text.encode("utf-8", "replace").decode("utf-8")


def entries_of(held: Metadata, interface: tuple[int, int]) -> dict[str, bytes]:
    """The named buffers that describe a model of so many inputs and outputs."""
    return {STANDARD: _write_standard(held, interface), **stamp(held)}


def stamp(held: Metadata) -> dict[str, bytes]:
    """Our own entry alone."""
    document = {"format": 1, **asdict(held)}
    return {OWN: json.dumps(document, separators=(",", ":"), sort_keys=True).encode()}


def archive_of(held: Metadata) -> bytes:
    """What stands behind the flatbuffer: a zip archive with the labels; nothing without labels."""
    if not held.labels:
        return b""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        text = "".join(f"{label}\n" for label in held.labels)
        archive.writestr(zipfile.ZipInfo(LABELS_FILE, _FIRST_TIME), text)
    return stream.getvalue()


def entry_of_parts(parts: Sequence[Submodel]) -> dict[str, bytes]:
    """The named buffers for the models in a file; none where it is one."""
    if not parts:
        return {}
    document = [asdict(part) for part in parts]
    text = json.dumps(document, separators=(",", ":"), sort_keys=True)
    is_calibrated = all(part.source.metadata.is_calibrated for part in parts)
    return {PARTS: text.encode()} | ({} if is_calibrated else stamp(Metadata(is_calibrated=False)))


def read_parts(data: bytes) -> tuple[Submodel, ...]:
    """The models that a file says it holds; () where it is one, or the entry is damaged."""
    if PARTS.encode() not in data:
        return ()
    try:
        found = dict(named_buffers(data, (PARTS.encode(),)))
        held = found.get(PARTS.encode(), b"")
        return tuple(map(_part, json.loads(held))) if 0 < len(held) <= _MAX_ENTRY_BYTES else ()
    except Exception:
        return ()  # as for read_metadata()


def _part(item: Mapping[str, Any]) -> Submodel:
    source = item["source"]
    file_name, sha256 = _encodable(str(source["file_name"])), _encodable(str(source["sha256"]))
    held = _sound(_metadata(source["metadata"]))
    inputs, outputs = int(item["inputs"]), int(item["outputs"])
    if c_identifier(item["name"]) != item["name"] or inputs < 1 or outputs < 1:
        raise ValueError("no part of a model")
    return Submodel(
        item["name"], inputs, outputs, Source(file_name, sha256, int(source["nbytes"]), held)
    )


def _own(raw: bytes) -> Metadata:
    return _metadata(json.loads(raw.decode("utf-8")))


def _metadata(document: Mapping[str, Any]) -> Metadata:
    return Metadata(
        tuple(str(label) for label in document["labels"]),
        tuple(float(value) for value in document["mean"]),
        tuple(float(value) for value in document["std"]),
        str(document["producer"]),
        str(document["calibration_sha256"]),
        bool(document["is_calibrated"]),
    )


def _write_standard(held: Metadata, interface: tuple[int, int]) -> bytes:
    import flatbuffers

    builder = flatbuffers.Builder(512)
    inputs, outputs = interface
    units = [_normalization(builder, held)] if held.mean else []
    files = [_labels_file(builder)] if held.labels else []
    read = [
        _table(builder, 7, {4: _vector(builder, units)} if not k else {}) for k in range(inputs)
    ]
    written = [
        _table(builder, 7, {6: _vector(builder, files)} if not k else {}) for k in range(outputs)
    ]
    slots = {2: _vector(builder, read), 3: _vector(builder, written)}
    subgraph = _table(builder, 7, slots)
    description = builder.CreateString(held.producer)
    parser = builder.CreateString(_PARSER_VERSION)
    root = _table(builder, 8, {1: description, 3: _vector(builder, [subgraph]), 7: parser})
    builder.Finish(root, file_identifier=_IDENTIFIER)
    return bytes(builder.Output())


def _normalization(builder: Builder, held: Metadata) -> int:
    import numpy as np

    mean, std = (
        builder.CreateNumpyVector(np.array(values, np.float32)) for values in (held.mean, held.std)
    )
    unit = _table(builder, 2, {0: mean, 1: std})
    builder.StartObject(2)
    builder.PrependUint8Slot(0, _NORMALIZATION, 0)
    builder.PrependUOffsetTRelativeSlot(1, unit, 0)
    return int(builder.EndObject())


def _labels_file(builder: Builder) -> int:
    name = builder.CreateString(LABELS_FILE)
    builder.StartObject(4)
    builder.PrependUOffsetTRelativeSlot(0, name, 0)
    builder.PrependInt8Slot(2, _AXIS_LABELS, 0)
    return int(builder.EndObject())


def _table(builder: Builder, count: int, offsets: dict[int, int]) -> int:
    builder.StartObject(count)
    for slot, offset in offsets.items():
        if offset:
            builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
    return int(builder.EndObject())


def _vector(builder: Builder, tables: Sequence[int]) -> int:
    if not tables:
        return 0
    builder.StartVector(4, len(tables), 4)
    for table in reversed(tables):
        builder.PrependUOffsetTRelative(table)
    return int(builder.EndVector())


def _entries(data: bytes) -> dict[str, bytes]:
    """The two entries that are ours to read, where they are there."""
    wanted = {name.encode(): name for name in (OWN, STANDARD)}
    return {
        wanted[name]: raw
        for name, raw in named_buffers(data, wanted)
        if 0 < len(raw) <= _MAX_ENTRY_BYTES
    }


def _standard(raw: bytes, data: bytes) -> Metadata:
    """Labels and normalisation as another tool wrote them."""
    if raw[4:8] != _IDENTIFIER:
        return Metadata()
    root = _At(raw, struct.unpack_from("<I", raw)[0])
    subgraph = root.tables(3)[0]
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    for unit in (unit for tensor in subgraph.tables(2)[:1] for unit in tensor.tables(4)):
        if unit.byte(0) == _NORMALIZATION:
            (options,) = unit.table(1)
            mean, std = options.floats(0), options.floats(1)
    files = [file for tensor in subgraph.tables(3)[:1] for file in tensor.tables(6)]
    names = [file.text(0) for file in files if file.byte(2) == _AXIS_LABELS]
    return Metadata(_labels(data, names[0]) if names else (), mean, std, root.text(1))


def _labels(data: bytes, name: str) -> tuple[str, ...]:
    """The lines of a file in the archive behind the model; none where it is not there."""
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return ()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if name not in archive.namelist() or archive.getinfo(name).compress_type not in _BOUNDED:
            return ()
        with archive.open(name) as file:
            held = file.read(_MAX_LABELS_BYTES + 1)
    text = held.decode("utf-8", "replace") if len(held) <= _MAX_LABELS_BYTES else ""
    return tuple(text.splitlines())


@dataclass(frozen=True, slots=True)
class _At:
    """A table of a flatbuffer; positions outside of it raise struct.error or IndexError."""

    raw: bytes
    position: int

    def _field(self, slot: int) -> int:
        """Where the field lies; 0 when it is absent."""
        vtable = self.position - struct.unpack_from("<i", self.raw, self.position)[0]
        nbytes = struct.unpack_from("<H", self.raw, vtable)[0]
        entry = 4 + 2 * slot
        if entry >= nbytes:
            return 0
        offset = int(struct.unpack_from("<H", self.raw, vtable + entry)[0])
        return self.position + offset if offset else 0

    def _target(self, position: int) -> int:
        return position + int(struct.unpack_from("<I", self.raw, position)[0])

    def _span(self, slot: int) -> tuple[int, int]:
        """Start and length of a vector; (0, 0) when it is absent."""
        field = self._field(slot)
        if not field:
            return 0, 0
        start = self._target(field)
        count = int(struct.unpack_from("<I", self.raw, start)[0])
        if count > len(self.raw):
            raise ValueError("a vector longer than the file")
        return start + 4, count

    def byte(self, slot: int) -> int:
        field = self._field(slot)
        return self.raw[field] if field else 0

    def table(self, slot: int) -> list[_At]:
        field = self._field(slot)
        return [_At(self.raw, self._target(field))] if field else []

    def tables(self, slot: int) -> list[_At]:
        start, count = self._span(slot)
        return [_At(self.raw, self._target(start + 4 * k)) for k in range(count)]

    def floats(self, slot: int) -> tuple[float, ...]:
        start, count = self._span(slot)
        return struct.unpack_from(f"<{count}f", self.raw, start)

    def text(self, slot: int) -> str:
        start, count = self._span(slot)
        return self.raw[start : start + count].decode("utf-8", "replace")
