"""ModelFile: a model's bytes with a name and a hash."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from tinyml.base.errors import ModelError
from tinyml.model.schema import IDENTIFIER, MAX_FILE_BYTES

_NAMED = 8  # models that lie where one is not
_MAX_NAME = 40  # characters; longer names make unreadable symbols


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model as it lies on disk."""

    name: str  # a C identifier in lower case, prefix of all generated symbols
    file_name: str  # without directories
    data: bytes
    sha256: str  # hex
    conversion: str = ""  # the text of its convert.json; "": none is known


def read_model(path: Path) -> ModelFile:
    """The model file at ``path``.

    Raises ModelError if it cannot be read; for an absent one it names the models beside it.
    """
    try:
        if path.exists() and not path.is_file():
            kind = "folder" if path.is_dir() else "device or a pipe"
            raise ModelError(f"is a {kind}, not a .tflite file", where=str(path))
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ModelError("is larger than 2 GiB, no .tflite file is", where=str(path))
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise no_such_model(path, (".tflite", ".lite"), "a .tflite file") from error
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
        raise ModelError(
            f"cannot be read: {getattr(error, 'strerror', None) or error}",
            hint="give the path of a .tflite file.",
            where=str(path),
        ) from error
    made = model_file(path.name, data)
    return replace(made, conversion=_conversion_beside(path, made.sha256))


def conversion_path(model: Path) -> Path:
    """Where a conversion writes what it measured of a model."""
    return model.with_name(f"{model.stem}.convert.json")


def _conversion_beside(model: Path, sha256: str) -> str:
    """The convert.json beside a model, if it is of that very model: else it says nothing of it."""
    try:
        text = conversion_path(model).read_text(encoding="utf-8")
        document = json.loads(text)
        return text if document["model"]["sha256"] == sha256 else ""
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""


def no_such_model(path: Path, suffixes: Collection[str], kinds: str) -> ModelError:
    """The error for a path that leads nowhere; it names the models in that folder.

    ``suffixes`` are those of models; ``kinds`` says in words what may be given.
    """
    try:
        there = sorted(found.name for found in path.parent.iterdir() if found.suffix in suffixes)
    except OSError:
        there = []
    near = difflib.get_close_matches(path.name, there, _NAMED, 0.0)
    return ModelError(
        "no such file or folder",
        hint=f"models there: {', '.join(near)}" if near else f"give the path of {kinds}.",
        where=str(path),
    )


def is_flatbuffer(path: Path) -> bool:
    """Whether a file begins like a .tflite file, whatever it is called."""
    try:
        with path.open("rb") as file:
            return file.read(8)[4:] == IDENTIFIER
    except (OSError, ValueError):
        return False


def model_file(file_name: str, data: bytes) -> ModelFile:
    """A model file from bytes in memory."""
    stem = file_name.rsplit(".", 1)[0] if "." in file_name.lstrip(".") else file_name
    return ModelFile(c_identifier(stem), file_name, data, hashlib.sha256(data).hexdigest())


def c_identifier(text: str) -> str:
    """A lower-case C identifier made of ``text``, of at most about 40 characters.

    It is only ever used as a prefix (``kws_invoke``), so keywords do no harm; "tml" would, as the
    firmware's own prefix.
    """
    words = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    name = words[:_MAX_NAME].rstrip("_") or "model"
    if name[0].isdigit() or name == "tml" or name.startswith("tml_"):
        name = f"model_{name}"
    return name
