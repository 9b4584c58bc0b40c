"""Prints what TensorFlow Lite Micro needs for each model, as predicted: the tables of docs/tflm.md.

``python -m benchmarks.tflm [model.tflite …]``; by default the models that the benchmarks use. With
TFLM_DIR set, each firmware is also built with the real TFLM and run on the emulated board.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from tinyml import api
from tinyml.measure.simulation import simulate_build
from tinyml.model.file import read_model
from tinyml.target.boards import load_board
from tinyml.tflm.arena import arena_of
from tinyml.tflm.offline import better_plan
from tinyml.tflm.outline import outline
from tinyml.tflm.planner import kernels_for

BOARD = "nucleo_l4r5zi"
SAMPLES = 2


def arena_row(path: Path) -> str:
    """Used and needed bytes of the arena, and its head with TFLM's plan and with ours."""
    model, kernels = outline(read_model(path)), kernels_for(load_board(BOARD))
    online, (_, offline) = arena_of(model, kernels), better_plan(model, kernels)
    return (
        f"| {path.stem} | {online.used_bytes:,} | {online.needed_bytes:,} | "
        f"{online.head_bytes:,} | {offline.head_bytes:,} |"
    )


def linked_row(path: Path, folder: Path) -> str:
    """RAM and flash, predicted and linked, of a firmware that ran with the right results."""
    board = load_board(BOARD)
    settings = api.Settings(runtime="tflm", directory=folder / path.stem)
    built = api.build(path, board, settings)
    feed = api.samples_of(built.plan.graph, limit=SAMPLES)
    memory = simulate_build(built, board, feed).report.memory
    cells = (f"{item.predicted_bytes:,} | {item.linked_bytes or 0:,}" for item in memory)
    return f"| {path.stem} | {' | '.join(cells)} |"


def main(arguments: list[str]) -> None:
    """Both tables."""
    here = Path(__file__).parent.parent
    shared = sorted((here.parent / "shared" / "models").glob("*.tflite"))
    paths = [Path(item) for item in arguments] or [here / "examples/digits/digits.tflite", *shared]
    print("| model | used | needed | head, TFLM's plan | head, ours |\n|---|--:|--:|--:|--:|")
    for path in paths:
        print(arena_row(path))
    if os.environ.get("TFLM_DIR"):
        print("\n| model | RAM, predicted | linked | flash, predicted | linked |")
        print("|---|--:|--:|--:|--:|")
        with tempfile.TemporaryDirectory() as folder:
            for path in paths:
                print(linked_row(path, Path(folder)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
