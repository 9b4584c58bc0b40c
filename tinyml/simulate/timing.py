"""Cycles of a basic block: one table of instruction timings per core.

An estimate for code and data without wait states; pairing and overlap of instructions are seen
within a basic block only. What each table rests on:

cortex-m0plus
    Technical Reference Manual r0p1, "Instruction set summary"; exact there.
cortex-m3, cortex-m4
    Technical Reference Manuals r2p1 and r0p1, tables of instruction timings. Timings that depend
    on operands take a middle value (DIV 2-12: 7; long multiplies of the M3 3-5: 4). A load that
    follows a load or store overlaps with it and takes one cycle instead of two.
cortex-m33
    Arm publishes no table. The M4's is used; the limited pairing of 16-bit instructions is left
    out, so estimates tend to be high.
cortex-m7
    Arm publishes no table. Crude model of in-order dual issue, after the measurements at
    quinapalus.com/cm7cycles.html: two neighbours share a cycle unless both use the memory port,
    both the multiplier or both the FPU, the second needs the first's result, or one of them is
    special. A loaded value is there one cycle late. Branches are predicted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from tinyml.base.errors import BoardError, did_you_mean
from tinyml.simulate.decode import BRANCHES, Instruction, decode

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
class Core:
    """How long the instructions of a core take, in cycles; kinds not listed take one."""

    name: str
    cycles: Mapping[str, int]  # fixed part, by kind
    per_word: Mapping[str, int]  # more for each word moved, by kind
    refill: Mapping[str, int]  # more when a branch of that kind is taken
    has_overlapping_loads: bool = False  # a load right after a load or store takes one cycle
    is_dual_issue: bool = False
    is_baseline: bool = False  # Armv6-M: no DWT cycle counter, no unaligned accesses


@dataclass(frozen=True, slots=True)
class BlockCost:
    """What executing a basic block once adds to the counters."""

    instructions: int
    cycles: int
    taken_cycles: int  # more when the next block is not the one that follows in memory


_MANY = {"load_many": 1, "load_many_pc": 1, "store_many": 1}
_FP_MANY = {"fp_load_many": 1, "fp_store_many": 1}


def _branches(cycles: int) -> dict[str, int]:
    return dict.fromkeys(BRANCHES, cycles)


_PAIRS = {"load_pair": 1, "store_pair": 1, "fp_load": 1, "fp_store": 1}

_M4 = Core(
    "cortex-m4",
    cycles={
        "load": 2,
        "load_pair": 1,
        "store_pair": 1,
        "load_pc": 2,
        "exclusive": 2,
        "divide": 7,
        "system": 2,
        "barrier": 3,
        "fp_multiply_add": 3,
        "fp_divide": 14,
        "fp_square_root": 14,
        "fp_move_pair": 2,
    },
    per_word={**_MANY, **_PAIRS, **_FP_MANY},
    refill=_branches(2),
    has_overlapping_loads=True,
)

_M0PLUS = Core(
    "cortex-m0plus",
    cycles={"load": 2, "store": 2, "system": 3, "barrier": 3},
    per_word=_MANY,
    refill={"branch": 1, "call": 2, "branch_register": 1, "move_pc": 1, "load_many_pc": 2},
    is_baseline=True,
)

_M7 = Core(
    "cortex-m7",
    cycles={
        "divide": 7,
        "table_branch": 4,
        "exclusive": 2,
        "system": 2,
        "barrier": 8,
        "fp_divide": 14,
        "fp_square_root": 14,
    },
    per_word=_MANY,
    refill=_branches(1),
    is_dual_issue=True,
)

_M3_MULTIPLIER = {"multiply_add": 2, "long_multiply": 4, "long_multiply_add": 5}

CORES: Mapping[str, Core] = {
    core.name: core
    for core in (
        _M0PLUS,
        replace(_M4, name="cortex-m3", cycles={**_M4.cycles, **_M3_MULTIPLIER}),
        _M4,
        replace(_M4, name="cortex-m33"),
        _M7,
    )
}


def core_named(name: str, *, multiply_cycles: int = 1) -> Core:
    """The timing table of a core; multiply_cycles is 32 on an M0+ with the small multiplier.

    Raises BoardError when there is none.
    """
    core = CORES.get(name)
    if core is None:
        raise BoardError(f"no timing model of the core '{name}'", hint=did_you_mean(name, CORES))
    if multiply_cycles == 1:
        return core
    return replace(core, cycles={**core.cycles, "multiply": multiply_cycles})


def block_cost(code: bytes, core: Core) -> BlockCost:
    """The cost of the basic block with these bytes."""
    block = tuple(decode(code))
    if core.is_dual_issue:
        cycles = _dual_issue_cycles(block, core)
    else:
        cycles = _single_issue_cycles(block, core)
    last = block[-1] if block else None
    taken = core.refill.get(last.kind, 0) if last else 0
    return BlockCost(len(block), cycles, taken)


def _cycles(item: Instruction, core: Core) -> int:
    return core.cycles.get(item.kind, 1) + core.per_word.get(item.kind, 0) * item.count


def _single_issue_cycles(block: Iterable[Instruction], core: Core) -> int:
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


def _dual_issue_cycles(block: Iterable[Instruction], core: Core) -> int:
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
