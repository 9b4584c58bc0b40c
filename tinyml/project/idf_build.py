"""What ``idf.py build`` leaves, as an image: for projects that are built without tinyml.

Source: ESP-IDF, components/esptool_py: ``flasher_args.json`` names files and their offsets in the
serial flash; ``project_description.json`` names the ELF.
"""

from __future__ import annotations

import json
from pathlib import Path

from tinyml.base.errors import BuildError
from tinyml.values.image import Image

FILES = "flasher_args.json"
PLACES = (".", "build", "project/build")  # of that file, from what a user may name


def idf_folder(path: Path) -> Path | None:
    """The folder with the files of an ESP-IDF build, at or below a directory."""
    folders = [path / place for place in PLACES]
    return next((folder for folder in folders if (folder / FILES).is_file()), None)


def read_idf(folder: Path) -> Image:
    """Every file of the build at its offset; sizes and symbols stay unknown.

    Raises BuildError when the description is not one, or the flash is to be encrypted.
    """
    document = _object(folder / FILES)
    encrypted = sorted(
        name
        for name, entry in document.items()
        if isinstance(entry, dict) and str(entry.get("encrypted", "")).lower() == "true"
    )
    if encrypted:
        raise BuildError(
            f"{', '.join(encrypted)} must be encrypted on its way into the flash, which tinyml "
            "does not do",
            hint="use 'idf.py flash', or switch flash encryption off in menuconfig",
            where=str(folder / FILES),
        )
    files = document.get("flash_files")
    if not isinstance(files, dict):
        raise _not_one(folder / FILES, "no 'flash_files' with offsets")
    try:
        segments = tuple(sorted((int(at, 0), folder / file) for at, file in files.items()))
    except (TypeError, ValueError) as error:
        raise _not_one(folder / FILES, f"no 'flash_files' with offsets: {error}") from error
    return Image(
        elf=_elf(folder),
        segments=segments,
        sections=(),
        flash_bytes=0,
        ram_bytes=0,
        symbols=(),
        toolchain="ESP-IDF",
    )


def _elf(folder: Path) -> Path:
    """The firmware's ELF; where it would lie when the build does not say."""
    description = folder / "project_description.json"
    name = _object(description).get("app_elf") if description.is_file() else None
    return folder / str(name or "app.elf")


def _object(path: Path) -> dict[str, object]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _not_one(path, str(error)) from error
    if not isinstance(document, dict):
        raise _not_one(path, "not an object")
    return document


def _not_one(path: Path, what: str) -> BuildError:
    return BuildError(
        f"not what an ESP-IDF build leaves: {what}",
        hint="run 'idf.py build' again",
        where=str(path),
    )
