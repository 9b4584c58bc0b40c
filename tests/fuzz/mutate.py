"""Changes to .tflite files: bytes at random, and fields that are known to be there.

The same number gives the same change of the same model.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.fuzz.rewrite import rewritten
from tinyml.base.errors import ModelError
from tinyml.model.flatbuffer import SCHEMA

INTEGERS = (0, 1, 2, 3, 4, 5, 7, 8, 16, 17, 31, 32, 64, 126, 127, 128, 255, 256, 1000, 4096, 32767)
LARGE = (65_535, 1 << 16, 1 << 20, (1 << 24) + 1, (1 << 28), (1 << 31) - 1, (1 << 32) - 1, 1 << 63)
FLOATS = (0.0, -0.0, 1.0, -1.0, 1e-45, 1e-38, 3e38, float("inf"), float("nan"), 2.0**-31, 2.0**35)
_FORMATS = {1: "<B", 2: "<H", 4: "<I", 8: "<Q"}
_OPTIONS = "table of options"


@dataclass(frozen=True, slots=True)
class Place:
    """A number in the file."""

    position: int
    nbytes: int
    is_float: bool = False
    is_value: bool = False  # what the model says, not how the file is put together


def mutated(bases: Sequence[bytes], seed: int, number: int) -> bytes:
    """Model ``number`` of a run."""
    chance = random.Random(f"{seed}/{number}")
    data = bytearray(bases[chance.randrange(len(bases))])
    way = chance.randrange(20)
    if way < 6:
        return rewritten(bytes(data), chance)
    if way == 6:
        return bytes(data[: chance.randrange(len(data))])
    if way == 7:
        _splice(data, chance)
    elif way == 8:
        for _ in range(chance.randint(1, 8)):
            data[chance.randrange(len(data))] = chance.randrange(256)
    else:
        found = places(bytes(data))
        if way > 10:
            found = [place for place in found if place.is_value]
        for place in chance.choices(found, k=chance.choice([1, 1, 1, 2, 3])):
            _change(data, place, chance)
    return bytes(data)


def places(data: bytes) -> list[Place]:
    """Every offset, length, element and scalar that the reader meets, and those of options."""
    root = int(struct.unpack_from("<I", data)[0])
    return [Place(0, 4), *_table(data, root, "model", set())]


def _table(data: bytes, position: int, name: str, seen: set[int]) -> Iterator[Place]:
    if position in seen:
        return
    seen.add(position)
    yield Place(position, 4)
    vtable = position - int(struct.unpack_from("<i", data, position)[0])
    (nbytes,) = struct.unpack_from("<H", data, vtable)
    yield Place(vtable, 2)
    yield Place(vtable + 2, 2)
    for number in range((nbytes - 4) // 2):
        entry = vtable + 4 + 2 * number
        (offset,) = struct.unpack_from("<H", data, entry)
        yield Place(entry, 2)
        if offset:
            yield from _field(data, position + offset, name, number, seen)


def _field(data: bytes, field: int, name: str, number: int, seen: set[int]) -> Iterator[Place]:
    kind, what = SCHEMA[name].get(number, ("scalar", 4)) if name != _OPTIONS else ("scalar", 4)
    if kind == "scalar":
        is_single = name == _OPTIONS
        yield Place(field, 1 if is_single else int(what), is_value=True)
        if is_single and field + 4 <= len(data):
            yield Place(field, 4, is_value=True)
            yield Place(field, 4, is_float=True, is_value=True)
        return
    yield Place(field, 4)
    target = field + int(struct.unpack_from("<I", data, field)[0])
    if kind == "table":
        yield from _table(data, target, str(what), seen)
        return
    yield Place(target, 4)
    (count,) = struct.unpack_from("<I", data, target)
    is_scale = name == "quantisation" and number == 2
    for i in range(min(count, 64)):
        element = target + 4 + i * (4 if kind == "tables" else int(what))
        yield Place(element, 4 if kind == "tables" else int(what), is_scale, kind != "tables")
        if kind == "tables":
            inner = element + int(struct.unpack_from("<I", data, element)[0])
            yield from _table(data, inner, str(what), seen)


def _change(data: bytearray, place: Place, chance: random.Random) -> None:
    if place.position + place.nbytes > len(data):
        return
    if place.is_float:
        value = chance.choice([*FLOATS, 2.0 ** chance.randint(-126, 127), chance.uniform(-9, 9)])
        struct.pack_into("<f", data, place.position, value)
        return
    layout = _FORMATS[place.nbytes]
    (old,) = struct.unpack_from(layout, data, place.position)
    value = chance.choice(
        [
            *INTEGERS,
            *(-each for each in INTEGERS),
            *LARGE,
            *(old + step for step in (-8, -4, -2, -1, 1, 2, 4, 8) for _ in range(3)),
            *(old ^ (1 << bit) for bit in range(8 * place.nbytes)),
        ]
    )
    struct.pack_into(layout, data, place.position, value % (1 << 8 * place.nbytes))


def _splice(data: bytearray, chance: random.Random) -> None:
    """A piece of the file over, or before, another."""
    start = chance.randrange(len(data))
    piece = data[start : start + chance.randint(1, 64)]
    goal = chance.randrange(len(data))
    data[goal : goal + chance.choice([0, len(piece), len(piece)])] = piece


def usable(bases: Sequence[bytes]) -> list[bytes]:
    """The models themselves, each of which must be whole.

    Raises ModelError for one that is not.
    """
    for data in bases:
        if not places(data):
            raise ModelError("is no model")
    return list(bases)
