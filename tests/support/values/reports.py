"""Reports made without compiling anything: real plans with made-up images and runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.support.models.small_graphs import small_network
from tests.support.values.plans import planned_on
from tests.support.values.small_boards import small_board
from tinyml.ir.graph import Graph
from tinyml.passes import run_passes
from tinyml.plan.planner import plan
from tinyml.plan.values import Plan
from tinyml.report.assemble import report
from tinyml.report.report import Report
from tinyml.target.board import Board
from tinyml.values.image import Image, Section
from tinyml.values.run import LayerTime, Run

KERNELS = 3000  # bytes of code that a made-up image says its kernels take


def made_up_image(made: Plan, board: Board) -> Image:
    """An image that holds what the plan asks for, and 4 kB of firmware."""
    name = made.graph.name
    symbols: list[tuple[str, int, int]] = []
    for index, step in enumerate(made.steps):
        if step.call is not None:
            symbols.append((f"layer_{index}", 0, 40))
            for constant in step.call.constants:
                symbols.append((f"{name}_l{index}_{constant.name}", 0, constant.data.nbytes))
    symbols.append((f"{name}_invoke", 0, 500))
    flash = sum(nbytes for _, _, nbytes in symbols) + KERNELS - 500 + 4096
    arena = dict(made.arena_bytes)
    return Image(
        elf=Path("firmware.elf"),
        segments=(),
        sections=(
            Section(".text", board.flash.region, flash),
            *(Section(f".bss.{region}", region, nbytes) for region, nbytes in arena.items()),
        ),
        flash_bytes=flash,
        ram_bytes=sum(arena.values()),
        symbols=tuple(symbols),
        toolchain="zig 0.17.1",
        static_functions=((f"{name}.c", "tml_kernel_s8", KERNELS - 500), ("x.c", "other", 9)),
    )


def made_up_run(made: Plan, board: Board, *, factor: float = 1.0, spread: bool = False) -> Run:
    """A run in which every layer takes 1.5 cycles per predicted instruction, and some more."""
    cycles = [
        int(factor * (100 + 1.5 * (step.call.cost.instructions if step.call else 0)))
        for step in made.steps
    ]
    total = sum(cycles) + 50
    details: dict[str, object] = {"equal_to_reference": 2, "timing_model": board.chip.core.name}
    if spread:
        details["spread"] = {
            "total": {"min": total - 9, "median": total, "p95": total + 5, "max": total + 7},
            "layers": [{"min": c - 1, "median": c, "p95": c + 1, "max": c + 2} for c in cycles],
        }
    return Run(
        board=board.name,
        target="unicorn",
        is_estimate=True,
        clock_hz=board.chip.clock_hz,
        outputs=((np.zeros(1, np.int8),),) * 2,
        layers=tuple(LayerTime(c, int(c / 1.6)) for c in cycles),
        total=LayerTime(total, int(total / 1.6)),
        stack_bytes=512,
        details=details,
    )


def report_of(graph: Graph, board: Board, *, factor: float = 1.0, spread: bool = False) -> Report:
    """The report of a graph that was planned, and pretended to have been built and run."""
    made = plan(run_passes(graph), board, optimize="speed")
    image = made_up_image(made, board)
    run = made_up_run(made, board, factor=factor, spread=spread)
    planned = planned_on(made, board, "")
    return report(planned, image, run, command="tinyml simulate x.tflite --board b")


def small_report(factor: float = 1.0, *, spread: bool = False) -> Report:
    """The report of a small network on a board with plenty of memory."""
    return report_of(small_network(), small_board(sram=65536), factor=factor, spread=spread)


def planned_report() -> Report:
    """The same before anything was built."""
    board = small_board(sram=65536)
    made = plan(run_passes(small_network()), board, optimize="speed")
    return report(planned_on(made, board, ""))


def long_report(count: int) -> Report:
    """A report that says to be of so many layers in a row, each the first of a small network's."""
    report = small_report()
    first, *_ = report.layers
    layers = tuple(
        replace(first, index=index, inputs=(index - 1,), cycles=1000 + index)
        for index in range(count)
    )
    return replace(report, layers=layers)


def renamed(graph: Graph, name: str) -> Graph:
    """The graph with every tensor and op called the same."""
    return replace(
        graph,
        tensors=tuple(replace(tensor, name=name) for tensor in graph.tensors),
        ops=tuple(replace(op, name=name) for op in graph.ops),
    )
