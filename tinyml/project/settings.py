"""What a user asks for, and the one place where it becomes a target."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from tinyml.base.errors import BoardError
from tinyml.base.registry import names_of
from tinyml.evaluate.samples import Samples
from tinyml.runtimes import runtime_of
from tinyml.target.board import Board
from tinyml.target.limits import Limits, limited
from tinyml.target.template import (
    Template,
    emulated_template,
    load_template,
    template_for,
    toolchain_of,
)
from tinyml.values.goal import Goal
from tinyml.values.target import Target

DEFAULT_TOOLCHAIN = "zig"  # arm_gcc takes its place where there is no zig


@dataclass(frozen=True, slots=True)
class Settings:
    """How to build; the defaults work, and None is the board's own choice."""

    optimize: str = "balanced"
    toolchain: str | None = None
    directory: Path | None = None  # None: build/<model>-<board>
    agent: bool = True
    benchmark: bool = False  # an agent that speaks the protocol of MLPerf Tiny and nothing else
    model_id: str | None = None  # what the agent calls the model; None: its name
    template: str | None = None
    container: bool = False  # a vendor's tools run in the vendor's container
    project_only: bool = False  # the project is written and not built
    project: Path | None = None  # where the project is written; None: project/ in the directory
    runtime: str | None = None
    offline_plan: bool = True  # an interpreter gets our memory plan with the model
    self_test: bool = True  # the image that was linked runs before it counts as built
    limits: Limits = Limits()  # of the board's memory, and kernel libraries
    compiled_inputs: Path | Samples | None = None  # a few of them are compiled in
    emulated: bool = False  # a template whose images an emulated core can start


def resolve(board: Board, settings: Settings = Settings()) -> Target:
    """What these settings mean for a board; raises BoardError for what it does not have."""
    runtime = settings.runtime or board.backends["runtime"]
    try:
        template = chosen_template(board, runtime, settings)
    except BoardError:  # a plan needs none; whoever writes a project asks again
        template = ""
    board = limited(board, settings.limits, template or None)
    if board.cores > runtime_of(runtime).most_cores:
        raise BoardError(
            f"the runtime '{runtime}' runs a model on one core, not {board.cores}",
            hint="leave out --cores, or compile ahead of time: --runtime aot",
        )
    least = runtime_of(runtime).least_stack_bytes
    if template:
        skeleton = load_template(template)
        least = max(least, skeleton.stack_bytes)
        if settings.toolchain is not None and not settings.project_only:
            _require_builds(settings.toolchain, skeleton)
    board = replace(board, stack_bytes=max(board.stack_bytes, least))
    return Target(
        board=board,
        runtime=runtime,
        template=template,
        toolchain=settings.toolchain or _toolchain(board, template),
        goal=Goal(settings.optimize, settings.agent, settings.offline_plan),
    )


def chosen_template(board: Board, runtime: str, settings: Settings) -> str:
    """The project's template; raises BoardError when the board has none for the runtime."""
    if settings.emulated:
        return emulated_template(board, settings.template, runtime)
    return settings.template or template_for(board, runtime)


def _require_builds(toolchain: str, template: Template) -> None:
    """Raises BoardError for a compiler where a vendor's tools build, and the other way round."""
    is_builder = toolchain in names_of("builders")
    suits = template.toolchain == toolchain if is_builder else bool(template.linker_script)
    if not suits and (template.toolchain or template.linker_script):
        raise BoardError(
            f"'{toolchain}' cannot build a project of the template '{template.name}'",
            hint=f"leave out --toolchain {toolchain}, or choose another --template",
        )


def _toolchain(board: Board, template: str) -> str:
    own = toolchain_of(board, template) if template else board.backends["toolchain"]
    return "" if own == DEFAULT_TOOLCHAIN else own
