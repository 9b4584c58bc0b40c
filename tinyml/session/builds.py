"""Builds that were made before, opened from their directories."""

from __future__ import annotations

from pathlib import Path

from tinyml import api
from tinyml.base.errors import BuildError
from tinyml.measure import flash
from tinyml.plan.fit import fit
from tinyml.report.report import read_report
from tinyml.session.asbuilt import as_built
from tinyml.target.board import Board
from tinyml.target.boards import all_boards


def open_build(path: Path | None, board: Board | None) -> tuple[api.Built, Board]:
    """A build directory as ``tinyml build`` left it; see flash.find_build for what ``path`` may be.

    Raises BuildError when it was made by another version, or the model is not there any more.
    """
    image, target = flash.find_build(path, board)
    directory = flash.build_dir(path, board)
    document = read_report(directory)
    file = directory / str(document.model["file"])
    if not file.is_file():
        raise BuildError(f"the model '{file.name}' is missing in {directory}", hint="build again")
    target = as_built(target, document)
    plan = api.plan_model(file, target, api.Settings(document.optimize, runtime=document.runtime))
    if [step.call.function if step.call else "" for step in plan.steps] != [
        layer.kernel for layer in document.layers
    ]:
        raise BuildError(
            f"{directory} was built by another version of tinyml ({document.tinyml}), or the board "
            "file has changed since",
            hint="build and flash it again",
        )
    verdict = fit(plan, target, all_boards())
    return api.Built(directory, plan, verdict, image, document, (image.elf,)), target
