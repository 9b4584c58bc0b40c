"""Frozen values as JSON and back: what a build directory keeps for the commands that come later.

A dataclass is written as an object with its name under ``is``, so that a reader needs no schema;
which names it takes is the caller's list, nothing else is ever made. Fields that a newer version
has added take their defaults, fields that it has dropped are passed over. Arrays go into a file of
their own, each content once.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection, Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

IS = "is"  # the key that names a dataclass


def checksum_of(document: Mapping[str, object]) -> str:
    """Of all that a JSON document says besides its own ``checksum``."""
    text = json.dumps({name: item for name, item in document.items() if name != "checksum"})
    return hashlib.sha256(text.encode()).hexdigest()


class Encoder:
    """Turns values into JSON; ``arrays`` holds those that it met, by the names that stand there."""

    def __init__(self) -> None:
        self.arrays: dict[str, NDArray[np.generic]] = {}
        self._names: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    def encode(self, value: object) -> Any:
        """A dataclass, tuple, set, mapping, array or plain value as JSON; TypeError for others."""
        if isinstance(value, float) and not math.isfinite(value):
            return {"float": str(value)}
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if is_dataclass(value) and not isinstance(value, type):
            held = {item.name: getattr(value, item.name) for item in fields(value)}
            return {IS: type(value).__name__, **{k: self.encode(v) for k, v in held.items()}}
        if isinstance(value, np.ndarray):
            return {"array": self._name_of(value)}
        if isinstance(value, tuple):
            return [self.encode(item) for item in value]
        if isinstance(value, list):
            return {"list": [self.encode(item) for item in value]}
        if isinstance(value, frozenset):
            return {"set": sorted(self.encode(item) for item in value)}
        if isinstance(value, Mapping):
            return {"map": [[self.encode(k), self.encode(v)] for k, v in value.items()]}
        if isinstance(value, PurePath):
            return {"path": value.as_posix()}
        if isinstance(value, np.generic):
            return self.encode(value.item())
        raise TypeError(f"{type(value).__name__} cannot be kept")

    def _name_of(self, array: NDArray[np.generic]) -> str:
        digest = hashlib.sha256(np.ascontiguousarray(array).tobytes()).digest()
        key = (array.dtype.str, array.shape, digest)
        if key not in self._names:
            self._names[key] = f"a{len(self._names)}"
            self.arrays[self._names[key]] = array
        return self._names[key]


class Decoder:
    """Turns JSON of an Encoder into values of the given dataclasses; lists become tuples."""

    def __init__(self, types: Collection[type], arrays: Mapping[str, NDArray[np.generic]]) -> None:
        self._types = {item.__name__: item for item in types}
        assert len(self._types) == len(types), "two of the dataclasses have one name"
        self._arrays = arrays

    def decode(self, held: object) -> Any:
        """The value; raises ValueError for what no Encoder of these types wrote."""
        if isinstance(held, list):
            return tuple(self.decode(item) for item in held)
        if not isinstance(held, dict):
            return held
        if IS in held:
            return self._dataclass(held)
        match held:
            case {"array": str(name)} if name in self._arrays:
                array = self._arrays[name]
                array.setflags(write=False)
                return array
            case {"set": list(items)}:
                return frozenset(self.decode(item) for item in items)
            case {"map": list(pairs)}:
                return {self.decode(k): self.decode(v) for k, v in pairs}
            case {"list": list(items)}:
                return [self.decode(item) for item in items]
            case {"path": str(text)}:
                return Path(text)
            case {"float": ("nan" | "inf" | "-inf") as text}:
                return float(text)
        raise ValueError(f"a record with the keys {sorted(held)} is unknown")

    def _dataclass(self, held: Mapping[str, object]) -> object:
        kind = self._types.get(str(held[IS]))
        if kind is None:
            raise ValueError(f"a record '{held[IS]}' is unknown")
        given = {}
        for item in fields(kind):
            if item.name in held:
                given[item.name] = self.decode(held[item.name])
            elif item.default is MISSING and item.default_factory is MISSING:
                raise ValueError(f"a record '{held[IS]}' has no '{item.name}'")
        return kind(**given)
