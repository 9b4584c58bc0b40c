"""TOML tables read key by key: a wrong type, a missing or an unknown key is a BoardError.

A reader asks a table for each key it knows and closes it; what is left over is unknown. All text is
one printable line; names, paths and options are held to the characters that such things have.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from tinyml.base.errors import BoardError, did_you_mean

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LONGEST = 1000  # characters of a text
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
MACRO = re.compile(r"TML_[A-Z0-9_]{1,60}")
# What boards, chips and tools are called by vendors' tools: no way out of a folder, no address.
OPTION = re.compile(r"(?!.*(\.\.|//))[A-Za-z0-9_](?:[A-Za-z0-9_.,:/+*@=~^-]*[A-Za-z0-9_*+])?")


class Table:
    """One table of a data file; remembers which keys were asked for."""

    def __init__(self, data: Mapping[str, object], where: str, prefix: str = "") -> None:
        self._data = data
        self._known: set[str] = set()
        self._prefix = prefix
        self.where = where

    def has(self, key: str) -> bool:
        """Whether the key is there; from now on it is a known one."""
        self._known.add(key)
        return key in self._data

    def is_text(self, key: str) -> bool:
        """Whether the key has a string as its value."""
        return isinstance(self._data.get(key), str)

    def value(self, key: str, kind: type | tuple[type, ...], wanted: str, default: Any) -> Any:
        """The key's value, checked; ``default`` when absent, an error when that is None."""
        self._known.add(key)
        if key not in self._data:
            if default is not None:
                return default
            raise self.error(f"'{self._prefix}{key}' is missing", self._absent_hint(key))
        found = self._data[key]
        if not isinstance(found, kind) or isinstance(found, bool):
            raise self.error(f"'{self._prefix}{key}' must be {wanted}, found {found!r}")
        return found

    def text(self, key: str, default: str | None = None) -> str:
        """A string: one line of printable text."""
        found = str(self.value(key, str, "a string", default))
        self._check_line(key, found)
        return found

    def word(self, key: str, default: str | None = None, pattern: re.Pattern[str] = NAME) -> str:
        """A string that matches a pattern as a whole; a name by default."""
        found = self.text(key, default)
        if found != default:
            self.check_word(key, found, pattern)
        return found

    def check_word(self, key: str, found: str, pattern: re.Pattern[str] = NAME) -> None:
        """Raises BoardError unless a text matches a pattern as a whole."""
        if not pattern.fullmatch(found):
            raise self.error(
                f"'{self._prefix}{key}' is {found!r}, which such a thing cannot be",
                f"it must match {pattern.pattern}",
            )

    def _check_line(self, key: str, found: str) -> None:
        if len(found) > LONGEST or not found.isprintable():
            raise self.error(
                f"'{self._prefix}{key}' must be one line of printable text, up to {LONGEST} "
                f"characters, found {found[:80]!r}"
            )

    def choice(self, key: str, known: tuple[str, ...]) -> str:
        """A string out of a fixed set."""
        found = self.text(key)
        if found not in known:
            raise self.error(
                f"'{self._prefix}{key}' is {found!r}, which is not known",
                did_you_mean(found, known),
            )
        return found

    def integer(self, key: str, default: int | None = None, minimum: int = 0) -> int:
        """An integer that fits 32 bits."""
        found = int(self.value(key, int, "an integer", default))
        if not minimum <= found <= 0xFFFF_FFFF:
            raise self.error(
                f"'{self._prefix}{key}' must be between {minimum} and 2^32 - 1, found {found}"
            )
        return found

    def number(self, key: str) -> float:
        """An integer or a number with a point."""
        return float(self.value(key, (int, float), "a number", None))

    def strings(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """A list of strings."""
        found = self.value(key, (list, tuple), "a list of strings", default)
        if not all(isinstance(item, str) for item in found):
            raise self.error(f"'{self._prefix}{key}' must hold strings only, found {found!r}")
        for item in found:
            self._check_line(key, item)
        return tuple(found)

    def words(
        self, key: str, pattern: re.Pattern[str], default: tuple[str, ...] | None = None
    ) -> tuple[str, ...]:
        """A list of strings, each of which matches a pattern as a whole."""
        found = self.strings(key, default)
        for item in found:
            self.check_word(key, item, pattern)
        return found

    def flag(self, key: str, *, default: bool = False) -> bool:
        """true or false."""
        found = self._data.get(key, default)
        if not isinstance(found, bool):
            raise self.error(f"'{self._prefix}{key}' must be true or false, found {found!r}")
        self._known.add(key)
        return found

    def integers(self, key: str, pattern: re.Pattern[str] = MACRO) -> dict[str, int]:
        """A table of 32-bit integers by name, of a C macro of ours by default; may be absent."""
        found: dict[str, int] = {}
        for name, item in self.value(key, dict, "a table", {}).items():
            if not isinstance(item, int) or isinstance(item, bool):
                raise self.error(f"'{self._prefix}{key}.{name}' must be an integer, found {item!r}")
            if not -(1 << 31) <= item < 1 << 32:
                raise self.error(f"'{self._prefix}{key}.{name}' is {item}, more than 32 bits")
            self.check_word(f"{key}.{name}", name, pattern)
            found[name] = item
        return found

    def numbers(self, key: str) -> tuple[int, ...]:
        """A list of integers; empty when absent."""
        found = self.value(key, list, "a list of integers", [])
        if not all(type(item) is int for item in found):
            raise self.error(f"'{self._prefix}{key}' must hold integers, found {found!r}")
        return tuple(found)

    def pairs(self, key: str) -> tuple[tuple[int, int], ...]:
        """A list of [integer, integer]; empty when absent."""
        found = self.value(key, list, "a list of [address, mask]", [])
        for item in found:
            if not isinstance(item, list) or [type(part) for part in item] != [int, int]:
                raise self.error(f"'{self._prefix}{key}' must hold [address, mask], found {item!r}")
        return tuple((first, second) for first, second in found)

    def table(self, key: str, default: Mapping[str, object] | None = None) -> Table:
        """A table in this one."""
        found = self.value(key, dict, "a table", default)
        return Table(found, self.where, f"{self._prefix}{key}.")

    def tables(self, key: str) -> tuple[Table, ...]:
        """A list of tables; at least one."""
        found = self.value(key, list, "a list of tables", None)
        if not found or not all(isinstance(item, dict) for item in found):
            raise self.error(f"'{self._prefix}{key}' must hold at least one table")
        return tuple(Table(item, self.where, f"{self._prefix}{key}.") for item in found)

    def named_tables(self, key: str) -> dict[str, Mapping[str, object]]:
        """A table that holds one table of options per name; empty when absent."""
        outer = self.table(key, {})
        for name in outer.names():
            outer.check_word(name, name)
        return {name: outer.options(name) for name in outer.names()}

    def options(self, key: str) -> Mapping[str, object]:
        """A table for a backend, which knows its keys: numbers, and text in plain characters."""
        found: Mapping[str, object] = self.value(key, dict, "a table", {})
        self._check_options(key, found)
        return found

    def _check_options(self, key: str, found: object) -> None:
        if isinstance(found, dict):
            for name, item in found.items():
                self.check_word(f"{key}.{name}", name)
                self._check_options(f"{key}.{name}", item)
        elif isinstance(found, list):
            for item in found:
                self._check_options(key, item)
        elif isinstance(found, str):
            self.check_word(key, found, OPTION)

    def texts(self, key: str) -> dict[str, str]:
        """A table of strings; empty when absent."""
        table = self.table(key, {})
        return {name: table.text(name) for name in table.names()}

    def names(self) -> tuple[str, ...]:
        """The keys that the table has, all of them known from now on."""
        for key in self._data:
            self._check_line(key, key)
        self._known.update(self._data)
        return tuple(self._data)

    def close(self) -> None:
        """Raises BoardError if the table holds a key that nobody asked for."""
        for key in self._data:
            if key not in self._known:
                raise self.error(
                    f"unknown key '{self._prefix}{key}'", did_you_mean(key, self._known)
                )

    def error(self, message: str, hint: str | None = None) -> BoardError:
        """An error about this file."""
        return BoardError(message, hint=hint, where=self.where)

    def _absent_hint(self, key: str) -> str:
        strays = [name for name in self._data if name not in self._known]
        return f"the file has {', '.join(strays)}" if strays else f"add a line {key} = ..."


def read_table(path: Path) -> Table:
    """The top table of a TOML file. Raises BoardError if it cannot be read."""
    try:
        return Table(_parsed(path.read_text(encoding="utf-8")), str(path))
    except OSError as error:
        raise BoardError(f"cannot read it: {error.strerror}", where=str(path)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BoardError(f"not a TOML file: {error}", where=str(path)) from error


@lru_cache(maxsize=128)  # boards share chips and templates; a table only reads what it is of
def _parsed(text: str) -> Mapping[str, object]:
    found: Mapping[str, object] = tomllib.loads(text)
    return found
