"""Processor cores: one data file each, ``boards/cores/<name>.toml``, or a private one.

What compilers are told, what the emulator calls the core, how long its instructions take, how the
kernels for cores without DSP instructions are cut for it, what code takes there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tinyml.base import resources
from tinyml.base.datafile import NAME, Table, read_table
from tinyml.base.errors import BoardError, ToolError, did_you_mean

MOST_CYCLES = 1000  # of one instruction
ARCHITECTURES = ("arm", "riscv", "xtensa")
# What a compiler is told of a core; nothing that loads a plugin or runs a program.
FLAG = re.compile(r"(-m|--target=)[A-Za-z0-9_.=+-]+")
ZIG = re.compile(r"[A-Za-z0-9_.+-]+")
CodeBytes = Mapping[str, tuple[int, int]]
"""Part of a kernel → bytes of the first use, of each use."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long instructions take, in cycles; kinds that are not listed take one."""

    source: str
    cycles: Mapping[str, int]  # fixed part, by kind
    per_word: Mapping[str, int]  # more for each word moved, by kind
    refill: Mapping[str, int]  # more when a branch of that kind is taken
    has_overlapping_loads: bool = False  # a load right after a load or store takes one cycle
    is_dual_issue: bool = False
    is_baseline: bool = False  # Armv6-M: no DWT cycle counter, no unaligned accesses


@dataclass(frozen=True, slots=True)
class Estimation:
    """How well times of a core are known."""

    source: str
    cycles_per_instruction: float  # of our kernels, without what the core waits for memory
    predicted_percent: int  # that 95 % of predicted times are within, against simulated ones
    error_percent: int | None  # of simulated times, against silicon; None: never compared


@dataclass(frozen=True, slots=True)
class Family:
    """Cores without DSP instructions that have an instruction set in common."""

    name: str  # in a chip's isa
    has_high_multiply: bool  # the high 32 bits of a product take one instruction
    has_signed_loads: bool  # of bytes, with an offset
    filters: tuple[int, ...]  # how many at a time registers allow
    quads: int  # of outputs of FULLY_CONNECTED at a time
    # What an op's plain kernel takes, against its formula's Cortex-M4.
    plain: Mapping[str, float] = field(hash=False)
    # The same of float forms; OTHERS: of all kinds that are not named.
    floats: Mapping[str, float] = field(hash=False)


@dataclass(frozen=True, slots=True)
class Core:
    """One core."""

    name: str  # as in the chip file
    title: str
    architecture: str
    clang: tuple[str, ...] = ()  # (): clang cannot build for it
    gcc: tuple[str, ...] = ()  # of arm-none-eabi-gcc
    zig_target: str = ""  # to build the compiler's run-time library
    zig_cpu: str = ""
    unicorn: str = ""  # the emulator's model; "": it has none
    bare: str = ""  # what runs programs of this core without a board: tinyml.bare
    timing: Timing | None = None
    estimation: Estimation | None = None
    family: Family | None = None
    code_bytes: Mapping[str, CodeBytes] = field(default_factory=dict)  # by "size" and "speed"

    def __str__(self) -> str:
        """Its name: what templates and messages show."""
        return self.name


def core_named(name: str, folder: Path | None = None) -> Core:
    """The core of that name, in ``folder`` or one of tinyml's own; raises BoardError."""
    for place in (folder, _own()):
        path = place / f"{name}.toml" if place is not None else None
        if path is not None and path.is_file():
            return _read(path, path.stat().st_mtime_ns)
    known = [core.name for core in all_cores()]
    raise BoardError(f"unknown core '{name}'", hint=did_you_mean(name, known))


def all_cores() -> tuple[Core, ...]:
    """The cores that come with tinyml, by name."""
    return tuple(_read(path, path.stat().st_mtime_ns) for path in sorted(_own().glob("*.toml")))


@cache
def families() -> tuple[Family, ...]:
    """The families of tinyml's own cores, by name."""
    found = {core.family.name: core.family for core in all_cores() if core.family is not None}
    return tuple(found[name] for name in sorted(found))


def require_compiler(core: Core, toolchain: str) -> Core:
    """The core; raises ToolError when the toolchain cannot build for it."""
    if _flags(core, toolchain):
        return core
    known = [item.name for item in all_cores() if _flags(item, toolchain)]
    raise ToolError(
        f"toolchain '{toolchain}' cannot build for the core '{core.name}'",
        hint=f"it builds for {', '.join(known)}, and for a core whose file says how in [compiler]",
    )


def _flags(core: Core, toolchain: str) -> tuple[str, ...]:
    return core.gcc if toolchain == "arm_gcc" else core.clang


def _own() -> Path:
    return resources.path("boards") / "cores"


@cache  # a core file is read for every board that is listed, and again once it has changed
def _read(path: Path, changed_ns: int) -> Core:
    top = read_table(path)
    compiler = top.table("compiler", {})
    sizes = top.table("code_bytes", {})
    core = Core(
        name=path.stem,
        title=top.text("title"),
        architecture=top.choice("architecture", ARCHITECTURES),
        clang=compiler.words("clang", FLAG, ()),
        gcc=compiler.words("gcc", FLAG, ()),
        zig_target=compiler.word("zig_target", "", ZIG),
        zig_cpu=compiler.word("zig_cpu", "", ZIG),
        unicorn=top.word("unicorn", ""),
        bare=top.word("bare", ""),
        timing=_read_timing(top.table("timing")) if top.has("timing") else None,
        estimation=_read_estimation(top.table("estimate")) if top.has("estimate") else None,
        family=_read_family(top.table("family")) if top.has("family") else None,
        code_bytes={goal: _read_sizes(sizes, goal) for goal in sizes.names()},
    )
    for table in (top, compiler, sizes):
        table.close()
    return core


def _read_timing(table: Table) -> Timing:
    timing = Timing(
        source=table.text("source"),
        cycles=table.integers("cycles", NAME),
        per_word=table.integers("per_word", NAME),
        refill=table.integers("refill", NAME),
        has_overlapping_loads=table.flag("has_overlapping_loads"),
        is_dual_issue=table.flag("is_dual_issue"),
        is_baseline=table.flag("is_baseline"),
    )
    table.close()
    for name, kinds in (
        ("cycles", timing.cycles),
        ("per_word", timing.per_word),
        ("refill", timing.refill),
    ):
        for kind, cycles in kinds.items():
            if not 0 <= cycles <= MOST_CYCLES:
                raise table.error(
                    f"'timing.{name}.{kind}' is {cycles} cycles, no instruction takes so many"
                )
    return timing


def _read_estimation(table: Table) -> Estimation:
    has_error = table.has("error_percent")
    estimation = Estimation(
        source=table.text("source"),
        cycles_per_instruction=table.number("cycles_per_instruction"),
        predicted_percent=table.integer("predicted_percent"),
        error_percent=table.integer("error_percent") if has_error else None,
    )
    table.close()
    return estimation


def _read_family(table: Table) -> Family:
    plain, floats = (_factors(table.table(name, {})) for name in ("plain", "float"))
    family = Family(
        name=table.word("name"),
        has_high_multiply=table.flag("has_high_multiply"),
        has_signed_loads=table.flag("has_signed_loads"),
        filters=table.numbers("filters"),
        quads=table.integer("quads", minimum=1),
        plain=plain,
        floats=floats,
    )
    table.close()
    return family


def _factors(table: Table) -> dict[str, float]:
    names = table.names()
    found = {name: float(table.value(name, (int, float), "a number", None)) for name in names}
    table.close()
    return found


def _read_sizes(sizes: Table, goal: str) -> dict[str, tuple[int, int]]:
    table = sizes.table(goal)
    found = {}
    for part in table.names():
        once, each = table.numbers(part)
        found[part] = (once, each)
    table.close()
    return found
