"""A plan on disk: plan.json and plan.npz, from which later commands open a build as it was built.

Nothing is planned again, so a build that another version of tinyml made stays what it is. The graph
before the passes is not kept: the model file lies beside, and reading it decides nothing.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import typing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tinyml import __version__
from tinyml.base.errors import BuildError
from tinyml.base.files import write_atomic
from tinyml.base.records import Decoder, Encoder, checksum_of
from tinyml.evaluate.arrayfile import read_array_file
from tinyml.ir import dtype, kernel
from tinyml.model.file import read_model
from tinyml.model.reader import load
from tinyml.ops import all_ops, inner_ops
from tinyml.ops.control import TABLES
from tinyml.plan.planned import Planned
from tinyml.project.fingerprint import is_in
from tinyml.target.board import Board
from tinyml.values.image import Image

FORMAT = 1
PLAN_FILE = "plan.json"
ARRAYS_FILE = "plan.npz"
AGAIN = "build again"


def save_planned(planned: Planned, directory: Path, image: Image | None) -> None:
    """Writes both files; ``image`` is what was linked of the plan, which they then belong to."""
    encoder = Encoder()
    plan = replace(planned.plan, as_read=None)
    target = replace(planned.target, board=without_sizes(planned.target.board))
    record = encoder.encode(replace(planned, plan=plan, target=target, model=None))
    packed = io.BytesIO()
    np.savez_compressed(packed, **encoder.arrays)  # type: ignore[arg-type]  # names, not options
    document = {
        "format": FORMAT,
        "tinyml": __version__,
        "image": _digest(image),
        "arrays": hashlib.sha256(packed.getvalue()).hexdigest(),
        "has_passes": planned.plan.as_read is not None,
        "planned": record,
    }
    document["checksum"] = checksum_of(document)
    write_atomic(directory / ARRAYS_FILE, packed.getvalue())
    write_atomic(directory / PLAN_FILE, json.dumps(document, indent=1) + "\n")


def without_sizes(board: Board) -> Board:
    """The board without the code sizes of its core's kernels, which only the planner asks for."""
    core = replace(board.chip.core, code_bytes={})
    return replace(board, chip=replace(board.chip, core=core))


def load_planned(directory: Path, image: Image | None) -> Planned:
    """What ``save_planned`` wrote there, with the model beside it; raises BuildError."""
    path = directory / PLAN_FILE
    if not path.is_file():
        raise BuildError(
            f"{directory} has no {PLAN_FILE}: an older tinyml made it, or it was interrupted",
            hint=AGAIN,
        )
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["format"] != FORMAT:
            raise ValueError(f"format {document['format']}, this version reads {FORMAT}")
        _check_whole(document, directory, image)
        decoder = Decoder(_types(), read_array_file(directory / ARRAYS_FILE))
        planned: Planned = decoder.decode(document["planned"])
        has_passes = bool(document["has_passes"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BuildError(
            f"not a plan of this build: {error}", hint=AGAIN, where=str(path)
        ) from error
    return _with_model(planned, directory, has_passes=has_passes)


def saved_board(directory: Path) -> Board | None:
    """The board as the build there saw it; None where no plan says so."""
    try:
        document = json.loads((directory / PLAN_FILE).read_text(encoding="utf-8"))
        if document["format"] != FORMAT or document["checksum"] != checksum_of(document):
            return None
        board: Board = Decoder(_types(), {}).decode(document["planned"]["target"]["board"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return board


def check_belongs(directory: Path, image: Image) -> None:
    """Raises BuildError when the image is not of the plan beside it, which a later build wrote."""
    try:
        document = json.loads((directory / PLAN_FILE).read_text(encoding="utf-8"))
        wanted = document["image"]
    except (OSError, ValueError, KeyError, TypeError):
        return  # there is no plan, or it is damaged: whoever needs it will say so
    if wanted is None:
        raise BuildError(
            f"the project in {directory} has not been built: the image there is of a build before",
            hint="'tinyml doctor' says which tools are missing; build without --project-only",
        )
    if wanted != _digest(image):
        raise BuildError(f"the image in {directory} is of another build than its plan", hint=AGAIN)


def check_announced(directory: Path, image: Image) -> None:
    """Raises BuildError when an image that somebody else's tools made is of a plan before.

    Only the fingerprint tells: such an image has no description of ours.
    """
    try:
        document = json.loads((directory / PLAN_FILE).read_text(encoding="utf-8"))
        held = document["planned"]
        fingerprint, is_announced = held["fingerprint"], held["is_announced"]
    except (OSError, ValueError, KeyError, TypeError):
        return  # no plan, or one of a version without fingerprints
    if is_announced and not is_in(image, fingerprint):
        raise BuildError(
            f"the image in {image.elf.parent} was built from the project as it was before: it "
            f"does not hold the fingerprint of the build in {directory}, {fingerprint}",
            hint="build the project again with the tools that made that image",
        )


def is_same_chip(board: Board, seen: Board) -> bool:
    """Whether an image for ``seen`` can run on ``board``: the same core, memory and boot region."""
    one, other = (
        (chip.core.name, chip.regions, chip.boot_region) for chip in (board.chip, seen.chip)
    )
    return one == other


def _check_whole(document: dict[str, object], directory: Path, image: Image | None) -> None:
    """Raises ValueError or OSError unless text, arrays and image are those of one build."""
    if document["checksum"] != checksum_of(document):
        raise ValueError("its text was changed")
    packed = (directory / ARRAYS_FILE).read_bytes()
    if document["arrays"] != hashlib.sha256(packed).hexdigest():
        raise ValueError(f"{ARRAYS_FILE} is another one")
    if document["image"] != _digest(image):
        raise ValueError("the image beside it was made by another build")


def _with_model(planned: Planned, directory: Path, *, has_passes: bool) -> Planned:
    source = planned.plan.graph.source
    file = directory / source.file_name
    if not file.is_file():
        raise BuildError(f"the model '{file.name}' is missing in {directory}", hint=AGAIN)
    model = read_model(file)
    if model.sha256 != source.sha256:
        raise BuildError(f"{file} is not the model that was built", hint=AGAIN)
    as_read = load(model) if has_passes else None
    return replace(planned, plan=replace(planned.plan, as_read=as_read), model=model)


def _digest(image: Image | None) -> str | None:
    """The hash of the linked file."""
    if image is None:
        return None
    return dict(image.hashes).get(image.elf)


def _types() -> set[type]:
    """Every dataclass that a plan can hold."""
    specs = (*all_ops().values(), *inner_ops().values())
    attrs = (*(spec.attrs for spec in specs), *(table.attrs for table in TABLES.values()))
    found: set[type] = set()
    for root in (Planned, kernel.Struct, kernel.Ref, kernel.Enumerator, dtype.DType, *attrs):
        _add(root, found)
    return found


def _add(hint: Any, found: set[type]) -> None:
    for inner in typing.get_args(hint):
        _add(inner, found)
    if not isinstance(hint, type) or not dataclasses.is_dataclass(hint) or hint in found:
        return
    found.add(hint)
    for inner in typing.get_type_hints(hint).values():
        _add(inner, found)
