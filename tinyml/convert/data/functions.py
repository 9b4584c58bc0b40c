"""Samples from a Python function of the user."""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType

import numpy as np

from tinyml.base.errors import TinymlError
from tinyml.convert.data.values import DataOptions, RawData
from tinyml.ir.graph import Array

DEFAULT_LIMIT = 1000  # a generator may never end


def function_of(text: str) -> Callable[..., object]:
    """The function behind "module:function" or "file.py:function".

    Raises TinymlError when there is no such thing, or its module fails.
    """
    module, _, name = text.rpartition(":")
    if not module:
        raise TinymlError(f"'{text}' is not of the form module:function")
    try:
        loaded = _module(module)
    except Exception as error:  # the user's own code
        raise TinymlError(
            f"'{module}' cannot be imported: {error!r}",
            hint="run tinyml in the folder of the module, or give its path: folder/file.py:name",
        ) from error
    found = getattr(loaded, name, None)
    if not callable(found):
        names = sorted(n for n, v in vars(loaded).items() if callable(v) and n[0] != "_")
        raise TinymlError(
            f"'{module}' has no function '{name}'",
            hint=f"it has: {', '.join(names[:10]) or 'none'}",
        )
    return found  # type: ignore[no-any-return]


def _module(name: str) -> ModuleType:
    path = Path(name if name.endswith(".py") else f"{name}.py")
    if not path.is_file():
        sys.path.insert(0, "")
        try:
            return importlib.import_module(name)
        finally:
            sys.path.remove("")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(path.parent))
    return module


def file_of(module: str) -> Path | None:
    """The Python file of a module, which is not imported; None where that cannot be said.

    Raises TinymlError when there is no such module.
    """
    path = Path(f"{module}.py")
    if path.is_file():
        return path
    if "." in module:
        return None  # to look for it would import the package around it
    sys.path.insert(0, "")
    try:
        found = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        found = None
    finally:
        sys.path.remove("")
    if found is None:
        raise TinymlError(
            f"there is no module '{module}'",
            hint="run tinyml in the folder of the module, or give its path: folder/file.py:name",
        )
    origin = found.origin or ""
    return Path(origin) if origin.endswith(".py") else None


def read_function(module: str, name: str, options: DataOptions) -> RawData:
    """The samples that a function yields: arrays, dicts by input, or (sample, label) pairs.

    A sample is one input without the batch dimension, or with one of 1.
    """
    text = f"{module}:{name}"
    made = function_of(text)
    limit = options.limit or DEFAULT_LIMIT
    try:
        yielded = made()
        if not isinstance(yielded, Iterable):
            raise TypeError(f"it returned a {type(yielded).__name__}, not samples")
        if isinstance(yielded, Mapping):
            raise TypeError(
                "it returned one dict; return or yield a dict per sample: {input: its values}"
            )
        items = list(itertools.islice(yielded, limit))
    except Exception as error:  # the user's own code
        raise TinymlError(f"{text} failed: {error!r}") from error
    if not items:
        raise TinymlError(f"{text} yields no sample")
    labels = None
    if all(isinstance(item, tuple) and len(item) == 2 for item in items):
        labels = [np.asarray(item[1]) for item in items]
        items = [item[0] for item in items]
    columns: dict[str, list[Array]] = {}
    for item in items:
        for key, value in (item if isinstance(item, dict) else {"": item}).items():
            columns.setdefault(key, []).append(np.asarray(value))
    try:
        arrays = {key: np.stack(column) for key, column in columns.items()}
        stacked = None if labels is None else np.stack(labels)
    except ValueError as error:
        raise TinymlError(f"{text}: samples of different shapes: {error}") from error
    return RawData(arrays, text, stacked)
