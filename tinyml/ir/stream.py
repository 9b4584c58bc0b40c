"""Several ops computed row by row: stages that pass on rows instead of whole tensors.

Each stage is an ordinary kernel call on a small image. ``firmware/kernels/stream.h`` runs them, the
deepest one that has its rows first; the fields here are those of its tables. Rows of a tensor count
from its padding above: row ``above`` is the first of the image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tinyml.ir.kernel import KernelCall


@dataclass(frozen=True, slots=True)
class Rows:
    """All rows of a tensor, or the window of them that is in use."""

    tensor: int  # of the graph
    place: Literal["input", "output", "scratch"]  # all of the step's input or output, or a window
    count: int  # of the image, without padding
    pitch: int  # bytes from row to row; 0: every row is written to the same place
    capacity: int  # rows that there is room for
    offset: int = 0  # of the window in the step's scratch, bytes
    lead: int = 0  # bytes of padding in front of a row's first pixel
    above: int = 0  # rows of padding
    below: int = 0
    fill: int = 0  # value of the padding
    is_padded: bool = False  # on any side


@dataclass(frozen=True, slots=True)
class Reading:
    """What a stage reads of one tensor: run ``i`` reads ``need`` rows from ``start + i * step``."""

    rows: int  # index into Stream.rows
    start: int
    need: int
    step: int
    skip: int = 0  # bytes in front of each row that are left out


@dataclass(frozen=True, slots=True)
class Stage:
    """One kernel, run ``runs`` times; without a call it copies single rows."""

    op: int  # of the graph; -1 when it copies
    call: KernelCall | None
    inputs: tuple[Reading, ...]
    output: int  # index into Stream.rows
    band: int  # rows that a run writes
    runs: int
    scratch_offset: int = 0  # of the kernel's own scratch in the step's scratch, bytes
    copied_bytes: int = 0  # of a row, when it copies


@dataclass(frozen=True, slots=True)
class Stream:
    """The tables of one step; stages in the order of their depth."""

    rows: tuple[Rows, ...]
    stages: tuple[Stage, ...]
    window_bytes: int  # of the step's scratch, without the kernels' own scratch
