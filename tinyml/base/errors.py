"""Every error that tinyml raises on purpose, with its exit code.

    TinymlError                  1
    ├─ ModelError                1   the model file is damaged or not what we accept
    │  └─ UnsupportedOps         1   carries every (op, constraint, found)
    ├─ PlanError                 1   no valid memory plan
    │  └─ DoesNotFit             1   a region is too small
    │     └─ Overflows           1   says the linker
    ├─ BoardError                1   a board or chip file is wrong or unknown
    ├─ BuildError                1   a generated project does not compile
    │  └─ StackTooSmall          1   the code may take more of it than is reserved
    ├─ ToolError                 3   an external program failed
    │  └─ ToolMissing            3   it is not there
    ├─ DeviceError               4   port missing, busy, silent, wrong board, crashed firmware
    │  └─ SimulationFault        4   the emulated firmware did what the chip would not allow
    ├─ MismatchError             5   results differ from the reference
    └─ InternalError            70   tinyml contradicts itself: a bug, stopped before it did harm

Only ``tinyml.cli`` catches these to print them.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

#: What every command ends with; ``tinyml help exit-codes`` prints it.
EXIT_CODES = {
    "0": "done: it fits, it is equal, nothing got worse",
    "1": "it does not fit, a file or a board is not what it should be, or compare found it worse",
    "2": "the command line is not understood",
    "3": "a program that is needed is missing, or failed",
    "4": "the board, or the firmware on an emulated one, does not answer as it should",
    "5": "results differ from the reference, or a score is below the one that was asked for",
    "70": "a bug of tinyml, stopped before it did harm",
    "130": "stopped by Ctrl-C (other signals: 128 + their number)",
}


class TinymlError(Exception):
    """A failure that the user can do something about.

    ``message`` says what failed and what was found against what was needed; ``hint`` is the next
    step, printed on its own line; ``where`` is the file, layer or address concerned.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None, where: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.where = where

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text}\nhint: {self.hint}" if self.hint else text


class ModelError(TinymlError):
    """The model file is damaged or not what we accept."""


@dataclass(frozen=True, slots=True)
class Unsupported:
    """One unmet constraint of one op."""

    op: str  # "CONV_2D 'block1/conv' (op 3)"
    constraint: str  # the sentence of the constraint, e.g. "Weights must be constant."
    found: str  # what the model has instead


class UnsupportedOps(ModelError):
    """Lists every constraint that any op of the model does not meet."""

    def __init__(self, model: str, found: tuple[Unsupported, ...], hint: str | None = None) -> None:
        lines = [f"{item.op}: {item.constraint} Found: {item.found}" for item in found]
        super().__init__(
            f"{model}: {len(found)} unsupported thing(s):\n  " + "\n  ".join(lines),
            hint=hint
            or "'tinyml ops' lists what is supported; give the float model to 'tinyml convert', "
            "which puts others in the place of many operators, replace the layers named above, or "
            "take --runtime tflm, which has more of them.",
        )
        self.found = found


class PlanError(TinymlError):
    """No valid memory plan exists for the model."""


class DoesNotFit(PlanError):
    """A memory region of the board is too small for the model."""


class Overflows(DoesNotFit):
    """What a linker found too large; carries by how many bytes, per region."""

    def __init__(self, message: str, over: Mapping[str, int], *, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.over = over


class BoardError(TinymlError):
    """A board or chip file is wrong or unknown."""


class BuildError(TinymlError):
    """A generated project does not compile or link."""


class StackTooSmall(BuildError):
    """A firmware's code may take more stack than its board reserves; carries what it wants."""

    def __init__(self, message: str, wanted_bytes: int, *, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.wanted_bytes = wanted_bytes


class ToolError(TinymlError):
    """An external program failed."""

    exit_code = 3


class ToolMissing(ToolError):
    """An external program is not there."""


class DeviceError(TinymlError):
    """The board does not answer as it should: missing, busy, silent, crashed, or the wrong one."""

    exit_code = 4


class SimulationFault(DeviceError):
    """The firmware on an emulated board did what the chip would not allow."""


class MismatchError(TinymlError):
    """Results differ from the reference."""

    exit_code = 5


class InternalError(TinymlError):
    """Two parts of tinyml contradict each other: a bug, found before anything wrong was made."""

    exit_code = 70

    def __init__(self, message: str, *, hint: str | None = None, where: str | None = None) -> None:
        hint = (
            hint
            or "this is a bug of tinyml, and nothing was built: please report it with the model"
        )
        super().__init__(message, hint=hint, where=where)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint that lists the near matches of an unknown name, or all known ones."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3)
    if near:
        return "did you mean " + " or ".join(f"'{item}'" for item in near) + "?"
    return "known: " + ", ".join(names)
