"""A model planned for every board, and for the other runtime: what stands beside a report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from tinyml import __version__
from tinyml.base.errors import BoardError, TinymlError
from tinyml.ir.graph import Graph
from tinyml.model.file import ModelFile, read_model
from tinyml.plan.fit import Fit
from tinyml.project.plans import planned_for
from tinyml.project.saved import saved_board
from tinyml.project.settings import Settings, resolve
from tinyml.report import boards as listing
from tinyml.report.beside import OTHER, Beside, Needs, read_beside, write_beside
from tinyml.report.report import Report
from tinyml.runtimes import runtime_of
from tinyml.target.board import Board
from tinyml.target.boards import all_boards


@dataclass(frozen=True, slots=True)
class OnBoards:
    """A model on all boards, by name, and the boards that the settings do not suit, with why."""

    found: tuple[tuple[Board, Fit], ...]
    left_out: tuple[tuple[str, BoardError], ...]


def on_boards(model: ModelFile | Graph, settings: Settings = Settings()) -> OnBoards:
    """The verdict for every board that the settings suit; what they share is computed once.

    Raises BoardError when they suit none.
    """
    graphs: dict[str, Graph] = {}
    found: list[tuple[Board, Fit]] = []
    left_out: list[tuple[str, BoardError]] = []
    for board in all_boards():
        try:
            target = resolve(board, settings)
        except BoardError as error:
            left_out.append((board.name, error))
            continue
        if isinstance(model, Graph):
            made = planned_for(target, model)
        else:
            graph = graphs.get(target.runtime) or runtime_of(target.runtime).load(model)
            made = planned_for(target, graphs.setdefault(target.runtime, graph), model)
        found.append((target.board, made.verdict))
    if left_out and not found:
        name, reason = left_out[0]
        raise BoardError(f"these options suit no board; {name}: {reason.message}", hint=reason.hint)
    return OnBoards(tuple(found), tuple(left_out))


def complete(report: Report, directory: Path) -> None:
    """Plans what stands beside a report, unless that was done; it is kept in the directory."""
    if read_beside(report, directory) is None:
        found = plan_beside(report, directory)
        if found is not None:
            write_beside(found, directory)


def plan_beside(report: Report, directory: Path) -> Beside | None:
    """The model of a build on all boards, and by the other runtime; None without its model there.

    Raises TinymlError when the model beside the report is another one.
    """
    path = directory / report.model["file"]
    if not path.is_file():
        return None
    model = read_model(path)
    if model.sha256 != report.model["sha256"]:
        raise TinymlError("is not the model of the report", hint="build again", where=str(path))
    made = Beside(
        model=model.sha256,
        board=report.board["name"],
        optimize=report.optimize,
        runtime=report.runtime,
        tinyml=__version__,
        columns=(),
        rows=(),
        verdict="",
        left_out=(),
        other=_other(report, model, directory),
    )
    return _with_boards(made, model)


def _with_boards(made: Beside, model: ModelFile) -> Beside:
    """The same with the table of boards, by its runtime; or with why there is none."""
    try:
        checked = on_boards(model, Settings(optimize=made.optimize, runtime=made.runtime))
    except TinymlError as error:
        return replace(made, verdict=error.message)
    found = listing.ordered(checked.found, "time")
    table = listing.boards_table(model.file_name, found)
    return replace(
        made,
        columns=table.columns,
        rows=tuple(tuple(map(_cell, row)) for row in table.rows),
        verdict=listing.boards_verdict(found)[1],
        left_out=tuple(listing.left_out(checked.left_out)),
    )


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def known_board(report: Report, directory: Path) -> Board | None:
    """The board of a report: one of tinyml's, or as the build saw it; None where neither is."""
    name = report.board["name"]
    named = next((board for board in all_boards() if board.name == name), None)
    return named or saved_board(directory)


def _other(report: Report, model: ModelFile, directory: Path) -> Needs | None:
    """The other runtime on the report's board; None where neither board nor runtime is known."""
    runtime = OTHER.get(report.runtime)
    board = known_board(report, directory)
    if runtime is None or board is None:
        return None
    try:
        target = resolve(board, Settings(optimize=report.optimize, runtime=runtime))
        made = planned_for(target, runtime_of(runtime).load(model), model)
    except TinymlError as error:
        return Needs(runtime, 0, 0, 0, 0, 0, fits=False, refused=error.message)
    verdict = made.verdict
    estimate = verdict.estimate
    return Needs(
        runtime,
        listing.ram_bytes(verdict),
        listing.flash_bytes(verdict),
        sum(nbytes for _, nbytes in made.plan.arena_bytes),
        made.plan.copied_bytes,
        sum(step.call.instructions for step in made.plan.steps if step.call),
        verdict.is_ok,
        estimate.time_us if estimate else None,
        estimate.error_percent if estimate else None,
    )
