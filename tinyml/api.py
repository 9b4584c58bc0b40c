"""The stages as functions, for programs and notebooks; the command line calls the same ones."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tinyml.backends import runtime_of
from tinyml.backends.base import Goal, Image, Project, Run
from tinyml.backends.runtimes import Aot
from tinyml.board import Board, all_boards, load_board
from tinyml.budget import for_template, with_budgets
from tinyml.errors import BuildError, MismatchError, PlanError, ToolMissing
from tinyml.files import write_atomic
from tinyml.inputs import Samples, random_samples, read_samples, write_samples
from tinyml.ir.graph import Array, Graph
from tinyml.libraries import with_libraries
from tinyml.model.file import ModelFile, read_model
from tinyml.model.support import has_reference
from tinyml.plan.explore import Alternative
from tinyml.plan.fit import Fit, fit, require
from tinyml.plan.values import Plan
from tinyml.report.assemble import report
from tinyml.report.origin import build_command, simulate_command, tool_versions
from tinyml.report.report import Report
from tinyml.template import emulated_template, template_for

__all__ = [
    "Settings",
    "build",
    "check",
    "emulated_template",
    "load",
    "load_board",
    "plan",
    "simulate",
    "verify",
    "with_budgets",
    "with_libraries",
]

AOT = Aot.name
BUILD_ROOT = Path("build")
LIBRARY = "library"  # the template of --library
RANDOM_SAMPLES = 5  # when the user gives no inputs


@dataclass(frozen=True, slots=True)
class Settings:
    """How to build; the defaults work."""

    optimize: str = "balanced"
    toolchain: str | None = None  # None: the board's own choice
    directory: Path | None = None  # None: build/<model>-<board>
    agent: bool = True
    benchmark: bool = False  # an agent that speaks the protocol of MLPerf Tiny and nothing else
    model_id: str | None = None  # what the agent calls the model; None: its name
    template: str | None = None  # None: the board's own choice
    container: bool = False  # a vendor's tools run in the vendor's container
    project_only: bool = False  # the project is written and not built
    project: Path | None = None  # where the project is written; None: project/ in the directory
    runtime: str | None = None  # None: the board's own choice
    offline_plan: bool = True  # an interpreter gets our memory plan with the model

    @property
    def goal(self) -> Goal:
        """What the plan is made for."""
        return Goal(self.optimize, self.agent, self.offline_plan)


@dataclass(frozen=True, slots=True)
class Built:
    """A build directory and what was made there."""

    directory: Path
    plan: Plan
    verdict: Fit
    image: Image | None  # None: a library, or not built
    report: Report
    files: tuple[Path, ...]  # what a user will look for, most wanted first
    missing: ToolMissing | None = None  # why it was not built: the toolchain is not there

    def linked(self) -> Image:
        """The image; raises ToolMissing or MismatchError when nothing was linked."""
        if self.missing is not None:
            raise self.missing
        if self.image is None:
            raise MismatchError(
                "this build has no image to run", hint="build without --library or --project-only"
            )
        return self.image


def load(path: str | Path, runtime: str = AOT) -> Graph:
    """The checked graph of a .tflite file, as a runtime will run it; raises ModelError."""
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
    from tinyml.plan.explore import explore as explore_plans

    if (runtime or board.backends["runtime"]) != AOT:
        raise PlanError(
            f"there is one plan only with the runtime '{runtime or board.backends['runtime']}'",
            hint=f"leave out --explore, or give --runtime {AOT}",
        )
    return explore_plans(graph, board)


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
    from tinyml.app import refuse_other
    from tinyml.project import Voice, create, template_option

    directory = (settings.directory or _directory(made.graph, board, settings)).absolute()
    _refuse_other_model(directory, made.graph.name)
    template = settings.template or template_for(board, made.runtime)
    sources = runtime_of(made.runtime).generate(model, made, board, settings.goal)
    voice = Voice(settings.benchmark, settings.model_id)
    folder = settings.project or directory / "project"
    refuse_other(folder, made.graph.source.file_name, template)
    project = create(made, sources, board, template, folder, agent=settings.agent, voice=voice)
    image, missing = _linked(project, board, settings, directory)
    verdict = fit(made, board, all_boards())
    options = (*_options(settings), *template_option(board, template, made.runtime))
    command = build_command(made, board, image, options)
    tools = tool_versions(image)
    document = report(made, board, verdict, image, command=command, tools=tools)
    if model:  # later commands start from this directory
        write_atomic(directory / made.graph.source.file_name, model.data)
    path = write_report(directory, document)
    files = (project.directory, *((image.elf,) if image else ()), path)
    near = tuple(_near(item) for item in files)
    return Built(directory, made, verdict, image, document, near, missing)


def build_emulated(path: Path, board: Board, settings: Settings = Settings()) -> Built:
    """build_model() with a template that simulators can run: the settings' own if it links one."""
    runtime = settings.runtime or board.backends["runtime"]
    template = emulated_template(board, settings.template, runtime)
    if settings.template not in (None, template):
        settings = replace(settings, project=None)
    return build_model(path, board, replace(settings, template=template))


def simulate(
    built: Built,
    board: Board,
    inputs: Sequence[tuple[Array, ...]],
    *,
    simulator: str | None = None,
) -> Run:
    """Boots the built image on an emulated core and feeds it every sample."""
    from tinyml.backends import simulator_of

    run = simulator_of(simulator or board.backends["simulator"]).run(
        built.linked(), board, tuple(inputs)
    )
    shapes = [built.plan.graph.tensors[index].shape for index in built.plan.graph.outputs]
    shaped = tuple(
        tuple(array.reshape(shape) for array, shape in zip(result, shapes, strict=True))
        for result in run.outputs
    )
    return replace(run, outputs=shaped)


def samples_of(graph: Graph, inputs: Path | None = None, limit: int | None = None) -> Samples:
    """The samples in a file, or random ones; raises TinymlError when the file does not match."""
    if inputs is None:
        return random_samples(graph, limit or RANDOM_SAMPLES)
    return read_samples(inputs, graph, limit)


def simulate_build(
    built: Built,
    board: Board,
    samples: Samples,
    *,
    simulator: str | None = None,
    save: Path | None = None,
) -> Built:
    """Simulates a build on samples, verifies the outputs, completes the report.

    Raises MismatchError when an output differs from the integer reference.
    """
    graph = built.plan.graph
    run = simulate(built, board, samples.inputs, simulator=simulator)
    details = dict(run.details)
    if has_reference(graph):
        verify(graph, samples.inputs, run.outputs)
        details["equal_to_reference"] = len(samples.inputs)
    if samples.labels:
        details["accuracy"] = _accuracy(run.outputs, samples)
    run = replace(run, details=details)
    command = simulate_command(built.plan, board, built.image, run, samples.file_name)
    tools = tool_versions(built.image, run)
    document = report(
        built.plan, board, built.verdict, built.image, run, command=command, tools=tools
    )
    files = [_near(write_report(built.directory, document))]
    if save:
        write_samples(save, [graph.tensors[index] for index in graph.outputs], run.outputs)
        files.append(save)
    return replace(built, report=document, files=tuple(files))


def verify(
    graph: Graph, inputs: Sequence[tuple[Array, ...]], outputs: Sequence[tuple[Array, ...]]
) -> None:
    """Raises MismatchError unless every output element equals the integer reference."""
    from tinyml.ops.reference import run

    for number, (sample, results) in enumerate(zip(inputs, outputs, strict=True)):
        values = run(graph, sample)
        for index, found in zip(graph.outputs, results, strict=True):
            wanted = values[index]
            assert wanted is not None
            wrong = np.flatnonzero(np.ravel(wanted) != np.ravel(found))
            if wrong.size:
                first = int(wrong[0])
                raise MismatchError(
                    f"sample {number}: {wrong.size} of {wanted.size} elements of output "
                    f"'{graph.tensors[index].name}' differ from the reference; the first is "
                    f"element {first}: {np.ravel(found)[first]} instead of "
                    f"{np.ravel(wanted)[first]}",
                    hint="this is a bug in a kernel: please report it with the model",
                )


def serve(built: Built, board: Board, announce: Callable[[str], None]) -> None:
    """Serves the emulated board on a pseudo-terminal until interrupted."""
    from tinyml.device.pty import serve as serve_pty

    serve_pty(built.linked(), board, announce)


def _directory(graph: Graph, board: Board, settings: Settings) -> Path:
    """Where a build goes by default: one folder per model, board and kind of project."""
    name = f"{graph.name}-{board.name}"
    template = settings.template
    if template is None or template in (board.backends.get("template"), LIBRARY):
        return BUILD_ROOT / name
    return BUILD_ROOT / f"{name}-{Path(template).name}"


def _refuse_other_model(directory: Path, name: str) -> None:
    """A build directory belongs to one model: the user's own files in it call that model."""
    try:
        found = json.loads((directory / "report.json").read_text(encoding="utf-8"))["model"]["name"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    if found != name:
        raise BuildError(
            f"{directory} holds the project of another model, '{found}'",
            hint="give another --output, or delete that directory",
        )


def _linked(
    project: Project, board: Board, settings: Settings, directory: Path
) -> tuple[Image | None, ToolMissing | None]:
    """The image of a project, or why there is none."""
    from tinyml.build import build as build_project

    if settings.project_only or not (project.linker_script or project.toolchain):
        return None, None
    # None is zig, which arm_gcc replaces where there is no zig
    own = project.toolchain or board.backends["toolchain"]
    toolchain = settings.toolchain or (None if own == "zig" else own)
    try:
        return build_project(project, toolchain, directory, container=settings.container), None
    except ToolMissing as error:
        return None, error


def _options(settings: Settings) -> list[str]:
    """What was asked for, as on the command line."""
    words = [] if settings.offline_plan else ["--no-offline-plan"]
    words += ["--agent", "mlperf"] if settings.benchmark else []
    words += [] if settings.agent else ["--no-agent"]
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


def _accuracy(outputs: Sequence[tuple[Array, ...]], samples: Samples) -> float:
    right = sum(
        int(np.argmax(result[0])) == label
        for result, label in zip(outputs, samples.labels, strict=True)
    )
    return right / len(samples.labels)


def write_report(directory: Path, document: Report) -> Path:
    """Writes report.json and the page beside it; returns the path of the former."""
    from tinyml.report.page import write_page

    path = directory / "report.json"
    write_atomic(path, json.dumps(document.to_json(), indent=1) + "\n")
    write_page(document, directory)
    return path


def _near(path: Path) -> Path:
    relative = Path(os.path.relpath(path))
    return path if str(relative).startswith("..") else relative
