"""Sources → Project: a folder with everything that a compiler needs, and nothing of tinyml's.

From ``firmware/`` exactly those files are copied that the model's kernels, the board's port and the
agent include. Files that are the user's own are written once and never touched again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import tinyml
from tinyml.backends.toolchains import OPTIMIZE
from tinyml.base.errors import BuildError, TinymlError
from tinyml.base.files import inside, write_atomic
from tinyml.base.includes import Headers
from tinyml.codegen.application import application_view
from tinyml.codegen.generate import BOTH, Sources
from tinyml.evaluate.benchmark import task_macros
from tinyml.evaluate.samples import Samples
from tinyml.ops.outside import firmware_folders
from tinyml.plan.halves import uses_two_cores
from tinyml.plan.planned import Planned
from tinyml.plan.timing import inference_ms, longest_step_ms
from tinyml.plan.values import Plan
from tinyml.project.application import FILE as APPLICATION_FILE
from tinyml.project.content import (
    FIRMWARE_DIR,
    MODEL_DIR,
    Content,
    firmware_files,
    model_files,
    template_files,
)
from tinyml.project.fingerprint import MACRO as FINGERPRINT
from tinyml.project.fingerprint import fingerprint_of
from tinyml.project.samples import compiled_in
from tinyml.project.settings import DEFAULT_TOOLCHAIN
from tinyml.target.board import Board, config_macros, general_macros, port_sources
from tinyml.target.template import (
    PARTS,
    Template,
    refuse_template,
    template_of,
    template_options,
    two_cores_source,
)
from tinyml.target.template import load_template as load_template
from tinyml.values.project import Project
from tinyml.values.target import Target

BENCHMARK_BAUD = 115_200
QUANTITIES = ("_HZ", "_BYTES", "_BAUD", "_LAYERS", "_SCALE", "_PIN", "_FUNCTION", "_FLOATS")
MODEL_ID = re.compile(r"[A-Za-z0-9_.-]{1,32}")
LIBRARY = "library"  # the template of --library
FIRMWARE = "firmware"  # templates of this kind have an application
SOURCES = (".c", ".cpp")


@dataclass(frozen=True, slots=True)
class AgentOptions:
    """What the firmware's serial agent says and understands."""

    benchmark: bool = False  # the protocol of MLPerf Tiny and nothing else, at its baud rate
    model_id: str | None = None  # what it calls the model; None: the model's name


def create(
    planned: Planned,
    sources: Sources,
    dest: Path,
    *,
    speaks: AgentOptions = AgentOptions(),
    samples: Samples | None = None,
) -> Project:
    """Writes the project of a model into ``dest``, with a few samples for its application.

    May be repeated: files that did not change keep their time, the user's own files stay as they
    are. Without an agent the firmware still runs the model, but does not listen to anybody.
    """
    plan, target = planned.plan, planned.target
    skeleton = _skeleton(planned).named(sources.name)
    has_agent = target.goal.agent and "agent" in skeleton.firmware
    if skeleton.kind == FIRMWARE:
        sources = compiled_in(sources, plan.graph, samples)
    copied = _firmware_files(sources, target.board, skeleton, has_agent)
    project = Project(
        directory=dest.resolve(),
        name=sources.name,
        board=target.board,
        template=skeleton.name,
        sources=(*skeleton.sources, *_compiled(sources, copied, skeleton)),
        include_dirs=tuple(dict.fromkeys(map(skeleton.place, _folders(skeleton)))),
        defines=_defines(has_agent, speaks),
        linker_script=skeleton.linker_script,
        optimize=plan.optimize,
        toolchain=skeleton.toolchain,
        is_announced=has_agent and not speaks.benchmark,
    )
    values = _variables(project, skeleton, plan, _command(sources, planned), speaks)
    values |= {"headers": _placed(copied, (".h",), skeleton), **sources.facts}
    models, firmware = model_files(sources, skeleton), firmware_files(copied, skeleton)
    files = {**models, **firmware, **template_files(skeleton, values)}
    project = replace(project, fingerprint=_fingerprint(project, target, skeleton, files))
    values["config"] = _config(plan, project, speaks, has_port="port" in skeleton.firmware)
    _write(project, skeleton, models, {**template_files(skeleton, values), **firmware})
    return project


def _command(sources: Sources, planned: Planned) -> str:
    """What to type for this project."""
    target = planned.target
    option = template_option(target.board, target.template, planned.plan.runtime)
    return " ".join((sources.command, *option))


def _compiled(sources: Sources, copied: Sequence[str], skeleton: Template) -> tuple[str, ...]:
    """Where the C files of model and firmware stand in the project."""
    model = (skeleton.place(f"{MODEL_DIR}/{name}") for name in sources.compiled)
    return (*model, *_placed(copied, SOURCES, skeleton))


def _placed(copied: Sequence[str], ends: tuple[str, ...], skeleton: Template) -> tuple[str, ...]:
    """Where files of firmware/ with some endings stand in the project."""
    names = (name for name in copied if name.endswith(ends))
    return tuple(skeleton.place(f"{FIRMWARE_DIR}/{name}") for name in names)


def _folders(skeleton: Template) -> tuple[str, ...]:
    """Where headers are looked for."""
    folders = (MODEL_DIR, FIRMWARE_DIR, f"{FIRMWARE_DIR}/include")
    return (*folders, ".", f"{FIRMWARE_DIR}/libc") if skeleton.linker_script else folders


def _fingerprint(project: Project, target: Target, template: Template, files: Content) -> str:
    """Of the files that the project would have without one, and of what compiles them."""
    core = target.board.chip.core
    words = [target.toolchain or DEFAULT_TOOLCHAIN, project.optimize, core.name, *core.gcc]
    words += [f"{name}={value}" for name, value in project.defines]
    ours = {name: data for name, data in files.items() if name not in template.keep}
    return fingerprint_of(ours, words)


def _skeleton(planned: Planned) -> Template:
    """The template; raises BoardError or TinymlError where board or model cannot have it."""
    template = template_of(planned.target.board, planned.target.template)
    refuse_template(planned.target.board, template)
    if template.runtime != planned.plan.runtime:
        raise TinymlError(
            f"the template '{template.name}' is for the runtime '{template.runtime}', "
            f"the model was planned for '{planned.plan.runtime}'",
            hint=f"leave out --template, or give --runtime {template.runtime}",
        )
    return template


def template_option(board: Board, template: str, runtime: str) -> tuple[str, ...]:
    """How the command line asks for this template; nothing when it is the runtime's own here."""
    if template == LIBRARY:
        return ("--library",)
    names = board.templates
    if runtime == board.backends.get("runtime", runtime):
        names = (board.backends.get("template", template), *names)
    own = next((name for name in names if load_template(name).runtime == runtime), None)
    return () if template == own else ("--template", template)


def _write(project: Project, template: Template, models: Content, others: Content) -> None:
    root = project.directory
    content = {**models, **others}  # the model's first: they tell whose folder it is
    content = {
        name: data
        for name, data in content.items()
        if name not in template.keep or not (root / name).exists()
    }
    _refuse_foreign(root, content, tuple(models))
    for name, data in content.items():
        write_atomic(inside(root, root / name), data)


def _refuse_foreign(root: Path, content: Mapping[str, str | bytes], own: Sequence[str]) -> None:
    """Raises BuildError when files would be replaced in a folder that holds no project of ours.

    ``own`` are the files that tell one: nobody else writes a model's sources there.
    """
    if (root / APPLICATION_FILE).is_file() or any((root / name).is_file() for name in own):
        return
    taken = [name for name in sorted(content) if (root / name).exists()]
    if taken:
        raise BuildError(
            f"{root} holds files that are not tinyml's and would be replaced: "
            f"{', '.join(taken[:5])}",
            hint="give a folder of its own with --project or --output",
        )


def _firmware_files(
    sources: Sources, board: Board, template: Template, has_agent: bool
) -> tuple[str, ...]:
    """The files of firmware/ that a project needs, relative to it."""
    root, *others = (folder.resolve() for folder in firmware_folders())
    starts = [root / "include" / "tml.h"]
    for name in sources.headers:
        starts.append(next(item / name for item in (root, *others) if (item / name).is_file()))
    if template.kind == FIRMWARE:
        starts.append(root / "include" / "tml_print.h")
    if template.linker_script:
        starts.append(root / "libc" / "string.c")
    if "port" in template.firmware:
        starts += [root / name for name in port_sources(board)]
    if "cycles" in template.firmware:
        starts.append(root / "port" / "cycles" / f"{board.chip.cycle_counter}.c")
    for folder in (name for name in template.firmware if name not in PARTS):
        starts += sorted(path for path in (root / folder).iterdir() if path.suffix in SOURCES)
    if BOTH in sources.headers:
        starts.append(root / two_cores_source(board, template))
    if has_agent:
        starts += sorted((root / "agent").glob("*.c"))
    folders = [root, root / "include", *others]
    if template.linker_script:
        folders.append(root / "libc")
    files = {*(path.resolve() for path in starts), *Headers(tuple(folders)).of(*starts)}
    homes = (root, *others)
    return tuple(
        sorted(
            path.relative_to(next(home for home in homes if path.is_relative_to(home))).as_posix()
            for path in files
        )
    )


def _variables(
    project: Project, template: Template, plan: Plan, command: str, speaks: AgentOptions
) -> dict[str, object]:
    """What the templates see; template.toml describes each name."""
    graph, board = plan.graph, project.board
    return {
        "board": board,
        "model": application_view(graph),
        "config": _config(plan, project, speaks, has_port="port" in template.firmware),
        "has_agent": bool(project.defines),
        "sources": project.sources,
        "include_dirs": project.include_dirs,
        "defines": project.defines,
        "flags": board.chip.core.gcc,
        "optimize": (OPTIMIZE[project.optimize],),
        "tool_version": tinyml.__version__,
        "command": command,
        "options": template_options(board, template),
        "regions": _other_regions(plan, board),
        "image_bytes": plan.needed_bytes(board.flash.region),
        "inference_ms": inference_ms(plan, board.chip.clock_hz),
        "libraries": {name: board.chip.libraries[name] for name in board.libraries},
        "longest_layer_ms": longest_step_ms(plan, board.chip.clock_hz),
    }


def _other_regions(plan: Plan, board: Board) -> tuple[str, ...]:
    first = board.ram[0].region
    return tuple(name for name, size in plan.arena_bytes if size and name != first)


def _defines(has_agent: bool, speaks: AgentOptions) -> tuple[tuple[str, str], ...]:
    """Macros of the command line; the benchmark has nothing done after each layer."""
    if not has_agent:
        return ()
    return (("TML_AGENT", "1"), *(() if speaks.benchmark else (("TML_PROFILE", "1"),)))


def _config(
    plan: Plan, project: Project, speaks: AgentOptions, *, has_port: bool
) -> tuple[tuple[str, str], ...]:
    """The macros of tml_config.h as C literals: the board's, then the agent's."""
    graph, board = plan.graph, project.board
    output_bytes = sum(-(-graph.tensors[i].nbytes // 4) * 4 for i in graph.outputs)
    macros = {
        **(config_macros(board) if has_port else general_macros(board)),
        "TML_AGENT_OUTPUT_BYTES": output_bytes,
        "TML_AGENT_LAYERS": max(1, len(plan.steps)),
        "TML_AGENT_INPUTS": max(1, len(graph.inputs)),
        **({"TML_TWO_CORES": 1} if uses_two_cores(plan) else {}),
    }
    literals = []
    if speaks.benchmark:
        macros |= {"TML_BAUD": BENCHMARK_BAUD, **task_macros(speaks.model_id, graph)}
        literals.append(("TML_AGENT_BENCHMARK", "1"))
    if speaks.model_id is not None:
        if not MODEL_ID.fullmatch(speaks.model_id):
            raise TinymlError(
                f"'{speaks.model_id}' cannot be a model id",
                hint="1 to 32 letters, digits, '_', '-' and '.', such as kws01",
            )
        literals.append(("TML_AGENT_MODEL_ID", f'"{speaks.model_id}"'))
    if project.is_announced and project.fingerprint:
        literals.append((FINGERPRINT, f'"{project.fingerprint}"'))
    return (*((name, _literal(name, value)) for name, value in macros.items()), *literals)


def _literal(name: str, value: int) -> str:
    """Quantities in decimal, register addresses and values in hexadecimal."""
    is_quantity = value < 10 or name.endswith(QUANTITIES) or "_PLL_" in name
    return f"{value}u" if is_quantity else f"0x{value:08X}u"
