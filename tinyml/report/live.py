"""The live part of a page: the model as WebAssembly, and what the reference says it computes.

``tinyml report`` makes it and keeps it in ``live.json``; every page of the same model on the same
board has it from then on.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path

from tinyml import __version__
from tinyml.base.files import write_atomic
from tinyml.base.records import Decoder, Encoder, checksum_of
from tinyml.report.report import Report

FORMAT = 1
FILE_NAME = "live.json"
FOLDER = Path(__file__).parent / "scripts"
# In this order they are one script of the page; each gives the later ones one name.
SCRIPTS = ("values.js", "module.js", "maps.js", "inputs.js", "live.js", "agent.js", "board.js")

IMAGE, SOUND, VALUES = "image", "sound", "values"
IMAGE_CHANNELS = (1, 3)
LEAST_SIDE = 6  # pixels of what may be a picture
MOST_PROPORTION = 3  # of its sides: what is longer are features over time, more likely
LEAST_SOUND = 1000  # samples of what may be a sound


@dataclass(frozen=True, slots=True)
class LiveTensor:
    """An input, an output or what a layer leaves."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float  # 0: not quantised
    zero_point: int


@dataclass(frozen=True, slots=True)
class LiveLayer:
    """One operator, which the module runs alone."""

    layer: int  # of the report, which may compute several operators in one
    op: str
    kernel: str  # C function; "": nothing runs
    tensor: LiveTensor


@dataclass(frozen=True, slots=True)
class LiveSample:
    """An inference as the reference computes it."""

    inputs: tuple[str, ...]  # bytes in base64
    outputs: tuple[str, ...]
    layers: tuple[int, ...]  # CRC-32 of each layer's output; of floats, with one zero and one NaN
    label: int | None = None  # its class; None: not known


@dataclass(frozen=True, slots=True)
class Live:
    """All that the live part of a page is made of."""

    model: str  # sha256
    board: str
    tinyml: str  # version that made it
    key: str = ""  # of the build and the samples that it was made of
    missing: str = ""  # why there is no module; nothing else is known then
    module: str = ""  # WebAssembly in base64
    inputs: tuple[LiveTensor, ...] = ()
    outputs: tuple[LiveTensor, ...] = ()
    layers: tuple[LiveLayer, ...] = ()
    samples: tuple[LiveSample, ...] = ()
    samples_from: str = ""  # what they are, in words
    is_streaming: bool = False  # each sample goes on with the state that the one before has left
    baud: int = 115_200  # of the board's serial line

    def is_of(self, report: Report) -> bool:
        """Whether it is of the report's model and board, by this version of tinyml."""
        mine = (report.model["sha256"], report.board["name"], __version__)
        return (self.model, self.board, self.tinyml) == mine

    @property
    def module_bytes(self) -> int:
        """Size of the WebAssembly module."""
        return len(self.module) * 3 // 4 - self.module[-2:].count("=")

    def document(self) -> dict[str, object]:
        """What the page's script reads."""
        return {**asdict(self), "kinds": self.kinds}

    @property
    def kinds(self) -> tuple[str, ...]:
        """What each input may be fed with."""
        return tuple(input_kind(tensor.shape) for tensor in self.inputs)

    def page_bytes(self) -> int:
        """What it takes of a page, about: data and script."""
        return len(json.dumps(self.document())) + len(script())

    def kernels_text(self, report: Report) -> str:
        """Whose kernels these are."""
        same = self.same_kernels(report)
        if same == len(self.layers):
            return "all kernels are those of this firmware"
        some = f"{same} of {len(self.layers)}" if same else "none"
        return (
            f"kernels of this firmware: {some}; the other layers have plain ones, an operator "
            "each, to which the firmware's must be equal in every element"
        )

    def same_kernels(self, report: Report) -> int:
        """How many of its layers run the very kernel that they have in the firmware."""
        own = {(layer.kernel, layer.index) for layer in report.layers}
        return sum((layer.kernel, layer.layer) in own for layer in self.layers)


def input_kind(shape: Sequence[int]) -> str:
    """What an input may be fed with, by its shape: a picture, a sound, or values alone."""
    sizes = tuple(shape[1:]) if shape[:1] == (1,) else tuple(shape)
    if len(sizes) == 2 and min(sizes) >= LEAST_SIDE:
        sizes = (*sizes, 1)
    if len(sizes) == 3 and sizes[2] in IMAGE_CHANNELS and min(sizes[:2]) >= LEAST_SIDE:
        return IMAGE if max(sizes[:2]) <= MOST_PROPORTION * min(sizes[:2]) else VALUES
    is_row = sum(size > 1 for size in sizes) == 1
    return SOUND if is_row and prod(sizes) >= LEAST_SOUND else VALUES


def read_live(report: Report, directory: Path) -> Live | None:
    """What is kept there, as far as it is of this report; None otherwise: it can be made again."""
    try:
        document = json.loads((directory / FILE_NAME).read_text(encoding="utf-8"))
        if document["format"] != FORMAT or document["checksum"] != checksum_of(document):
            return None
        decoder = Decoder({Live, LiveTensor, LiveLayer, LiveSample}, {})
        found: Live = decoder.decode(document["live"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return found if found.is_of(report) else None


def write_live(live: Live, directory: Path) -> None:
    """Keeps it there."""
    document: dict[str, object] = {"format": FORMAT, "live": Encoder().encode(live)}
    document["checksum"] = checksum_of(document)
    write_atomic(directory / FILE_NAME, json.dumps(document) + "\n")


def remove_live(directory: Path) -> None:
    """Pages of this build have no live part from now on."""
    (directory / FILE_NAME).unlink(missing_ok=True)


def script() -> str:
    """The script of the live part."""
    return "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS)
