"""The boards that there are: read from ``boards/<name>.toml``, or from a private file.

A board file names its chip (``tinyml.target.chip``). The file stem is the name. Unknown keys are
errors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tinyml.base import resources
from tinyml.base.datafile import Table, read_table
from tinyml.base.errors import BoardError, did_you_mean
from tinyml.target.board import Board, Power
from tinyml.target.chip import Chip, read_chip
from tinyml.target.memory import read_memory
from tinyml.target.names import check_backends

CHOICES = ("flasher", "template")  # a board may name several, with a table of options for each
FILE_STEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}")
USB = re.compile(r"[0-9A-Fa-f]{4}:[0-9A-Fa-f]{4}")
BACKENDS = ("runtime", "toolchain", "flasher", "simulator", "template")


def load_board(name_or_path: str | Path) -> Board:
    """The board of that name, or the one in that .toml file.

    The chip of a private board is looked up beside its file (in ``chips/`` or there) first.
    Raises BoardError if there is no such board or its file is wrong.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = _find(str(name_or_path), "board", (resources.path("boards"),))
    elif not path.is_file():
        raise BoardError(
            "no such file", where=str(path), hint="'tinyml boards' lists the boards known by name"
        )
    return _read_board(read_table(path), path)


def all_boards() -> tuple[Board, ...]:
    """Every board that comes with tinyml, by name."""
    return tuple(load_board(path) for path in sorted(resources.path("boards").glob("*.toml")))


def _find(name: str, what: str, folders: tuple[Path, ...]) -> Path:
    for folder in folders:
        path = folder / f"{name}.toml"
        if path.is_file() and path.parent == folder:
            return path
    known = {path.stem for folder in folders for path in folder.glob("*.toml")}
    raise BoardError(f"unknown {what} '{name}'", hint=did_you_mean(name, known))


def _read_board(top: Table, path: Path) -> Board:
    top.check_word("file name", path.stem, FILE_STEM)
    chip_name = top.word("chip", pattern=FILE_STEM)
    own = () if chip_name == path.stem else (path.parent,)
    beside = (path.parent / "chips", *own, resources.path("boards") / "chips")
    chip_file = read_table(_find(chip_name, "chip", beside))
    memory, serial = top.table("memory"), top.table("serial", {})
    flash = memory.table("flash")
    chip = read_chip(chip_file, chip_name, serial, flash)
    usable, profiles = read_memory(memory, top.integer("stack_bytes", minimum=256), chip.regions)
    backends = top.table("backends")
    choices = {kind: _read_choices(backends, kind) for kind in CHOICES}
    board = Board(
        name=path.stem,
        title=top.text("title"),
        source=top.text("source"),
        chip=chip,
        usb=top.words("usb", USB, ()),
        ram=usable.ram,
        flash=usable.flash,
        stack_bytes=usable.stack_bytes,
        memory_note=usable.note,
        profiles=profiles,
        power=_read_power(top),
        backends={
            kind: choices[kind][0] if kind in choices else backends.text(kind) for kind in BACKENDS
        },
        baud=serial.integer("baud", 115_200, minimum=300),
        defines=top.integers("defines"),
        options=_read_options(top, chip),
        flashers=choices["flasher"],
        templates=choices["template"],
    )
    for table in (top, memory, serial, backends):
        table.close()
    check_backends(board, top)
    return board


def _read_power(top: Table) -> Power | None:
    if not top.has("power"):
        return None
    table = top.table("power")
    active_mw = table.value("active_mw", (int, float), "a number of milliwatts", 0)
    power = Power(float(active_mw), table.text("source"))
    if power.active_mw <= 0:
        raise table.error(f"'active_mw' must be above 0, found {power.active_mw:g}")
    table.close()
    return power


def _read_choices(backends: Table, kind: str) -> tuple[str, ...]:
    """The names of a backend, in order of preference."""
    found = backends.value(kind, (str, list), "a name or a list of names", None)
    names = (found,) if isinstance(found, str) else backends.strings(kind)
    if not names:
        raise backends.error(f"'backends.{kind}' must name at least one {kind}")
    return names


def _read_options(top: Table, chip: Chip) -> dict[str, Mapping[str, Any]]:
    """The tables of the backends; where there is one per name, the chip's keys are added."""
    options: dict[str, Mapping[str, Any]] = {
        kind: top.options(kind) for kind in BACKENDS if kind not in CHOICES and top.has(kind)
    }
    for kind, common in (("flasher", chip.flasher), ("template", chip.template)):
        own = top.named_tables(kind)
        names = {**common, **own}
        if names:
            options[kind] = {name: {**common.get(name, {}), **own.get(name, {})} for name in names}
    return options
