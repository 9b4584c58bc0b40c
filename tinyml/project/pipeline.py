"""Model and target → build directory: the stages in a row."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from tinyml.base.errors import BuildError, Overflows, StackTooSmall, ToolMissing
from tinyml.base.files import near, write_atomic
from tinyml.base.lock import locked
from tinyml.evaluate.samples import Samples
from tinyml.model.file import ModelFile, conversion_path
from tinyml.plan.fit import require
from tinyml.plan.planned import Planned
from tinyml.plan.planner import RUNTIME
from tinyml.plan.values import Plan
from tinyml.project.application import refuse_other
from tinyml.project.build import OBJECTS
from tinyml.project.build import build as build_project
from tinyml.project.built import Built
from tinyml.project.create import LIBRARY, AgentOptions, create, template_option
from tinyml.project.depth import stack_of
from tinyml.project.overflow import overflow_of
from tinyml.project.plans import reserving, smaller_by, with_plan, with_room_for
from tinyml.project.samples import SAMPLES_FILE, chosen_samples, keep_samples
from tinyml.project.saved import PLAN_FILE, save_planned
from tinyml.project.selftest import check_graph, check_image, runs_here
from tinyml.project.settings import Settings, chosen_template, resolve
from tinyml.report.assemble import report, self_test_record, with_run_of
from tinyml.report.history import report_there
from tinyml.report.origin import build_command, tool_versions
from tinyml.report.page import write_report
from tinyml.report.report import FILE_NAME as REPORT_FILE
from tinyml.runtimes import runtime_of
from tinyml.target.board import Board
from tinyml.target.template import has_own_port, is_path, load_template
from tinyml.values.image import IMAGE_FILE, Image, SelfTest, load_image
from tinyml.values.project import Project

BUILD_ROOT = Path("build")
ATTEMPTS = 3  # at most, to build what linking found too large
OTHER_FILES = (SAMPLES_FILE, "report.html", "run.json", "firmware.elf", "firmware.bin")
Linked = tuple[Image | None, ToolMissing | None, SelfTest | None]


def build_plan(plan: Plan, board: Board, settings: Settings = Settings()) -> Built:
    """A build of a plan that was made by other means, of a model that may be in no file."""
    return build_planned(with_plan(resolve(board, settings), plan), settings)


def build_planned(planned: Planned, settings: Settings = Settings()) -> Built:
    """Writes the project, builds and tests it, and leaves everything in the build directory.

    Raises DoesNotFit, BuildError or ToolError; a failure leaves no half-written file. Where the
    toolchain is not there, project and report are complete and ``Built.missing`` says so.
    """
    if settings.compiled_inputs is not None and planned.target.template == LIBRARY:
        raise BuildError("a library has no application", hint="leave out --inputs")
    samples = chosen_samples(planned.plan.graph, settings.compiled_inputs)
    planned = with_room_for(samples, planned)
    if not planned.verdict.is_close:
        require(planned.verdict)
    if not planned.target.template:
        chosen_template(planned.target.board, planned.target.runtime, settings)  # raises
    directory = Path(settings.directory or _directory(planned)).absolute()
    folder = Path(settings.project or directory / "project")
    is_named = settings.directory is not None
    settings = replace(settings, directory=directory, project=folder)
    with locked(directory, folder):
        _refuse_other(directory, planned, is_named=is_named)
        return _fitting(planned, settings, samples)


def _fitting(planned: Planned, settings: Settings, samples: Samples | None) -> Built:
    """Builds, and again where linking showed that the stack or another plan must be taken."""
    notes: tuple[str, ...] = ()
    for _ in range(ATTEMPTS):
        try:
            return replace(_built(planned, settings, samples), notes=notes)
        except StackTooSmall as error:
            planned = reserving(planned, error.wanted_bytes)
            if not planned.verdict.is_close:
                require(planned.verdict)
        except Overflows as error:
            smaller = smaller_by(planned, error.over, samples)
            if smaller is None:
                raise
            planned = smaller
            notes = (
                "the plan that came first was too large when linked: one of those that take less "
                "flash stands in its place",
            )
    return replace(_built(planned, settings, samples), notes=notes)


def _built(planned: Planned, settings: Settings, samples: Samples | None) -> Built:
    """build_planned() in its two folders, which this process has for itself."""
    directory, target, plan = settings.directory, planned.target, planned.plan
    assert directory is not None
    project = _project(planned, settings, samples)
    planned = replace(planned, fingerprint=project.fingerprint, is_announced=project.is_announced)
    before = _image_there(directory)
    image, missing, tested = _linked(project, planned, settings)
    options = (*_options(settings), *template_option(target.board, target.template, plan.runtime))
    document = report(
        planned,
        image,
        command=build_command(plan, target.board, image, options),
        tools=tool_versions(image),
    )
    document = replace(document, self_test=self_test_record(tested))
    if image is not None and before is not None and before.hashes == image.hashes:
        document = with_run_of(document, directory)
    if planned.model:  # later commands start from this directory
        _keep_model(planned.model, directory)
        keep_samples(directory, plan.graph, samples)
        save_planned(planned, directory, image)
    old = report_there(directory)
    path = write_report(document, directory)
    files = (project.directory, *((image.elf,) if image else ()), path)
    return Built(directory, planned, image, document, tuple(map(near, files)), missing, old)


def _keep_model(model: ModelFile, directory: Path) -> None:
    """Puts a model into its build directory, with what its conversion measured."""
    path = directory / model.file_name
    write_atomic(path, model.data)
    if model.conversion:
        write_atomic(conversion_path(path), model.conversion)


def _project(planned: Planned, settings: Settings, samples: Samples | None) -> Project:
    target, plan, folder = planned.target, planned.plan, settings.project
    assert folder is not None
    sources = runtime_of(plan.runtime).generate(planned.model, plan, target.board, target.goal)
    refuse_other(folder, plan.graph.file_names, target.template)
    speaks = AgentOptions(settings.benchmark, settings.model_id)
    return create(planned, sources, folder, speaks=speaks, samples=samples)


def _linked(project: Project, planned: Planned, settings: Settings) -> Linked:
    """The image of a project, or why there is none, and what was tested."""
    plan, target = planned.plan, planned.target
    is_linked = bool(project.linker_script or project.toolchain) and not settings.project_only
    is_run = settings.self_test and is_linked and runs_here(target.board, target.template)
    tested = check_graph(plan) if settings.self_test and not is_run else None
    if not is_linked:
        return None, None, tested

    is_ours = plan.runtime == RUNTIME and has_own_port(load_template(target.template))

    def check(image: Image, before: SelfTest | None) -> SelfTest | None:
        if image.stack_bytes is None and is_ours:
            stack_of(image.elf, target.board)  # raises
        return check_image(plan, target.board, image, before) if is_run else tested

    toolchain, container = target.toolchain or None, settings.container
    assert settings.directory is not None
    try:
        image = build_project(
            project, toolchain, settings.directory, container=container, check=check
        )
    except ToolMissing as error:
        return None, error, tested
    except BuildError as error:
        too_large = overflow_of(error, planned.verdict)
        if too_large is None:
            raise
        raise too_large from error
    return image, None, image.self_test


def _directory(planned: Planned) -> Path:
    """Where a build goes by default: one folder per model, board and kind of project."""
    board, template = planned.target.board, planned.target.template
    name = f"{planned.plan.graph.name}-{board.name}"
    if template in (board.backends.get("template"), LIBRARY):
        return BUILD_ROOT / name
    return BUILD_ROOT / f"{name}-{Path(template).resolve().name}"


def _refuse_other(directory: Path, planned: Planned, *, is_named: bool) -> None:
    """A build directory belongs to one model: the user's own files in it call that model.

    Unless ``is_named`` by the user, it also belongs to one board and template, since names of
    others may lead to the same folder. Raises BuildError also for a folder that is none and holds
    files of a build's names.
    """
    graph, target = planned.plan.graph, planned.target
    report_file = directory / REPORT_FILE
    name, file = (_held(report_file, "model", key) for key in ("name", "file"))
    board = _held(report_file, "board", "name")
    template = _held(directory / PLAN_FILE, "planned", "target", "template")
    what = ""
    if name not in (graph.name, None):
        what = f"the project of another model, '{name}'"
    elif file not in (graph.source.file_name, None):
        what = f"the project of another model file, '{file}', which is '{name}' in C too"
    elif not is_named and board not in (target.board.name, None):
        what = f"the project for another board, '{board}', whose name leads to the same folder"
    elif not is_named and isinstance(template, str) and _is_namesake(template, target.template):
        what = f"the project of another template, '{template}', whose name leads to the same folder"
    if what:
        raise BuildError(
            f"{directory} holds {what}", hint="give another --output, or delete that directory"
        )
    if name or any((directory / folder).is_dir() for folder in (OBJECTS, "project")):
        return
    names = (IMAGE_FILE, PLAN_FILE, REPORT_FILE, *OTHER_FILES)
    taken = [item for item in names if (directory / item).exists()]
    if taken:
        raise BuildError(
            f"{directory} is no build of tinyml, and holds {', '.join(taken)}",
            hint="give a folder of its own with --output",
        )


def _is_namesake(one: str, other: str) -> bool:
    """Whether two templates are different folders of one name."""
    folders = [Path(item).resolve() if is_path(item) else Path(item) for item in (one, other)]
    return folders[0].name == folders[1].name and folders[0] != folders[1]


def _held(path: Path, *keys: str) -> object:
    """A value in a JSON file; None when it is not there."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        for key in keys:
            found = found[key]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found


def _image_there(directory: Path) -> Image | None:
    """The image of an earlier build, if there is one."""
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
    given = settings.compiled_inputs
    if given is not None:
        words += ["--inputs", given.file_name if isinstance(given, Samples) else str(given)]
    return words
