"""Project → Image: compiles what changed and links, or has a vendor's tools build the project.

An object file's name contains a hash of everything that it depends on: the source, the headers it
includes, the flags and the compiler. Hence an object that exists is current, and nothing else
needs to be remembered. A vendor's tools keep books of their own.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tinyml import process
from tinyml.backends import builder_of, names_of, toolchain_of
from tinyml.backends.base import Builder, Command, Image, Project, Toolchain
from tinyml.backends.builders import contained
from tinyml.elf import flat_image, intel_hex, read_elf
from tinyml.errors import BuildError, ToolError, ToolMissing
from tinyml.files import make_folder, write_atomic
from tinyml.image import image_of, save_image
from tinyml.includes import included

JOBS = 2  # compilers at once
DOCKER_ANSWERS = Command(("docker", "version", "--format", "{{.Server.Version}}"))
BUILDER_TIMEOUT_S = 3600.0  # a framework is compiled from source, perhaps downloaded first


def build(
    project: Project, toolchain: str | None, build_dir: Path, *, container: bool = False
) -> Image:
    """The linked firmware of a project; ``toolchain`` None means the default compiler.

    Writes image.json into ``build_dir``, and what a compiler makes: firmware.elf, .bin, .hex, .map.
    ``container``: the vendor's tools run in the vendor's container. Raises BuildError when a file
    does not compile or link, ToolMissing when the toolchain is not there.
    """
    build_dir = build_dir.resolve()
    if toolchain is not None and toolchain in names_of("builders"):
        image = _have_built(builder_of(toolchain), project, container)
    else:
        chain = toolchain_of(toolchain)
        _refuse(chain, project, container)
        make_folder(build_dir / "objects")
        _prepare(chain, project)
        objects = _compile(chain, project, build_dir)
        _link(chain, project, objects, build_dir)
        image = _image(chain, project, build_dir)
    save_image(image, build_dir / "image.json")
    return image


def _have_built(builder: Builder, project: Project, container: bool) -> Image:
    if project.toolchain != builder.name:
        raise BuildError(
            f"'{builder.name}' cannot build a project of the template '{project.template}'",
            hint=f"leave out --toolchain {builder.name}, or choose another --template",
        )
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
    where = process.how_to_get(builder.requires[0])
    lines = [f"install {builder.title} ({where}), then the same again, or"]
    lines += [f"  {process.quoted(command)}" for command in builder.commands(project)]
    if builder.container:
        docker = process.how_to_get("docker")
        lines += [f"with Docker instead ({docker}): the same again with --docker, or"]
        lines += [f"  {process.quoted(command)}" for command in contained(builder, project)]
    return ToolMissing(
        f"the project is complete, but was not built: {problem}", hint="\n".join(lines)
    )


def _refuse(chain: Toolchain, project: Project, container: bool) -> None:
    """A compiler alone cannot build what a vendor's tools link, and needs no container."""
    if not project.linker_script:
        raise BuildError(
            f"'{chain.name}' cannot build a project of the template '{project.template}'",
            hint=f"leave out --toolchain {chain.name}, or choose another --template",
        )
    if container:
        raise BuildError(
            f"there is no container image for '{chain.name}'", hint="leave out --docker"
        )


def commands(project: Project, toolchain: Toolchain, build_dir: Path) -> tuple[Command, ...]:
    """Everything that a build from nothing runs, in order."""
    objects = {name: build_dir / "objects" / f"{_stem(name)}.o" for name in project.sources}
    return (
        *(command for _, command in toolchain.prepare(project)),
        *(toolchain.compile(project, name, made) for name, made in objects.items()),
        toolchain.link(project, tuple(objects.values()), build_dir),
    )


def _prepare(chain: Toolchain, project: Project) -> None:
    for made, command in chain.prepare(project):
        if made.exists():
            continue
        make_folder(made.parent)
        with _lock(made.with_suffix(".lock")):
            if not made.exists():
                partial = made.with_suffix(".partial.a")
                argv = tuple(word.replace(str(made), str(partial)) for word in command.argv)
                try:
                    process.run(Command(argv, command.cwd, command.message))
                    partial.replace(made)
                finally:
                    shutil.rmtree(made.with_suffix(".work"), ignore_errors=True)


def _compile(chain: Toolchain, project: Project, build_dir: Path) -> tuple[Path, ...]:
    objects: list[Path] = []
    todo: list[tuple[Path, Path, Command]] = []
    for source in project.sources:
        made = build_dir / "objects" / f"{_stem(source)}-{_key(chain, project, source)}.o"
        objects.append(made)
        if not made.exists():
            partial = made.with_suffix(".partial.o")
            todo.append((made, partial, chain.compile(project, source, partial)))
    _checked(project, [command for _, _, command in todo])
    for made, partial, _ in todo:
        partial.replace(made)
    for stale in set((build_dir / "objects").glob("*.o")) - set(objects):
        with suppress(OSError):
            stale.unlink()
    return tuple(objects)


def _link(chain: Toolchain, project: Project, objects: tuple[Path, ...], build_dir: Path) -> None:
    command = chain.link(project, objects, build_dir)
    digest = hashlib.sha256("\0".join(command.argv).encode())
    digest.update((project.directory / project.linker_script).read_bytes())
    stamp, elf = build_dir / "objects" / "linked", build_dir / "firmware.elf"
    if elf.exists() and stamp.exists() and stamp.read_text() == digest.hexdigest():
        return
    stamp.unlink(missing_ok=True)
    _checked(project, [command])
    stamp.write_text(digest.hexdigest())


def _checked(project: Project, todo: list[Command]) -> None:
    """Runs compiler commands; a program that fails means that the project is wrong."""
    for program in sorted({command.argv[0] for command in todo}):
        process.require(program)
    try:
        process.run_all(todo, jobs=JOBS)
    except ToolError as error:
        raise BuildError(error.message, hint=error.hint, where=str(project.directory)) from error


def _key(chain: Toolchain, project: Project, source: str) -> str:
    """A hash of all that decides the content of an object."""
    path = project.directory / source
    if not path.is_file():
        raise BuildError(f"the file '{source}' is missing", where=str(project.directory))
    command = chain.compile(project, source, Path("object"))
    words = [chain.name, chain.version, *command.argv]
    digest = hashlib.sha256("\0".join(words).encode())
    folders = [project.directory / name for name in project.include_dirs]
    for file in (path, *included([path], folders)):
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _image(chain: Toolchain, project: Project, build_dir: Path) -> Image:
    elf_path, binary = build_dir / "firmware.elf", build_dir / "firmware.bin"
    address, content = flat_image(read_elf(elf_path).segments)
    write_atomic(binary, content)
    write_atomic(build_dir / "firmware.hex", intel_hex(address, content))
    name = f"{chain.name} {chain.version}"
    return image_of(elf_path, ((address, binary),), project.board, name)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Holds a lock file; the system lets go of it when the process ends, however it does."""
    with path.open("a+b") as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        except ImportError:  # Windows: two builders at once only do the work twice
            pass
        yield


def _stem(source: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]+", "_", source.removesuffix(".c"))
