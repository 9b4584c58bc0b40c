"""Whether the values of a report are of the types that its classes say.

A report is a file that people and programs edit; what reads it may rely on what stands here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, TypeAlias, Union, get_args, get_origin, get_type_hints

Entries: TypeAlias = dict[str, Any]  # a table of report.json; TABLES says what is in it

# What must stand in the parts of a report that are plain tables.
TABLES: Mapping[str, Mapping[str, type]] = {
    "model": {"name": str, "file": str, "sha256": str, "bytes": int, "macs": int},
    "board": {
        **{"name": str, "title": str, "chip": str, "core": str, "source": str},
        **{"clock_hz": int, "stack_bytes": int},
    },
    "run": {
        **{"target": str, "clock_hz": int, "is_estimate": bool, "total": dict},
        **{"samples": int, "time_us": float},
    },
}

# And what must be of a type where it is there: written by some versions only, or of some runs.
OPTIONAL: Mapping[str, Mapping[str, object]] = {
    "model": {"inputs": tuple[dict[str, object], ...], "labels": tuple[str, ...]},
    "board": {"isa": tuple[str, ...], "power_mw": float | None, "power_source": str},
    "run": {
        **{"stack_bytes": int | None, "left_out": str},
        **{"error_percent": int | None, "equal_to_reference": int, "accuracy": float},
        **{"confusion": tuple[tuple[int, ...], ...], "accuracy_doubt": str, "power_mw": float},
        **{"energy_estimate_uj": float, "boot_to_first_inference_us": float | None},
        **{"first_inference_us": float | None, "power_source": str},
    },
}


def mismatches(value: object, hint: object, where: str = "") -> Iterator[str]:
    """A sentence for each value that is not of the type that a field declares."""
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Any:
        return
    if origin in (Union, UnionType):
        if not any(next(mismatches(value, item, where), None) is None for item in inner):
            yield f"'{where}' is {value!r}"
    elif isinstance(hint, type) and is_dataclass(hint) and isinstance(value, hint):
        hints = get_type_hints(hint)
        for item in fields(hint):
            inside = f"{where}.{item.name}" if where else item.name
            yield from mismatches(getattr(value, item.name), hints[item.name], inside)
    elif origin is tuple and isinstance(value, tuple):
        kinds = inner[:1] * len(value) if inner[-1:] == (...,) else inner
        if len(kinds) != len(value):
            yield f"'{where}' has {len(value)} values"
        for number, (one, kind) in enumerate(zip(value, kinds, strict=False)):
            yield from mismatches(one, kind, f"{where}[{number}]")
    elif origin is dict and isinstance(value, dict):
        for key, one in value.items():
            yield from mismatches(one, inner[1], f"{where}.{key}")
    elif not _is_plain(value, origin or hint):
        yield f"'{where}' is {value!r}"


def table_mismatches(name: str, table: Mapping[str, object]) -> Iterator[str]:
    """The same for a plain table: what is missing, or of another type."""
    for key, kind in TABLES[name].items():
        if key not in table:
            yield f"'{name}.{key}' is missing"
        else:
            yield from mismatches(table[key], kind, f"{name}.{key}")
    for key, hint in OPTIONAL[name].items():
        if key in table:
            yield from mismatches(table[key], hint, f"{name}.{key}")


def _is_plain(value: object, kind: Any) -> bool:
    if kind is float:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return number and math.isfinite(float(value))  # type: ignore[arg-type]  # it is a number
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind if kind is not None else NoneType)
