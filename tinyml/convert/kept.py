"""What a framework's process made of a model is kept in the user's cache for the next conversion.

Importing TensorFlow or PyTorch takes most of the time of a conversion, and most conversions try
other options with the same model and data. A result's name holds a hash of all that it
was made from: the task, the content of the model and of the samples, the versions of the framework
and the code of tinyml's own importers. What cannot be hashed as a whole is not kept: Python files,
which import others, and environments other than this one.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from tinyml.base import resources
from tinyml.base.errors import TinymlError
from tinyml.base.files import temporary_folder

Result = dict[str, Any]  # what a process writes as JSON

KEPT = 24  # results at most; those used last stay
LARGEST_BYTES = 256 << 20  # of one result
RESULT, MADE = "result.json", "made"  # of an entry: what was said, and the file beside it
_OWN = ("next",)  # of a task that say nothing of its result


def key_of(task: Mapping[str, object], folder: Path) -> str | None:
    """The name of a task's result; None where it must not be kept.

    ``folder`` holds the samples of a task that runs the model.
    """
    source = Path(str(task["path"]))
    if task["entry"] or source.suffix == ".py":
        return None
    digest = hashlib.sha256(_code().encode())
    with suppress(OSError, metadata.PackageNotFoundError):
        said = {name: value for name, value in task.items() if name not in _OWN}
        said["path"] = source.name  # a copy elsewhere is the same model
        said["weights"] = bool(task["weights"])
        digest.update(json.dumps([said, _versions(str(task["importer"]))]).encode())
        for name, path in (*_files_of(source), *_given(task, folder)):
            content = path.read_bytes()
            digest.update(f"{name!r} {len(content)} ".encode() + content)
        return digest.hexdigest()
    return None


def take(key: str | None, folder: Path) -> Result | None:
    """The result of that name, its files copied into ``folder``; None where there is none."""
    if key is None:
        return None
    with suppress(OSError, ValueError, LookupError, TypeError):  # whatever is damaged there
        kept = _cache() / key
        entry = json.loads((kept / RESULT).read_text(encoding="utf-8"))
        made, found = entry["made"], entry["result"]
        content = (kept / MADE).read_bytes()
        if _named(found, content) != entry["sha256"]:
            return None
        (folder / made).write_bytes(content)
        os.utime(kept)
        return dict(found)
    return None


def _named(result: Result, content: bytes) -> str:
    """A hash of a result and its file: neither is taken when a disk has changed it."""
    return hashlib.sha256(json.dumps(result, sort_keys=True).encode() + content).hexdigest()


def keep(key: str | None, folder: Path, result: Result, made: str) -> None:
    """Keeps a result and the file ``made`` that belongs to it; errors are never kept."""
    if key is None or "error" in result or "missing" in result:
        return
    with suppress(OSError, TinymlError):
        content = (folder / made).read_bytes()
        if len(content) > LARGEST_BYTES:
            return
        _cache().mkdir(parents=True, exist_ok=True)
        with temporary_folder(_cache()) as work:
            entry = work / "entry"
            entry.mkdir()
            (entry / MADE).write_bytes(content)
            said = {"made": made, "result": result, "sha256": _named(result, content)}
            (entry / RESULT).write_text(json.dumps(said), encoding="utf-8")
            shutil.rmtree(_cache() / key, ignore_errors=True)  # damaged, else it had been taken
            entry.rename(_cache() / key)
        _forget()


def _forget() -> None:
    entries = sorted(_cache().iterdir(), key=lambda path: path.stat().st_mtime)
    for path in entries[:-KEPT]:
        shutil.rmtree(path, ignore_errors=True)


def _cache() -> Path:
    return resources.cache_dir() / "imports"


def _files_of(source: Path) -> Iterator[tuple[str, Path]]:
    """Each file of a model, with its place there."""
    if source.is_file():
        yield "", source
        return
    for path in sorted(path for path in source.rglob("*") if path.is_file()):
        yield path.relative_to(source).as_posix(), path


def _given(task: Mapping[str, object], folder: Path) -> Iterator[tuple[str, Path]]:
    if task["weights"]:
        yield "weights", Path(str(task["weights"]))
    if "samples" in task:
        yield "samples", folder / "samples.npz"


def _versions(importer: str) -> dict[str, str]:
    """Of the packages that an importer runs."""
    packages = importlib.import_module(f"tinyml.convert.importers.{importer}").PACKAGES
    return {name: metadata.version(name) for name in packages}


@cache
def _code() -> str:
    """A hash of the code that reads models, so that another version never takes an old result."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
