"""One model on all boards, as one table: where it fits, what it takes, how long."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tinyml.base.errors import BoardError
from tinyml.base.words import counted
from tinyml.plan.fit import Fit
from tinyml.report.predicted import error_text, ms_number
from tinyml.report.text import Table
from tinyml.target.board import Board

On = tuple[Board, Fit]
_FEW_REASONS = 3


def ram_bytes(verdict: Fit) -> int:
    """What it needs of all RAM regions."""
    return sum(item.needed_bytes for item in verdict.regions if item.kind == "ram")


def flash_bytes(verdict: Fit) -> int:
    """What it needs of flash."""
    return sum(item.needed_bytes for item in verdict.regions if item.kind == "flash")


def time_us(verdict: Fit) -> float | None:
    """How long an inference takes; None where nothing is known of the core."""
    return verdict.estimate.time_us if verdict.estimate is not None else None


def energy_uj(board: Board, verdict: Fit) -> float | None:
    """What an inference takes while the core runs; None where power or time is not known."""
    took_us = time_us(verdict)
    if board.power is None or took_us is None:
        return None
    return took_us * board.power.active_mw / 1000


def _least(found: float | None) -> tuple[bool, float]:
    return found is None, found or 0.0


SORTED: dict[str, Callable[[On], tuple[object, ...]]] = {
    "time": lambda on: _least(time_us(on[1])),
    "energy": lambda on: _least(energy_uj(*on)),
    "ram": lambda on: (ram_bytes(on[1]),),
    "flash": lambda on: (flash_bytes(on[1]),),
    "board": lambda on: (on[0].name,),
}


def ordered(found: Sequence[On], sort: str) -> list[On]:
    """Those that fit first; ``sort`` is a key of SORTED."""
    order = SORTED[sort]
    return sorted(found, key=lambda on: (not on[1].is_ok, *order(on), on[0].name))


def boards_table(model: str, found: Sequence[On]) -> Table:
    """One row per board, in the order given."""
    return Table(
        f"{model} on {counted(len(found), 'board')} (predicted)",
        ("board", "verdict", "RAM>", "used %>", "flash>", "used %>", "ms>", "error", "mJ>"),
        tuple(_row(*on) for on in found),
        ("error", "mJ", "used %", "flash", "RAM"),
    )


def boards_verdict(found: Sequence[On]) -> tuple[bool, str]:
    """Whether it fits any board, and the smallest one that it fits."""
    fitting = [on for on in found if on[1].is_ok]
    if not fitting:
        return False, f"fits none of {counted(len(found), 'board')}"
    all_boards = counted(len(found), "board")
    board, _ = min(fitting, key=lambda on: (_budget(on[0]), on[0].name))
    ram, flash = _budget(board)
    return True, (
        f"fits {len(fitting)} of {all_boards}; the smallest of them is {board.name} "
        f"({ram:,} bytes of RAM, {flash:,} of flash); see more: --board {board.name}"
    )


def left_out(boards: Sequence[tuple[str, BoardError]]) -> list[str]:
    """Why boards are not in the table: a sentence for each of a few reasons."""
    names: dict[str, list[str]] = {}
    for name, error in boards:
        names.setdefault(error.message, []).append(name)
    reasons = list(names.items())
    sentences = [f"left out: {', '.join(found)}: {why}" for why, found in reasons[:_FEW_REASONS]]
    rest = sum(len(found) for _, found in reasons[_FEW_REASONS:])
    more = f"left out, too: {counted(rest, 'board')}; --board NAME says why"
    return [*sentences, more] if rest else sentences


def _budget(board: Board) -> tuple[int, int]:
    return sum(item.max_bytes for item in board.ram), board.flash.max_bytes


def _row(board: Board, verdict: Fit) -> tuple[object, ...]:
    took_us, energy = time_us(verdict), energy_uj(board, verdict)
    error = verdict.estimate.error_percent if verdict.estimate is not None else None
    return (
        board.name,
        _words(verdict),
        ram_bytes(verdict),
        _used(verdict, "ram"),
        flash_bytes(verdict),
        _used(verdict, "flash"),
        "-" if took_us is None else ms_number(took_us, 2),
        "-" if took_us is None else error_text(error),
        "-" if energy is None else f"{energy / 1000:,.3f}",
    )


def _words(verdict: Fit) -> str:
    if verdict.is_ok:
        return "fits"
    if verdict.is_close:
        return "may not fit"
    short = [item.region for item in verdict.regions if not item.is_ok]
    return f"{' and '.join(short)} too small"


def _used(verdict: Fit, kind: str) -> str:
    """Of the region that is the fullest."""
    parts = [item.needed_bytes / item.budget_bytes for item in verdict.regions if item.kind == kind]
    return f"{100 * max(parts, default=0):.1f}"
