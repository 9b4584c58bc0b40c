"""Project → Image: compiles what changed and links, or has a vendor's tools build the project.

An object file's name contains a hash of everything that it depends on (the source, the headers it
includes, the flags and the compiler) and one of itself. Hence an object that exists is current, one
that was cut short or altered is made again, and nothing else needs to be remembered. Objects that
another project's build has made are taken over. The image's files are made aside and moved in at
the end. A vendor's tools keep books of their own.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from tinyml.backends import builder_of, toolchain_of
from tinyml.backends.builders import contained
from tinyml.backends.protocols import Builder, Toolchain
from tinyml.base import process, programs
from tinyml.base.elf import flat_image, intel_hex, read_elf
from tinyml.base.errors import BuildError, MismatchError, SimulationFault, ToolError, ToolMissing
from tinyml.base.files import (
    inside,
    is_sealed,
    make_folder,
    refuse_special,
    seal,
    work_folder,
    write_atomic,
)
from tinyml.base.includes import Headers
from tinyml.base.lock import locked
from tinyml.base.process import Command
from tinyml.base.registry import names_of
from tinyml.project.depth import stack_of
from tinyml.project.objects import found, keep, named, relevant, take
from tinyml.target.cores import Core
from tinyml.target.template import built_in, load_template
from tinyml.values.image import (
    IMAGE_FILE,
    Image,
    SelfTest,
    check_files,
    image_of,
    load_image,
    save_image,
)
from tinyml.values.project import Project

JOBS = 2  # compilers at once
OBJECTS = "objects"  # below a build directory
LINKED = "linked"  # below that: what the image was made by
Check = Callable[[Image, SelfTest | None], SelfTest | None]
"""Tests a linked image, unless the test given, of the image before, is of the very same one."""

DOCKER_ANSWERS = Command(("docker", "version", "--format", "{{.Server.Version}}"))
BUILDER_TIMEOUT_S = 3600.0  # a framework is compiled from source, perhaps downloaded first


def build(
    project: Project,
    toolchain: str | None,
    build_dir: Path,
    *,
    container: bool = False,
    check: Check = lambda image, before: before,
) -> Image:
    """The linked firmware of a project; ``toolchain`` None means the default compiler.

    Writes image.json into ``build_dir``, and what a compiler makes: firmware.elf, .bin, .hex, .map.
    ``container``: the vendor's tools run in the vendor's container. An image that does not pass
    ``check`` is not put there. Raises BuildError when a file does not compile or link, ToolMissing
    when the toolchain is not there, and what ``check`` raises.
    """
    build_dir = build_dir.resolve()
    if toolchain is not None and toolchain in names_of("builders"):
        image = _have_built(builder_of(toolchain), project, container)
        save_image(_checked_there(check, image, build_dir), build_dir / IMAGE_FILE)
    else:
        chain = toolchain_of(toolchain)
        _refuse(chain, project, container)
        make_folder(inside(build_dir, build_dir / OBJECTS / LINKED).parent)
        prepare(chain, project.board.chip.core)
        objects = _compile(chain, project, build_dir)
        command = chain.link(project, objects, build_dir)
        if not _is_linked(command, project, build_dir):
            _link(chain, project, objects, build_dir, check)
        else:
            image = _checked_there(check, load_image(build_dir / IMAGE_FILE), build_dir)
            save_image(image, build_dir / IMAGE_FILE)
    return load_image(build_dir / IMAGE_FILE)


def _have_built(builder: Builder, project: Project, container: bool) -> Image:
    if container and not builder.container:
        raise BuildError(
            f"there is no container image for '{builder.name}'", hint="leave out --docker"
        )
    problem = _missing(builder, container)
    if problem is not None:
        raise _not_built(builder, project, problem)
    steps = contained(builder, project) if container else builder.commands(project)
    for command in steps:
        try:
            process.run(command, timeout_s=BUILDER_TIMEOUT_S)
        except ToolError as error:
            raise BuildError(
                error.message, hint=error.hint, where=str(project.directory)
            ) from error
    return builder.image(project)


def _missing(builder: Builder, container: bool) -> str | None:
    """What the builder wants and does not find here; None when all is there."""
    for program in ("docker",) if container else builder.requires:
        if shutil.which(program) is None:
            return f"the program '{program}' is not there or not on PATH"
    if container:
        try:
            process.run(DOCKER_ANSWERS)
        except ToolError as error:
            return f"Docker does not work: {error.message.splitlines()[-1]}"
    return None


def _not_built(builder: Builder, project: Project, problem: str) -> ToolMissing:
    """What to type, once the tools are there."""
    where = programs.how_to_get(builder.requires[0])
    lines = [f"install {builder.title} ({where}), then the same again, or"]
    lines += [f"  {process.quoted(command)}" for command in builder.commands(project)]
    if builder.container:
        docker = programs.how_to_get("docker")
        lines += [f"with Docker instead ({docker}): the same again with --docker, or"]
        lines += [f"  {process.quoted(command)}" for command in contained(builder, project)]
    return ToolMissing(
        f"the project is complete, but was not built: {problem}", hint="\n".join(lines)
    )


def _refuse(chain: Toolchain, project: Project, container: bool) -> None:
    """A compiler alone needs no container."""
    if container:
        raise BuildError(
            f"there is no container image for '{chain.name}'", hint="leave out --docker"
        )


def commands(project: Project, toolchain: Toolchain, build_dir: Path) -> tuple[Command, ...]:
    """Everything that a build from nothing runs, in order."""
    objects = {name: build_dir / "objects" / f"{_stem(name)}.o" for name in project.sources}
    return (
        *(command for _, command in toolchain.prepare(project.board.chip.core)),
        *(toolchain.compile(project, name, made) for name, made in objects.items()),
        toolchain.link(project, tuple(objects.values()), build_dir),
    )


def prepare(chain: Toolchain, core: Core) -> None:
    """Makes what the toolchain wants once per core, unless it is there and undamaged."""
    for made, command in chain.prepare(core):
        refuse_special(made, "write")
        if is_sealed(made):
            continue
        with locked(made.parent), work_folder(made.with_suffix(".work")):
            if not is_sealed(made):
                partial = made.with_suffix(".partial.a")
                argv = tuple(word.replace(str(made), str(partial)) for word in command.argv)
                try:
                    process.run(Command(argv, command.cwd, command.message))
                    partial.replace(made)
                    seal(made)
                finally:
                    partial.unlink(missing_ok=True)


def _compile(chain: Toolchain, project: Project, build_dir: Path) -> tuple[Path, ...]:
    folder = build_dir / OBJECTS
    objects: dict[str, Path] = {}
    todo: list[tuple[str, Path, Command]] = []
    headers = Headers(tuple(project.directory / name for name in project.include_dirs))
    with work_folder(folder / "work") as work:
        for source in project.sources:
            name = f"{_stem(source)}-{_key(chain, project, source, headers)}"
            made = found(name, folder) or take(name, folder)
            if made is None:
                made = work / f"{name}.o"
                todo.append((name, made, chain.compile(project, source, made)))
            objects[name] = made
        _run(project, [command for _, _, command in todo])
        for name, made, _ in todo:
            objects[name] = made.replace(folder / named(name, made))
            keep(objects[name])
    for stale in set(folder.glob("*.o")) - set(objects.values()):
        with suppress(OSError):
            stale.unlink()
    return tuple(objects.values())


def _link(
    chain: Toolchain, project: Project, objects: tuple[Path, ...], build_dir: Path, check: Check
) -> None:
    """Makes the image's files, aside, and puts them in their place when they pass."""
    stamp = build_dir / OBJECTS / LINKED
    with work_folder(build_dir / OBJECTS / "work") as work:
        _run(project, [chain.link(project, objects, work)])
        image = _image(chain, project, work)
        tested = check(image, _self_test_there(build_dir))
        save_image(replace(image, self_test=tested), work / IMAGE_FILE)
        stamp.unlink(missing_ok=True)
        made = (*sorted(work.glob("firmware.*")), work / IMAGE_FILE)
        for file in made:
            refuse_special(build_dir / file.name, "write")
        for file in made:
            file.replace(build_dir / file.name)
    write_atomic(stamp, _digest(chain.link(project, objects, build_dir), project))


def _checked_there(check: Check, image: Image, build_dir: Path) -> Image:
    """The image, which is in its place already, with its test; nothing flashes one that fails."""
    try:
        return replace(image, self_test=check(image, _self_test_there(build_dir)))
    except (MismatchError, SimulationFault):
        (build_dir / OBJECTS / LINKED).unlink(missing_ok=True)
        (build_dir / IMAGE_FILE).unlink(missing_ok=True)
        raise


def _self_test_there(build_dir: Path) -> SelfTest | None:
    try:
        return load_image(build_dir / IMAGE_FILE).self_test
    except BuildError:
        return None


def _digest(command: Command, project: Project) -> str:
    """Of all that decides the content of an image."""
    digest = hashlib.sha256("\0".join(command.argv).encode())
    digest.update((project.directory / project.linker_script).read_bytes())
    return digest.hexdigest()


def _is_linked(command: Command, project: Project, build_dir: Path) -> bool:
    """Whether the image's files are there, as the command would make them."""
    try:
        if (build_dir / OBJECTS / LINKED).read_text() != _digest(command, project):
            return False
        check_files(load_image(build_dir / IMAGE_FILE))
    except (OSError, BuildError):
        return False
    return all((build_dir / name).is_file() for name in ("firmware.hex", "firmware.map"))


def _run(project: Project, todo: list[Command]) -> None:
    """Runs compiler commands; a program that fails means that the project is wrong."""
    for program in sorted({command.argv[0] for command in todo}):
        process.require(program)
    try:
        process.run_all(todo, jobs=JOBS)
    except ToolError as error:
        hint = "\n".join(filter(None, (_own_file(project, error.message), error.hint)))
        raise BuildError(error.message, hint=hint, where=str(project.directory)) from error


def _own_file(project: Project, message: str) -> str:
    """What to do about a file of the user's own that a compiler complains of."""
    if project.template not in built_in():
        return ""  # of a folder whose name alone is known here
    template = load_template(project.template).named(project.name)
    name = next((name for name in template.keep if f"{name}:" in message), None)
    if name is None:
        return ""
    return f"{name} is yours: change it, or delete it to get one for this model"


def _key(chain: Toolchain, project: Project, source: str, headers: Headers) -> str:
    """A hash of all that decides the content of an object."""
    path = project.directory / source
    if not path.is_file():
        raise BuildError(f"the file '{source}' is missing", where=str(project.directory))
    command = chain.compile(project, source, Path("object"))
    # Objects are the same from any folder: -fdebug-prefix-map sees to it.
    argv = (word.replace(str(project.directory), ".") for word in command.argv)
    words = [chain.name, chain.version, *argv]
    digest = hashlib.sha256("\0".join(words).encode())
    for text in relevant((path, *headers.of(path))):
        digest.update(hashlib.sha256(text).digest())
    return digest.hexdigest()[:16]


def _image(chain: Toolchain, project: Project, build_dir: Path) -> Image:
    elf_path, binary = build_dir / "firmware.elf", build_dir / "firmware.bin"
    address, content = flat_image(read_elf(elf_path).segments)
    write_atomic(binary, content)
    write_atomic(build_dir / "firmware.hex", intel_hex(address, content))
    image = image_of(elf_path, ((address, binary),), project.board, f"{chain.name} {chain.version}")
    return replace(image, stack_bytes=stack_of(elf_path, project.board))


def _stem(source: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]+", "_", source.removesuffix(".c"))
