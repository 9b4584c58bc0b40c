"""Mounted drives: boards that show up as a disk take an image as a file."""

from __future__ import annotations

import fnmatch
import sys
from collections.abc import Sequence
from pathlib import Path

from tinyml.base.errors import DeviceError

MOUNT_POINTS = ("/media/*/*", "/run/media/*/*", "/media/*", "/mnt/*", "/Volumes/*")


def mounted() -> tuple[tuple[str, Path], ...]:
    """(name, folder) of the drives that are mounted."""
    if sys.platform == "win32":
        return tuple(_windows_drives())
    folders = {path for pattern in MOUNT_POINTS for path in Path("/").glob(pattern.lstrip("/"))}
    return tuple((path.name, path) for path in sorted(folders) if path.is_dir())


def with_label(patterns: Sequence[str]) -> tuple[Path, ...]:
    """Drives whose name matches one of the patterns."""
    return tuple(
        path
        for name, path in mounted()
        if any(fnmatch.fnmatchcase(name.upper(), pattern.upper()) for pattern in patterns)
    )


def with_board_id(board_id: str) -> tuple[Path, ...]:
    """Drives of a UF2 boot loader for that board."""
    return tuple(path for _, path in mounted() if uf2_board_id(path) == board_id)


def uf2_board_id(folder: Path) -> str | None:
    """What the boot loader of a UF2 drive calls its board; None when it is no such drive."""
    try:
        text = (folder / "INFO_UF2.TXT").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip().lower() == "board-id":
            return value.strip()
    return ""


def only(found: Sequence[Path], what: str) -> Path:
    """The only one; raises DeviceError when none or several are there."""
    if len(found) == 1:
        return found[0]
    if found:
        raise DeviceError(
            f"{len(found)} drives look like {what}: {', '.join(map(str, found))}",
            hint="choose one with --port FOLDER",
        )
    raise DeviceError(f"no drive of {what} is mounted", hint="name its folder with --port FOLDER")


def _windows_drives() -> list[tuple[str, Path]]:
    import ctypes
    import string

    found = []
    for letter in string.ascii_uppercase:
        root = f"{letter}:\\"
        label = ctypes.create_unicode_buffer(64)
        ask = getattr(ctypes, "windll").kernel32.GetVolumeInformationW  # noqa: B009
        if ask(root, label, 64, None, None, None, None, 0):
            found.append((label.value, Path(root)))
    return found
