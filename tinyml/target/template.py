"""Project templates: folders in ``templates/`` that say what a build system wants a project to be.

``template.toml`` names the files that are rendered, which of them become the user's own, where a
build system wants the model's and the firmware's files, and what the board's file must say for it.

A bare name is always a template of tinyml's own; the user's are named by their path, ``./mine``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

from tinyml.base import resources
from tinyml.base.datafile import Table, read_table
from tinyml.base.errors import BoardError, TinymlError, did_you_mean
from tinyml.base.files import is_below
from tinyml.base.registry import outside
from tinyml.target.board import Board

FILE = "template.toml"
COMMON = "common"  # of templates/: what several templates use
MODEL_NAME = "{model}"  # in the names of a template's files and folders
PARTS = ("include", "agent", "port", "cycles", "kernels")  # of firmware/, as a template may ask for


@dataclass(frozen=True, slots=True)
class Template:
    """A project skeleton."""

    folder: Path
    name: str
    kind: str  # "firmware": is linked; "library": for somebody else's firmware
    files: tuple[tuple[str, str], ...]  # (template, file in the project)
    keep: tuple[str, ...]  # files that are the user's own once written
    linker_script: str
    sources: tuple[str, ...]  # of the files, those that the compiler gets
    firmware: tuple[str, ...]  # PARTS, or folders of firmware/ whose C files are all needed
    layout: Mapping[str, str] = field(default_factory=dict)  # model/, firmware/… → project's folder
    toolchain: str = ""  # the one that builds it; "": a compiler, the board's choice
    libraries: tuple[str, ...] = ()  # vendors' kernels that it knows how to get
    two_cores: str = ""  # file of firmware/ that runs code on a second core, beside its framework
    omit: tuple[str, ...] = ()  # of the model's files, those that a project does not need
    base: str = ""  # the template that has the files which are not here, and more options
    runtime: str = "aot"  # of the models that it is for
    options: tuple[str, ...] = ()  # keys of the board's table [template.<name>]
    stack_bytes: int = 0  # at least, where nothing of ours bounds the stack of what is linked

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where its files are looked for, in order."""
        root = resources.path("templates")
        return (self.folder, *((root / self.base,) if self.base else ()), root / COMMON)

    def place(self, path: str) -> str:
        """Where a file or folder of model/ or firmware/ goes: the longest folder named decides."""
        for folder in sorted(self.layout, key=len, reverse=True):
            if PurePosixPath(path).is_relative_to(folder):
                rest = PurePosixPath(path).relative_to(folder)
                return (PurePosixPath(self.layout[folder]) / rest).as_posix()
        return path

    def named(self, model: str) -> Template:
        """The template with a model's name in its file names."""

        def fill(texts: Iterable[str]) -> tuple[str, ...]:
            return tuple(text.replace(MODEL_NAME, model) for text in texts)

        return replace(
            self,
            files=tuple((item, made.replace(MODEL_NAME, model)) for item, made in self.files),
            keep=fill(self.keep),
            omit=fill(self.omit),
            sources=fill(self.sources),
            layout=dict(zip(self.layout, fill(self.layout.values()), strict=True)),
        )


def template_of(board: Board, name: str) -> Template:
    """The board's template of that name: ``x`` is ``x_y`` too, where a board names only that."""
    if name not in board.templates:
        name = next((item for item in board.templates if item.startswith(f"{name}_")), name)
    return load_template(name)


def built_in() -> tuple[str, ...]:
    """Names of the templates that come with tinyml."""
    return _templates_in(resources.path("templates"))


@cache  # every board's file asks a few times, and tinyml's own do not change
def _templates_in(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(path.parent.name for path in folder.glob(f"*/{FILE}")))


def is_path(name: str) -> bool:
    """Whether what names a template is the path of a folder, ``./mine`` or ``/home/me/mine``."""
    return name in (".", "..") or name.startswith(("./", ".\\")) or len(PurePath(name).parts) > 1


def load_template(name: str) -> Template:
    """The template of that name, or in the folder of that path; raises TinymlError if none is."""
    folder = _folder(name)
    top = read_table(folder / FILE)
    top.text("title")
    top.strings("variables", ())
    kind = top.choice("kind", ("firmware", "library"))
    names = top.table("files")
    files = tuple((item, names.text(item)) for item in names.names())
    build, layout = top.table("build", {}), top.table("layout", {})
    sources = build.strings("sources", ())
    template = Template(
        folder=folder,
        name=folder.name,
        kind=kind,
        files=files,
        keep=build.strings("keep", sources),
        linker_script=build.text("linker_script", ""),
        sources=sources,
        firmware=build.strings("firmware", ()),
        layout={item: layout.text(item) for item in layout.names()},
        toolchain=build.text("toolchain", ""),
        libraries=build.strings("libraries", ()),
        two_cores=build.text("two_cores", ""),
        omit=build.strings("omit", ()),
        base=top.choice("base", built_in()) if top.has("base") else "",
        runtime=build.text("runtime", "aot"),
        options=top.strings("options", ()),
        stack_bytes=build.integer("stack_bytes", 0),
    )
    for table in (top, names, build, layout):
        table.close()
    _check_paths(template, top)
    return template


def _folder(name: str) -> Path:
    if is_path(name) and (Path(name).resolve() / FILE).is_file():
        return Path(name).resolve()
    added = outside("templates", built_in())
    if name in built_in():
        return resources.path("templates") / name
    if not is_path(name) and name in added:
        return _folder_of_package(name, added[name]())
    hint = did_you_mean(name, (*built_in(), *added))
    if (Path(name) / FILE).is_file():
        hint = f"for the folder of that name: ./{name}"
    raise TinymlError(
        f"there is no project template '{name}'",
        hint=f"{hint}; 'tinyml build --library' writes the C files for a project of your own",
    )


def _folder_of_package(name: str, factory: object) -> Path:
    try:
        if not callable(factory):
            raise TypeError(f"a {type(factory).__name__} is not callable")
        given = Path(factory()).resolve()
    except (Exception, SystemExit) as error:  # it is somebody else's code
        raise TinymlError(
            f"the template '{name}' of another package cannot be found: "
            f"{type(error).__name__}: {error}",
            hint="its entry point names a function that returns the folder with template.toml",
        ) from error
    if not (given / FILE).is_file():
        raise TinymlError(
            f"the template '{name}' of another package has no {given / FILE}",
            hint="reinstall that package, or name a template by its path: ./folder",
        )
    return given


def _check_paths(template: Template, top: Table) -> None:
    """Raises BoardError unless every file that the template names stays inside its folder."""
    named = template.named("model")
    paths = [
        template.name,
        *(name for name, _ in template.files),
        *(made for _, made in named.files),
    ]
    paths += [*named.keep, *named.sources, *named.omit]
    paths += [name for name in named.layout.values() if name != "."]
    paths += [named.linker_script] if named.linker_script else []
    folders = [name for name in template.firmware if name not in PARTS]
    paths += [template.two_cores] if template.two_cores else []
    for name in (*paths, *folders):
        if not is_below(name):
            raise top.error(
                f"'{name}' is not the name of a file or folder inside the project",
                "names are relative, in letters, digits and '_.+-@', without '..'",
            )
    if template.two_cores and not (resources.path("firmware") / template.two_cores).is_file():
        raise top.error(f"'build.two_cores' names '{template.two_cores}', not a file of firmware/")
    for name in folders:
        if not (resources.path("firmware") / name).is_dir():
            raise top.error(f"'build.firmware' names '{name}', which is no folder of firmware/")


def own_files(template: Template) -> tuple[Path, ...]:
    """The files of the template's folder; raises TinymlError when one is a link that leaves it."""
    found = tuple(path for path in sorted(template.folder.rglob("*")) if path.is_file())
    for path in found:
        if not path.resolve().is_relative_to(template.folder.resolve()):
            raise TinymlError(
                f"{path} is a link to a file outside of the template",
                hint="put the file itself there",
            )
    return found


def toolchain_of(board: Board, name: str) -> str:
    """The toolchain that builds the board's projects of a template."""
    return template_of(board, name).toolchain or board.backends["toolchain"]


def refuse_template(board: Board, template: Template) -> None:
    """Raises BoardError when a template of ours is not one that the board's file names.

    The same when it does not bring a library that was asked for, or what a second core needs.
    """
    for name in board.libraries:
        if name not in template.libraries:
            raise BoardError(
                f"the template '{template.name}' does not bring the kernel library '{name}'",
                hint="leave out --kernels, or choose another --template",
            )
    if board.cores > 1 and not two_cores_source(board, template):
        able = [name for name in board.templates if two_cores_source(board, load_template(name))]
        raise BoardError(
            f"the template '{template.name}' runs nothing on a second core of '{board.name}'",
            hint=f"leave out --cores, or give --template {' or '.join(able)}"
            if able
            else "leave out --cores",
        )
    ours = template.folder.parent == resources.path("templates")
    if not ours or template.kind == "library" or not board.templates:
        return
    if template.name not in board.templates:
        raise BoardError(
            f"board '{board.name}' has no template '{template.name}'",
            hint=f"it has: {', '.join(board.templates)} ('backends.template' of the board's file)",
        )


def two_cores_source(board: Board, template: Template) -> str:
    """The file of firmware/ that runs code on the board's second core; "" when there is none."""
    second = board.chip.second_core
    if second is None or not second.port or "port" not in template.firmware:
        return template.two_cores
    return f"port/{second.port}"


def template_options(board: Board, template: Template) -> Mapping[str, Any]:
    """What the board's file says for a template; raises BoardError for a missing or unknown key.

    A template that names no options takes the table as it is.
    """
    tables: Mapping[str, Mapping[str, Any]] = board.options.get("template", {})
    found = tables.get(template.name, {})
    if not template.options:
        return {**tables.get(template.base, {}), **found}
    table = Table(found, board.name, f"template.{template.name}.")
    values = {key: table.text(key) for key in template.options}
    table.close()
    return {**tables.get(template.base, {}), **values}


def template_for(board: Board, runtime: str | None = None) -> str:
    """The board's first template for a runtime, its own by default; BoardError if it has none."""
    if runtime is None or runtime == board.backends["runtime"]:
        return board.backends["template"]
    for name in board.templates:
        if load_template(name).runtime == runtime:
            return name
    raise BoardError(
        f"no template of '{board.name}' is for the runtime '{runtime}'",
        hint=f"templates of this board: {', '.join(board.templates) or 'none'}; another one: "
        "--template",
    )


def has_own_port(template: Template) -> bool:
    """Whether firmware of ours starts the image, so that an emulated core can run it."""
    return bool(template.linker_script) or "port" in template.firmware


def emulated_template(board: Board, wanted: str | None = None, runtime: str | None = None) -> str:
    """The first template for a runtime that brings our own port, for simulators.

    What a vendor's framework adds to an image does not run on an emulated core.
    """
    runtime = runtime or board.backends["runtime"]
    names = (wanted, *board.templates) if wanted else board.templates
    for name in names:
        template = load_template(name)
        if template.runtime == runtime and has_own_port(template):
            return name
    return template_for(board, runtime)
