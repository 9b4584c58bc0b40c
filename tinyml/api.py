"""The stages as functions, for programs and notebooks; the command line calls the same ones."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from tinyml.base.errors import BuildError, PlanError, ToolMissing
from tinyml.base.files import near, write_atomic
from tinyml.base.lock import locked
from tinyml.evaluate.verification import verify
from tinyml.ir.graph import Graph
from tinyml.measure.simulation import samples_of, serve, simulate, simulate_build
from tinyml.model.file import ModelFile, read_model
from tinyml.plan.explore import Alternative
from tinyml.plan.fit import Fit, fit, require
from tinyml.plan.values import Plan
from tinyml.project.built import Built, Settings
from tinyml.report.assemble import report, self_test_record, with_run_of
from tinyml.report.origin import build_command, tool_versions
from tinyml.report.page import write_report
from tinyml.runtimes import runtime_of
from tinyml.runtimes.aot import Aot
from tinyml.target.board import Board
from tinyml.target.boards import all_boards, load_board
from tinyml.target.libraries import with_libraries
from tinyml.target.limits import for_template, with_budgets
from tinyml.target.template import emulated_template, template_for
from tinyml.values.goal import Goal
from tinyml.values.image import Image, SelfTest
from tinyml.values.project import Project

__all__ = [
    "Built",
    "Settings",
    "build",
    "check",
    "emulated_template",
    "load",
    "load_board",
    "plan",
    "samples_of",
    "serve",
    "simulate",
    "simulate_build",
    "verify",
    "with_budgets",
    "with_libraries",
]

AOT = Aot.name
BUILD_ROOT = Path("build")
LIBRARY = "library"  # the template of --library


def load(path: str | Path, runtime: str = AOT) -> Graph:
    """The checked graph of a .tflite file, as a runtime reads it; raises ModelError."""
    return runtime_of(runtime).load(read_model(Path(path)))


def plan(graph: Graph, board: Board, *, optimize: str = "balanced", agent: bool = True) -> Plan:
    """Kernels, memory layout and predicted budget of ``graph``, compiled; raises PlanError."""
    return Aot().plan(None, graph, board, Goal(optimize, agent))


def plan_model(path: Path, board: Board, settings: Settings = Settings()) -> Plan:
    """The plan of a .tflite file for a board and a runtime; raises ModelError and PlanError."""
    board = _with_stack(board, settings.runtime or board.backends["runtime"])
    return _planned(read_model(path), board, settings)


def check(graph: Graph, board: Board, *, optimize: str = "balanced") -> Fit:
    """Needs against budgets of the board, before anything is compiled."""
    return fit(plan(graph, board, optimize=optimize), board, all_boards())


def check_model(path: Path, board: Board, settings: Settings = Settings()) -> Fit:
    """The same for a .tflite file and any runtime."""
    return fit(plan_model(path, board, settings), board, all_boards())


def explore(graph: Graph, board: Board, runtime: str | None = None) -> tuple[Alternative, ...]:
    """RAM against time against flash: the plans of all goals and those in between."""
    from tinyml.passes import run_passes
    from tinyml.plan.explore import explore as explore_plans

    if (runtime or board.backends["runtime"]) != AOT:
        raise PlanError(
            f"there is one plan only with the runtime '{runtime or board.backends['runtime']}'",
            hint=f"leave out --explore, or give --runtime {AOT}",
        )
    return explore_plans(run_passes(graph), board)


def build_model(model: Path | ModelFile, board: Board, settings: Settings = Settings()) -> Built:
    """From a .tflite file to a project, an image and a report in the build directory.

    Raises ModelError, DoesNotFit, BuildError or ToolError; a failure leaves no half-written file.
    Where the toolchain is not there, project and report are complete and ``Built.missing`` says so.
    """
    model = model if isinstance(model, ModelFile) else read_model(model)
    runtime = settings.runtime or board.backends["runtime"]
    settings = replace(settings, template=settings.template or template_for(board, runtime))
    board = _with_stack(for_template(board, settings.template), runtime)
    made = _planned(model, board, settings)
    require(fit(made, board, all_boards()))
    directory = settings.directory or _directory(made.graph, board, settings)
    return build(made, board, replace(settings, directory=directory), model=model)


def build(
    made: Plan, board: Board, settings: Settings = Settings(), *, model: ModelFile | None = None
) -> Built:
    """Writes the project of a plan and builds it; ``model`` is the file that the plan is of."""
    directory = (settings.directory or _directory(made.graph, board, settings)).absolute()
    folder = settings.project or directory / "project"
    with locked(directory, folder):
        return _built(made, board, replace(settings, directory=directory, project=folder), model)


def _built(made: Plan, board: Board, settings: Settings, model: ModelFile | None) -> Built:
    """build() in its two folders, which this process has for itself."""
    from tinyml.project.application import refuse_other
    from tinyml.project.create import AgentOptions, create, template_option

    directory, folder = settings.directory, settings.project
    assert directory is not None
    assert folder is not None
    _refuse_other(directory, made.graph.name)
    template = settings.template or template_for(board, made.runtime)
    sources = runtime_of(made.runtime).generate(model, made, board, settings.goal)
    speaks = AgentOptions(settings.benchmark, settings.model_id)
    refuse_other(folder, made.graph.source.file_name, template)
    project = create(made, sources, board, template, folder, agent=settings.agent, speaks=speaks)
    before = _image_there(directory)
    image, missing, tested = _linked(project, made, replace(settings, template=template))
    verdict = fit(made, board, all_boards())
    options = (*_options(settings), *template_option(board, template, made.runtime))
    command = build_command(made, board, image, options)
    tools = tool_versions(image)
    document = report(made, board, verdict, image, command=command, tools=tools)
    document = replace(document, self_test=self_test_record(tested))
    if image is not None and before is not None and before.hashes == image.hashes:
        document = with_run_of(document, directory)
    if model:  # later commands start from this directory
        write_atomic(directory / made.graph.source.file_name, model.data)
    path = write_report(document, directory)
    files = (project.directory, *((image.elf,) if image else ()), path)
    shown = tuple(near(item) for item in files)
    return Built(directory, made, verdict, image, document, shown, missing)


def build_emulated(path: Path, board: Board, settings: Settings = Settings()) -> Built:
    """build_model() with a template that simulators can run: the settings' own if it links one."""
    runtime = settings.runtime or board.backends["runtime"]
    template = emulated_template(board, settings.template, runtime)
    if settings.template not in (None, template):
        settings = replace(settings, project=None)
    return build_model(path, board, replace(settings, template=template))


def _directory(graph: Graph, board: Board, settings: Settings) -> Path:
    """Where a build goes by default: one folder per model, board and kind of project."""
    name = f"{graph.name}-{board.name}"
    template = settings.template
    if template is None or template in (board.backends.get("template"), LIBRARY):
        return BUILD_ROOT / name
    return BUILD_ROOT / f"{name}-{Path(template).resolve().name}"


def _refuse_other(directory: Path, name: str) -> None:
    """A build directory belongs to one model: the user's own files in it call that model.

    Raises BuildError also for a folder that is none and holds files of a build's names.
    """
    from tinyml.project.build import OBJECTS
    from tinyml.values.image import IMAGE_FILE

    try:
        found = json.loads((directory / "report.json").read_text(encoding="utf-8"))["model"]["name"]
    except (OSError, ValueError, KeyError, TypeError):
        found = None
    if found not in (name, None):
        raise BuildError(
            f"{directory} holds the project of another model, '{found}'",
            hint="give another --output, or delete that directory",
        )
    if found or any((directory / folder).is_dir() for folder in (OBJECTS, "project")):
        return
    names = (IMAGE_FILE, "report.json", "report.html", "run.json", "firmware.elf", "firmware.bin")
    taken = [item for item in names if (directory / item).exists()]
    if taken:
        raise BuildError(
            f"{directory} is no build of tinyml, and holds {', '.join(taken)}",
            hint="give a folder of its own with --output",
        )


def _linked(
    project: Project, made: Plan, settings: Settings
) -> tuple[Image | None, ToolMissing | None, SelfTest | None]:
    """The image of a project, or why there is none, and what was tested."""
    from tinyml.project.build import build as build_project
    from tinyml.project.selftest import check_graph, check_image, runs_here

    assert settings.template is not None
    is_linked = bool(project.linker_script or project.toolchain) and not settings.project_only
    is_run = settings.self_test and is_linked and runs_here(project.board, settings.template)
    tested = check_graph(made) if settings.self_test and not is_run else None
    if not is_linked:
        return None, None, tested

    def check(image: Image, before: SelfTest | None) -> SelfTest | None:
        return check_image(made, project.board, image, before) if is_run else tested

    # None is zig, which arm_gcc replaces where there is no zig
    own = project.toolchain or project.board.backends["toolchain"]
    toolchain = settings.toolchain or (None if own == "zig" else own)
    assert settings.directory is not None
    try:
        image = build_project(
            project, toolchain, settings.directory, container=settings.container, check=check
        )
    except ToolMissing as error:
        return None, error, tested
    return image, None, image.self_test


def _image_there(directory: Path) -> Image | None:
    """The image of an earlier build, if there is one."""
    from tinyml.values.image import IMAGE_FILE, load_image

    try:
        return load_image(directory / IMAGE_FILE)
    except BuildError:
        return None


def _options(settings: Settings) -> list[str]:
    """What was asked for, as on the command line."""
    words = [] if settings.offline_plan else ["--no-offline-plan"]
    words += ["--agent", "mlperf"] if settings.benchmark else []
    words += [] if settings.agent else ["--no-agent"]
    words += [] if settings.self_test else ["--no-self-test"]
    words += ["--model-id", settings.model_id] if settings.model_id else []
    return words


def keeps_floats(board: Board, runtime: str | None) -> bool:
    """Whether a model that is not quantised is taken as it is."""
    return runtime_of(runtime or board.backends["runtime"]).takes_floats


def _with_stack(board: Board, runtime: str) -> Board:
    """The board with as much stack as the runtime needs."""
    least = runtime_of(runtime).least_stack_bytes
    return replace(board, stack_bytes=max(board.stack_bytes, least))


def _planned(model: ModelFile, board: Board, settings: Settings) -> Plan:
    runtime = runtime_of(settings.runtime or board.backends["runtime"])
    return runtime.plan(model, runtime.load(model), board, settings.goal)
