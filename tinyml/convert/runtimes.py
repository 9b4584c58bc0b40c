"""Whether what was made runs where the user wants it: said by convert, not first by build."""

from __future__ import annotations

from dataclasses import dataclass

from tinyml.base.errors import ModelError, UnsupportedOps
from tinyml.base.registry import names_of
from tinyml.ir.graph import Graph
from tinyml.model.file import ModelFile, model_file
from tinyml.project.plans import planned_for
from tinyml.project.settings import Settings, resolve
from tinyml.report.text import fit_verdict
from tinyml.runtimes import runtime_of
from tinyml.target.board import Board

DEFAULT = "aot"
_REPLACE = "replace the layers named above in the model and convert it again."


@dataclass(frozen=True, slots=True)
class Wanted:
    """Where the result is to run; nothing is known of it where both are None."""

    board: Board | None = None
    runtime: str | None = None  # None: the board's own

    @property
    def name(self) -> str | None:
        """The runtime that is certain."""
        own = self.board.backends["runtime"] if self.board is not None else None
        return self.runtime or own


def on_target(data: bytes, wanted: Wanted, *, is_float: bool) -> tuple[str, ...]:
    """What to say of the result on its runtime and board.

    Raises UnsupportedOps or ModelError where the runtime that is wanted cannot run it, and where
    none can; a float model, which others may want, is told so.
    """
    file = model_file("model.tflite", data)
    name = wanted.name or DEFAULT
    graph = _read(file, name)
    if not isinstance(graph, ModelError):
        return () if wanted.board is None else (_fit(file, graph, wanted),)
    others = [each for each in names_of("runtimes") if each != name]
    able = [each for each in others if isinstance(_read(file, each), Graph)]
    if wanted.name is None and (able or is_float):
        where = f"builds with --runtime {able[0]} only" if able else "no runtime builds it"
        return (f"{where}, because of {_reason(graph)}",)
    if isinstance(graph, UnsupportedOps):
        graph.hint = f"--runtime {able[0]} runs it; or {_REPLACE}" if able else _REPLACE
    raise graph


def _read(file: ModelFile, runtime: str) -> Graph | ModelError:
    """The graph as a runtime has it, or why it has none."""
    try:
        return runtime_of(runtime).load(file)
    except ModelError as error:
        return error


def _reason(error: ModelError) -> str:
    if isinstance(error, UnsupportedOps):
        return ", ".join(dict.fromkeys(item.op for item in error.found))
    return error.message


def _fit(file: ModelFile, graph: Graph, wanted: Wanted) -> str:
    assert wanted.board is not None
    target = resolve(wanted.board, Settings(runtime=wanted.runtime))
    return f"on {wanted.board.name}: {fit_verdict(planned_for(target, graph, file).verdict)}"
