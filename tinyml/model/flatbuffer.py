"""Structural verification of a .tflite file, before anything reads values from it.

Every table, vector and string that the reader will touch must lie inside the file, and the work
to read them must be in proportion to the file: a small file whose many entries all point at one
large vector is refused. After ``verify`` the accessors of the ``tflite`` package are safe. Parts
that the reader never touches (signatures) are not looked at; metadata only by who wants them, since
a model is no worse for damaged ones.
Source: the schema, schema.fbs of TensorFlow Lite; the flatbuffer internals document.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from tinyml.base.errors import ModelError

# What a field holds: a scalar or vector elements of N bytes, a string, one table, many tables.
_Kind = tuple[str, "int | str"]
_UNKNOWN = "table of options"  # one whose fields depend on the operator

SCHEMA: dict[str, dict[int, _Kind]] = {  # field number → kind, of the fields that are read
    "model": {
        0: ("scalar", 4),
        1: ("tables", "operator code"),
        2: ("tables", "subgraph"),
        4: ("tables", "buffer"),
    },
    "root of metadata": {6: ("tables", "metadata")},
    "metadata": {0: ("vector", 1), 1: ("scalar", 4)},
    "operator code": {0: ("scalar", 1), 1: ("vector", 1), 2: ("scalar", 4), 3: ("scalar", 4)},
    "subgraph": {
        0: ("tables", "tensor"),
        1: ("vector", 4),
        2: ("vector", 4),
        3: ("tables", "operator"),
    },
    "tensor": {
        0: ("vector", 4),
        1: ("scalar", 1),
        2: ("scalar", 4),
        3: ("vector", 1),
        4: ("table", "quantisation"),
        5: ("scalar", 1),
        6: ("table", "sparsity"),
        7: ("vector", 4),
        8: ("scalar", 1),
        9: ("vector", 4),  # variant tensors: only their number is read
    },
    "quantisation": {
        2: ("vector", 4),
        3: ("vector", 8),
        4: ("scalar", 1),
        6: ("scalar", 4),
    },
    "sparsity": {0: ("vector", 4), 1: ("vector", 4), 2: ("tables", "dimension")},
    "dimension": {
        0: ("scalar", 1),
        1: ("scalar", 4),
        2: ("scalar", 1),
        3: ("table", "list of indices"),
        4: ("scalar", 1),
        5: ("table", "list of indices"),
    },
    "list of indices": {0: ("vector", 1)},  # its type says how wide they are: model/sparse.py
    "operator": {
        0: ("scalar", 4),
        1: ("vector", 4),
        2: ("vector", 4),
        3: ("scalar", 1),
        4: ("table", _UNKNOWN),
        5: ("bytes", 1),  # options of custom operators
        8: ("vector", 4),
    },
    "buffer": {0: ("bytes", 1), 1: ("scalar", 8), 2: ("scalar", 8)},
}

_LEAST_WORK = 100_000  # tables and vector elements that any file may have


def verify(data: bytes) -> None:
    """Returns when all offsets that the reader follows stay inside the file.

    Raises ModelError that names the part and the byte at fault.
    """
    walk = _Walk(data, max(_LEAST_WORK, 2 * len(data)))
    walk.table(walk.target(0, "model"), "model")


def verify_metadata(data: bytes) -> None:
    """The same for the names of metadata and the numbers of their buffers, in a verified file."""
    walk = _Walk(data, max(_LEAST_WORK, 2 * len(data)))
    walk.table(walk.target(0, "model"), "root of metadata")


def _one(name: str) -> str:
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"


@dataclass(slots=True)
class _Walk:
    data: bytes
    work_left: int
    seen: dict[tuple[int, str], int] = field(default_factory=dict)  # verified tables: their work

    def number(self, position: int, layout: str, what: str) -> int:
        nbytes = struct.calcsize(layout)
        if not 0 <= position <= len(self.data) - nbytes:
            raise ModelError(
                f"damaged: {what} would lie at byte {position}, the file has {len(self.data)}",
                hint="the file may be cut off; copy or convert it again.",
            )
        return int(struct.unpack_from(layout, self.data, position)[0])

    def target(self, position: int, what: str) -> int:
        """Where the offset at ``position`` points."""
        offset = self.number(position, "<I", what)
        if offset == 0:
            raise ModelError(f"damaged: the offset of {what} at byte {position} is 0")
        return position + offset

    def spend(self, count: int, what: str, position: int) -> None:
        self.work_left -= count
        if self.work_left < 0:
            raise ModelError(
                f"damaged: the parts of the file add up to more than the file, "
                f"at {what} at byte {position}"
            )

    def table(self, position: int, name: str) -> None:
        if (position, name) in self.seen:
            # Verified already, but a reader that comes here again works again.
            self.spend(self.seen[position, name], name, position)
            return
        work_before = self.work_left
        vtable = position - self.number(position, "<i", name)
        vtable_bytes = self.number(vtable, "<H", f"the field list of {_one(name)}")
        table_bytes = self.number(vtable + 2, "<H", f"the field list of {_one(name)}")
        if vtable_bytes < 4 or vtable_bytes % 2 or vtable + vtable_bytes > len(self.data):
            raise ModelError(
                f"damaged: the field list of the {name} at byte {position} is {vtable_bytes} bytes"
            )
        if table_bytes < 4 or position + table_bytes > len(self.data):
            raise ModelError(
                f"damaged: the {name} at byte {position} takes {table_bytes} bytes, "
                f"the file has {len(self.data)}"
            )
        offsets = struct.unpack_from(f"<{vtable_bytes // 2 - 2}H", self.data, vtable + 4)
        self.spend(1 + len(offsets), name, position)
        for number, offset in enumerate(offsets):
            kind = SCHEMA[name].get(number) if name != _UNKNOWN else ("scalar", 1)
            if kind is None or offset == 0:
                continue
            nbytes = int(kind[1]) if kind[0] == "scalar" else 4
            if offset < 4 or offset + nbytes > table_bytes:
                raise ModelError(
                    f"damaged: field {number} of the {name} at byte {position} "
                    f"lies outside of its {table_bytes} bytes"
                )
            self.field(position + offset, kind, f"field {number} of {_one(name)}")
        self.seen[position, name] = work_before - self.work_left

    def field(self, position: int, kind: _Kind, what: str) -> None:
        match kind:
            case ("table", str(name)):
                self.table(self.target(position, what), name)
            case ("tables", str(name)):
                start, count = self.vector(position, 4, what)
                for i in range(count):
                    self.table(self.target(start + 4 * i, _one(name)), name)
            case ("vector", int(nbytes)):
                _, count = self.vector(position, nbytes, what)
                self.spend(count, what, position)
            case ("bytes", int(nbytes)):  # viewed, never copied: costs nothing
                self.vector(position, nbytes, what)

    def vector(self, position: int, element_bytes: int, what: str) -> tuple[int, int]:
        """Start and number of elements of the vector that ``position`` refers to."""
        start = self.target(position, what)
        count = self.number(start, "<I", what)
        if count * element_bytes > len(self.data) - start - 4:
            raise ModelError(
                f"damaged: {what} at byte {start} claims {count} elements, "
                f"the file has {len(self.data)} bytes"
            )
        return start + 4, count
