"""A firmware project on disk, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tinyml.target.board import Board


@dataclass(frozen=True, slots=True)
class Project:
    """A firmware project on disk."""

    directory: Path  # absolute; all other paths are relative to it
    name: str  # of the model: C prefix
    board: Board
    template: str
    sources: tuple[str, ...]  # C files to compile
    include_dirs: tuple[str, ...]
    defines: tuple[tuple[str, str], ...]
    linker_script: str  # "": a library, or somebody else's tools link it
    optimize: str  # "speed" or "size"
    toolchain: str = ""  # the one that the template is made for; "": the board's
    fingerprint: str = ""  # of all that its image is made of
    is_announced: bool = False  # whether its agent says the fingerprint
