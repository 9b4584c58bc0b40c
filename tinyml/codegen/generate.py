"""Plan → Sources: the C files of a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tinyml.codegen.literals import c_array
from tinyml.codegen.render import environment, render
from tinyml.codegen.view import model_view
from tinyml.plan.values import Plan
from tinyml.target.board import Board

BOTH = "include/tml_both.h"  # of firmware/: what models include that two cores compute


@dataclass(frozen=True, slots=True)
class Sources:
    """The generated files of one model, in memory."""

    name: str  # of the model: C prefix
    files: tuple[tuple[str, str], ...]  # (file name, text)
    compiled: tuple[str, ...]  # those that the firmware compiles
    headers: tuple[str, ...]  # kernel headers that they include, relative to firmware/
    command: str  # what makes them again
    facts: Mapping[str, object] = field(default_factory=dict)  # more that a project's templates see

    def text(self, file_name: str) -> str:
        """The text of one file."""
        return dict(self.files)[file_name]


def generate(plan: Plan, board: Board | None, *, model_bytes: bytes = b"") -> Sources:
    """The C files of a plan.

    ``model_bytes`` is the content of the model file; when given, it is added as an aligned C array
    (``<m>_tflite.h/.c``), for those who run TFLM. Nothing compiles it by default.
    """
    view = model_view(plan, board)
    env = environment(Path(__file__).parent)
    name = plan.graph.name
    files = [
        (f"{name}.h", render(env, "model.h.j2", {"m": view})),
        (f"{name}.c", render(env, "model.c.j2", {"m": view})),
        (f"{name}_weights.h", render(env, "weights.h.j2", {"m": view})),
        (f"{name}_weights.c", render(env, "weights.c.j2", {"m": view})),
    ]
    if model_bytes:
        values = {
            "m": view,
            "nbytes": len(model_bytes),
            "array": f"{name}_tflite[{view.macro}_TFLITE_BYTES]",
            "initialiser": c_array(np.frombuffer(model_bytes, np.uint8)),
        }
        files += [
            (f"{name}_tflite.h", render(env, "tflite.h.j2", values)),
            (f"{name}_tflite.c", render(env, "tflite.c.j2", values)),
        ]
    return Sources(
        name=name,
        files=tuple(files),
        compiled=(f"{name}.c", f"{name}_weights.c"),
        headers=(*view.headers, *((BOTH,) if view.is_shared else ())),
        command=view.command,
    )
