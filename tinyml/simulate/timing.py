"""Cycles of a basic block, by the table of instruction timings in the core's file.

Without what the core waits for memory, which ``caches`` adds; pairing and overlap of instructions
are seen within a basic block only. What a table rests on stands in ``boards/cores/<core>.toml``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from tinyml.base.errors import BoardError
from tinyml.simulate.decode import Instruction, decode
from tinyml.target.cores import Core, Timing

_SIMPLE_MEMORY = ("load", "store", "load_many", "store_many")
_MEMORY = frozenset(
    (
        *_SIMPLE_MEMORY,
        *(f"fp_{kind}" for kind in _SIMPLE_MEMORY),
        *("load_pair", "store_pair", "load_pc", "load_many_pc", "exclusive"),
    )
)
_OVERLAPPING = frozenset(("load", "store", "fp_load", "fp_store"))
_MULTIPLIER = frozenset(
    ("multiply", "multiply_add", "dsp_multiply", "long_multiply", "long_multiply_add")
)
_ALONE = frozenset(
    ("divide", "system", "barrier", "trap", "table_branch", "fp_divide", "exclusive")
)


@dataclass(frozen=True, slots=True)
class BlockCost:
    """What executing a basic block once adds to the counters."""

    instructions: int
    cycles: int
    taken_cycles: int  # more when the next block is not the one that follows in memory
    is_conditional: bool = False  # it has an IT block


def timing_of(core: Core, *, multiply_cycles: int = 1) -> Timing:
    """The timing table of a core; multiply_cycles is 32 on an M0+ with the small multiplier.

    Raises BoardError when there is none.
    """
    if core.timing is None:
        raise BoardError(
            f"no timing model of the core '{core.name}'", hint="a table [timing] in the core's file"
        )
    if multiply_cycles == 1:
        return core.timing
    return replace(core.timing, cycles={**core.timing.cycles, "multiply": multiply_cycles})


def block_cost(code: bytes, core: Timing) -> BlockCost:
    """The cost of the basic block with these bytes."""
    block = tuple(decode(code))
    if core.is_dual_issue:
        cycles = _dual_issue_cycles(block, core)
    else:
        cycles = _single_issue_cycles(block, core)
    last = block[-1] if block else None
    taken = core.refill.get(last.kind, 0) if last else 0
    return BlockCost(len(block), cycles, taken, any(item.kind == "if_then" for item in block))


def _cycles(item: Instruction, core: Timing) -> int:
    return core.cycles.get(item.kind, 1) + core.per_word.get(item.kind, 0) * item.count


def _single_issue_cycles(block: Iterable[Instruction], core: Timing) -> int:
    total = 0
    overlaps = False
    for item in block:
        if overlaps and core.has_overlapping_loads and item.kind == "load":
            total += 1
        else:
            total += _cycles(item, core)
        overlaps = item.kind in _OVERLAPPING
    return total


@dataclass(slots=True)
class _Issue:
    """The instructions of the current cycle of a dual-issue core."""

    first: Instruction | None = None  # one that is still alone in its cycle
    loaded: int = field(default=0)  # registers that arrive one cycle later


def _dual_issue_cycles(block: Iterable[Instruction], core: Timing) -> int:
    total = 0
    issue = _Issue()
    for item in block:
        if issue.first is not None and _can_pair(issue.first, item, issue.loaded):
            issue = _Issue(None, (issue.first.writes if _is_load(issue.first) else 0))
            issue.loaded |= item.writes if _is_load(item) else 0
            continue
        stall = 1 if item.reads & (issue.loaded | _late(issue.first)) else 0
        total += stall + _cycles(item, core)
        issue = _Issue(item, 0 if stall else _late(issue.first))
    return total


def _is_load(item: Instruction) -> bool:
    return item.kind in ("load", "load_pair", "load_many")


def _late(item: Instruction | None) -> int:
    return item.writes if item is not None and _is_load(item) else 0


def _can_pair(first: Instruction, second: Instruction, loaded: int) -> bool:
    if first.kind in _ALONE or second.kind in _ALONE or first.is_branch:
        return False
    if second.reads & (first.writes | loaded) or second.writes & first.writes:
        return False
    for port in (_MEMORY, _MULTIPLIER):
        if first.kind in port and second.kind in port:
            return False
    return not (first.kind.startswith("fp") and second.kind.startswith("fp"))
