"""Arguments of public functions, held against their annotations: a wrong type is one clear error.

Only what is given is looked at, not what it holds, except in sequences and in the classes that a
function names as ``deep``: options, whose fields are what a user writes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from inspect import signature
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

from tinyml.base.errors import TinymlError

P = ParamSpec("P")
T = TypeVar("T")

_LONGEST = 60  # characters of a wrong value that are shown


@dataclass(frozen=True, slots=True)
class _Wrong:
    """A value of another type than it must be."""

    where: str  # "settings.limits.memory"
    wanted: object  # an annotation
    value: object


def checked(
    deep: Collection[type] = (), makers: Mapping[type, str] | None = None
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """A function that raises TinymlError for arguments of other types than it declares.

    ``makers``: how to get a value of a class, for the hint.
    """

    def decorated(function: Callable[P, T]) -> Callable[P, T]:
        declared = signature(function)

        @wraps(function)
        def called(*args: P.args, **kwargs: P.kwargs) -> T:
            hints = get_type_hints(function)
            for name, value in declared.bind(*args, **kwargs).arguments.items():
                wrong = _mismatch(value, hints[name], name, deep)
                if wrong is not None:
                    kinds = get_args(wrong.wanted) or (wrong.wanted,)
                    known = (how for kind, how in (makers or {}).items() if kind in kinds)
                    raise TinymlError(
                        f"{function.__name__}(): '{wrong.where}' must be {_words(wrong.wanted)}, "
                        f"found {_shown(wrong.value)}",
                        hint=next(known, None),
                    )
            return function(*args, **kwargs)

        return called

    return decorated


def _mismatch(value: object, wanted: object, where: str, deep: Collection[type]) -> _Wrong | None:
    """The first thing that is of another type."""
    origin = get_origin(wanted)
    if wanted is Any or wanted is object:
        return None
    if origin in (Union, UnionType):
        each = [_mismatch(value, item, where, deep) for item in get_args(wanted)]
        if None in each:
            return None
        # What is wrong inside of the one that was meant says more than that none of them fits.
        inner = (item for item in each if item is not None and item.where != where)
        return next(inner, _Wrong(where, wanted, value))
    if not _is_a(value, origin or wanted):
        return _Wrong(where, wanted, value)
    if origin in (tuple, Sequence) and isinstance(value, Sequence):
        kinds = get_args(wanted)
        if origin is Sequence or kinds[-1:] == (...,):
            kinds = kinds[:1] * len(value)
        if len(kinds) != len(value):
            return _Wrong(where, wanted, value)
        parts = (
            (f"{where}[{n}]", item, k) for n, (item, k) in enumerate(zip(value, kinds, strict=True))
        )
    elif type(value) in deep and is_dataclass(value):
        hints = get_type_hints(type(value))
        names = [item.name for item in fields(value)]
        parts = ((f"{where}.{name}", getattr(value, name), hints[name]) for name in names)
    else:
        return None
    found = (_mismatch(item, kind, place, deep) for place, item, kind in parts)
    return next((item for item in found if item is not None), None)


def _is_a(value: object, kind: object) -> bool:
    if kind is None or kind is NoneType:
        return value is None
    if kind is Callable or getattr(kind, "__name__", "") == "Callable":
        return callable(value)
    if kind in (int, float):
        allowed = (int,) if kind is int else (int, float)
        return isinstance(value, allowed) and not isinstance(value, bool)
    if kind is Sequence and isinstance(value, (str, bytes)):
        return False
    return not isinstance(kind, type) or isinstance(value, kind)


def _words(hint: object) -> str:
    if get_origin(hint) in (Union, UnionType):
        *first, last = map(_words, get_args(hint))
        return f"{', '.join(first)} or {last}"
    kind = get_origin(hint) or hint
    if kind in (NoneType, None):
        return "None"
    if kind is Path:
        return "a pathlib.Path"
    name = getattr(kind, "__name__", str(kind))
    return f"an {name}" if name[0] in "aeiouAEIOU" else f"a {name}"


def _shown(value: object) -> str:
    if value is None:
        return "None"
    try:
        text = repr(value)
    except Exception:  # it is the user's own class
        text = ""
    text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return f"{type(value).__name__} {text}".strip()
