"""Report: plan, image and run as one JSON document, the truth about one build.

``docs/report.schema.json`` describes the document; every key is there even when nothing is known.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tinyml.base.errors import TinymlError
from tinyml.report.arena import Arena, Placed
from tinyml.report.check import Entries, mismatches, table_mismatches
from tinyml.report.flash import Flash
from tinyml.values.image import Section

FORMAT = 1  # of report.json; raised when a key changes its meaning
FILE_NAME = "report.json"
_WHICH = "give a build directory of 'tinyml build' or 'tinyml simulate', or a report.json"


@dataclass(frozen=True, slots=True)
class Spread:
    """How much a time varied over several runs, in cycles."""

    min: int
    median: int
    p95: int
    max: int


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of the compiled model, as the report shows it."""

    index: int
    op: str
    name: str
    shape: tuple[int, ...]  # of the output
    macs: int
    kernel: str  # C function, "" when nothing runs
    note: str
    weights_bytes: int
    scratch_bytes: int
    predicted_instructions: int
    alternatives: tuple[tuple[str, int], ...]
    rejected: tuple[tuple[str, str], ...]
    stages: tuple[str, ...] = ()  # C functions that the kernel itself calls, row by row
    form: str = ""  # of the operator, "s8": the types that the kernel is for; "" for several ops
    constant_bytes: int | None = None  # as linked; constants that layers share count once
    params_bytes: int | None = None  # as linked
    cycles: int | None = None
    instructions: int | None = None
    time_us: float | None = None
    spread: Spread | None = None
    inputs: tuple[int, ...] | None = None  # layers read; -1 - n: input n of the model; None: unsaid


@dataclass(frozen=True, slots=True)
class Memory:
    """One region: predicted before compiling, linked afterwards."""

    region: str
    kind: str
    budget_bytes: int
    uses: dict[str, int]  # purpose → predicted bytes
    predicted_bytes: int
    linked_bytes: int | None


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is known about one model on one board."""

    format: int
    tinyml: str
    model: Entries
    board: Entries
    optimize: str
    layers: tuple[Layer, ...]
    memory: tuple[Memory, ...]
    arena: Arena
    fits: bool
    problems: tuple[str, ...]
    command: str  # what makes this report again, next to the model file
    tools: dict[str, str]  # name → version
    toolchain: str | None = None
    sections: tuple[Section, ...] = ()
    flash: Flash | None = None  # None before linking
    run: Entries | None = None
    runtime: str = "aot"  # what executes the model
    self_test: Entries | None = None  # None: nothing was tested
    stack_bound_bytes: int | None = None  # the most that the code can take; None: not known
    copied: Entries | None = None  # constants that RAM holds; None: none
    two_cores: Entries | None = None  # layers that two cores share; None: the model has one
    predicted: Entries | None = None  # of an inference; None: nothing was
    fingerprint: str = ""  # of the build, as the agent says it; "": nothing was built

    def to_json(self) -> dict[str, object]:
        """The report as plain data."""
        return asdict(self)

    def to_text(self) -> str:
        """The report as the text of report.json."""
        return json.dumps(self.to_json(), indent=1) + "\n"

    @property
    def has_times(self) -> bool:
        """Whether a run counted cycles."""
        return self.run is not None and self.run["total"]["cycles"] > 0


def from_json(document: Any) -> Report:
    """The report that ``to_json`` gave; raises TinymlError when it is something else."""
    try:
        if document["format"] != FORMAT:
            raise TinymlError(
                f"format {document['format']}, this version reads {FORMAT}", hint="build again"
            )
        known = {key: _frozen(value) for key, value in document.items()}
        known["layers"] = tuple(_layer(item) for item in known["layers"])
        known["memory"] = tuple(Memory(**item) for item in known["memory"])
        known["sections"] = tuple(Section(**item) for item in known["sections"])
        known["arena"] = Arena(
            **{**known["arena"], "placed": tuple(Placed(**p) for p in known["arena"]["placed"])}
        )
        known["flash"] = known["flash"] and Flash(**known["flash"])
        report = Report(**known)
    except (KeyError, TypeError, AttributeError) as error:
        raise TinymlError(f"not a report of tinyml: {error}", hint="build again") from error
    wrong = next(_mismatches(report), None)
    if wrong is not None:
        raise TinymlError(f"not as tinyml wrote it: {wrong}", hint="build again")
    return report


def _mismatches(report: Report) -> Iterator[str]:
    yield from mismatches(report, Report)
    for name, table in (("model", report.model), ("board", report.board), ("run", report.run)):
        if table is not None:
            yield from table_mismatches(name, table)
    yield from _contradictions(report)


_FOUND = ("cycles", "instructions", "time_us")


def _contradictions(report: Report) -> Iterator[str]:
    """What is of the right type and cannot be."""
    for position, layer in enumerate(report.layers):
        if layer.index != position:
            yield f"'layers[{position}].index' is {layer.index}"
        if any(source >= position for source in layer.inputs or ()):
            yield f"'layers[{position}].inputs' names a layer that comes later"
        for name in ("macs", "weights_bytes", "predicted_instructions", *_FOUND):
            if (getattr(layer, name) or 0) < 0:
                yield f"'layers[{position}].{name}' is below 0"
    for name in _FOUND:  # by a run: of every layer, or of none
        if len({getattr(layer, name) is None for layer in report.layers}) > 1:
            yield f"'layers' lack '{name}' here and there"
    for memory in report.memory:
        if memory.budget_bytes < 1:
            yield f"the budget of '{memory.region}' is {memory.budget_bytes}"
    counts = (report.run or {}).get("confusion", ())
    if any(len(row) != len(counts) or min(row) < 0 for row in counts):
        yield "'run.confusion' is not square"


def read_report(path: Path) -> Report:
    """The report in a build directory, or in a report.json; raises TinymlError."""
    file = path / FILE_NAME if path.is_dir() else path
    try:
        return from_json(json.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise TinymlError(
            f"{file} cannot be read: {error.strerror}",
            hint=_WHICH,
        ) from error
    except UnicodeDecodeError as error:
        raise TinymlError("is no report.json", hint=_WHICH, where=str(file)) from error
    except (ValueError, RecursionError) as error:
        raise TinymlError(f"not JSON: {error}", hint="build again", where=str(file)) from error
    except TinymlError as error:
        raise TinymlError(error.message, hint=error.hint, where=str(file)) from error


def newest_report(root: Path = Path("build")) -> tuple[Path, int]:
    """The build directory below ``root`` with the newest report, and how many there are.

    Raises TinymlError when there is none.
    """
    found = sorted(root.glob(f"*/{FILE_NAME}"), key=lambda path: path.stat().st_mtime_ns)
    if not found:
        raise TinymlError(
            f"there is no report below {root}/",
            hint="make one: tinyml build model.tflite --board NAME",
        )
    return found[-1].parent, len(found)


def _layer(item: Entries) -> Layer:
    spread = item["spread"]
    return Layer(**{**item, "spread": spread and Spread(**spread)})


def _frozen(value: Any) -> Any:
    """Lists as tuples, all the way down."""
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    if isinstance(value, dict):
        return {key: _frozen(item) for key, item in value.items()}
    return value
