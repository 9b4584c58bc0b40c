"""What was made of an object is kept until another one comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Last(Generic[Key, Value]):
    """What ``make`` returned for the object that it was asked for last.

    Objects are told apart by identity: graphs are large, and to compare them takes longer.
    """

    def __init__(self, make: Callable[[Key], Value]) -> None:
        self._make = make
        self._held: list[tuple[Key, Value]] = []

    def of(self, key: Key) -> Value:
        """The value for this very object."""
        if not self._held or self._held[0][0] is not key:
            self._held[:] = [(key, self._make(key))]
        return self._held[0][1]
