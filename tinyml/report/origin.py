"""Where a report comes from: the command that makes it again, and the versions of the tools."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

from tinyml.base.registry import names_of
from tinyml.plan.values import Plan
from tinyml.target.board import Board
from tinyml.values.image import Image
from tinyml.values.run import Run


def build_command(
    plan: Plan, board: Board, image: Image | None, options: Sequence[str] = ()
) -> str:
    """The command line that repeats a build, next to the model file; ``options`` come last."""
    return shlex.join([*_words("build", plan, board, image), *options])


def simulate_command(
    plan: Plan, board: Board, image: Image | None, run: Run, inputs: str = ""
) -> str:
    """The command line that repeats a simulation; ``inputs`` is the name of the sample file."""
    words = _words("simulate", plan, board, image)
    words += ["--inputs", inputs] if inputs else []
    words += ["--samples", str(len(run.outputs))]
    if run.target != board.backends["simulator"]:
        words += ["--simulator", run.target]
    return shlex.join(words)


def tool_versions(image: Image | None, run: Run | None = None) -> dict[str, str]:
    """Name → version of the compiler and of what ran the image, as far as they are known."""
    tools: dict[str, str] = {}
    if image is not None and image.toolchain:
        name, _, number = image.toolchain.partition(" ")
        tools[name] = number
    if run is not None:
        with suppress(PackageNotFoundError, ValueError):  # a program or a board, not a package
            tools[run.target] = version(run.target)
    return tools


def _words(verb: str, plan: Plan, board: Board, image: Image | None) -> list[str]:
    words = ["tinyml", verb, *plan.graph.file_names, "--board", board.name]
    words += board.options_given
    words += ["--runtime", plan.runtime] if plan.runtime != board.backends["runtime"] else []
    words += ["--optimize", plan.optimize]
    if image is not None and image.toolchain:
        name = image.toolchain.split()[0]
        is_chosen = name in names_of("toolchains") and name != board.backends["toolchain"]
        words += ["--toolchain", name] if is_chosen else []
    return words
