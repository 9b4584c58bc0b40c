"""What is compared, and what came out: one result per model and target."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from tinyml.ir.graph import Array, Graph

Vector: TypeAlias = "tuple[Array, ...]"  # one array per input, or per output

Status: TypeAlias = Literal[
    "equal",  # every element
    "close",  # all within what float32 leaves open, of a model that computes in it
    "refused",  # the model, with one clear error
    "does not fit",
    "wrong",  # at least one element differs
    "error",  # whatever ended the way to the result
]
READ = "read"  # in place of a target: the model did not get as far as that
GOLDEN = "golden"  # in place of a target: outputs that lie beside the model
FAILED: tuple[Status, ...] = ("wrong", "error")


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A model that was read, and what to feed it."""

    path: Path
    graph: Graph  # as read
    vectors: tuple[Vector, ...]
    expected: tuple[Vector, ...]  # of the reference, per vector


@dataclass(frozen=True, slots=True)
class Result:
    """How one model fared on one target."""

    model: str  # path below the folder
    sha256: str
    target: str  # "host", "tflm" or a board; GOLDEN or READ
    status: Status
    elements: int = 0  # compared
    detail: str = ""  # the error, or the first element that differs

    @property
    def is_failed(self) -> bool:
        """Whether something has to be done about it."""
        return self.status in FAILED

    def to_json(self) -> dict[str, object]:
        """Plain data."""
        return asdict(self)
