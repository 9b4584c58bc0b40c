"""The library's own tests on the emulated core: its assembler against its C, and the time it takes.

Both must be equal on all shapes of its tests, which is how the emulated vector unit is held against
code that was written for the chip. The ticks that its README publishes are held against our cycles.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from benchmarks.esp_nn.library import STAND_INS, EspNn
from tinyml.bare.xtensa import DRAM, LAYOUT, ROOM, link, objects_of
from tinyml.base import resources
from tinyml.simulate.lx7.program import run_program
from tinyml.target.chip import Chip

INTERNAL_HEAP = DRAM + ROOM // 2
MARKS = re.compile(r"^(?:test (\w+)|ticks (\d+) (\d+))$|passed|failed", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Found:
    """What the tests said."""

    passed: int
    failed: int
    cycles: dict[str, list[tuple[int, int]]]  # per test and call: portable, for the chip


@dataclass(frozen=True, slots=True)
class Published:
    """A row of the README's table."""

    title: str
    test: str
    call: int  # of the test, from 0
    vector: int  # ticks of what it has for this chip


# ESP-NN 1.2.3, README.md, "Kernelwise performance on ESP32-S3 chip" (240 MHz, data cache 64 KB).
# Left out: rows whose shape its tests no longer have (8x8 with filter 64x3x3x3, pools without
# padding), and those whose ticks fit another size than the one said (relu6, softmax).
PUBLISHED = (
    Published("add, 1615", "add_elementwise_s8", 0, 74440),
    Published("mul, 1615", "mul_elementwise_s8", 0, 35002),
    Published("convolution, 10x10, 64x1x1x64", "conv_s8", 0, 331008),
    Published("convolution, 8x8, 16x1x1x16", "conv_s8", 12, 39022),
    Published("depthwise, 18x18, 1x3x3x16", "depthwise_conv_s8", 0, 184176),
    Published("depthwise, 12x12, 8x5x5x4", "depthwise_conv_s8", 5, 372435),
    Published("fully connected, 271 to 3", "fully_connected_s8", 1, 1078),
)


def table(found: Found) -> str:
    """Our cycles beside the published ticks, of what is written for the chip."""
    lines = ["| layer | published | estimated | ratio |", "|---|--:|--:|--:|"]
    ratios = []
    for row in PUBLISHED:
        cycles = found.cycles[row.test][row.call][1]
        ratios.append(cycles / row.vector)
        lines.append(f"| {row.title} | {row.vector:,} | {cycles:,} | {ratios[-1]:.2f} |")
    error = sum(abs(ratio - 1) for ratio in ratios) / len(ratios)
    worst = max(abs(ratio - 1) for ratio in ratios)
    lines.append(f"\nError: {error:.0%} on average, {worst:.0%} at worst.")
    return "\n".join(lines) + "\n"


def run_tests(library: EspNn, chip: Chip, folder: Path) -> Found:
    """All tests; raises SimulationFault."""
    tests = library.folder / "tests"
    memory = ("-DCONFIG_IDF_CMAKE=1", "-DCONFIG_SPIRAM=1", "-DCONFIG_SPIRAM_USE_MALLOC=1")
    flags = (*library.flags, f"-I{tests / 'include'}", "-DHAS_HOST_TEXT", *memory)
    libc = resources.path("firmware") / "libc" / "string.c"
    sources = [
        path for path in sorted((tests / "src").glob("*.c")) if "hard_swish" not in path.name
    ]
    objects = objects_of((*sources, STAND_INS / "harness.c", libc), flags, folder)
    external = next(region.base for region in chip.regions if region.name == "psram")
    heaps = (f"--defsym=_internal_heap={INTERNAL_HEAP}", f"--defsym=_external_heap={external}")
    program = link((*objects, *library.objects(folder)), folder, (*LAYOUT, *heaps))
    ram = ((DRAM, ROOM), (external, 8 << 20))
    said = run_program(program, b"", ram, chip).decode(errors="replace")
    passed, failed, test = 0, 0, ""
    cycles: dict[str, list[tuple[int, int]]] = {}
    for mark in MARKS.finditer(said):
        if mark[1]:
            test = mark[1]
        elif mark[2]:
            cycles.setdefault(test, []).append((int(mark[2]), int(mark[3])))
        else:
            passed += mark[0] == "passed"
            failed += mark[0] == "failed"
    return Found(passed, failed, cycles)
