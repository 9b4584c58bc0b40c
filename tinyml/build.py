"""Project → Image: compiles what changed, links, and reads the result back.

An object file's name contains a hash of everything that it depends on: the source, the headers it
includes, the flags and the compiler. Hence an object that exists is current, and nothing else
needs to be remembered.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tinyml import process
from tinyml.backends import toolchain_of
from tinyml.backends.base import Command, Image, Project, Section, Toolchain
from tinyml.board import Board
from tinyml.elf import Elf, flat_image, intel_hex, read_elf
from tinyml.errors import BuildError, ToolError
from tinyml.files import make_folder, write_atomic
from tinyml.includes import included

FORMAT = 1
JOBS = 2  # compilers at once


def build(project: Project, toolchain: str | None, build_dir: Path) -> Image:
    """The linked firmware of a project; ``toolchain`` None means the default one.

    Writes firmware.elf, .bin, .hex, .map and image.json into ``build_dir``. Raises BuildError when
    a file does not compile or link, ToolError when the toolchain is missing.
    """
    chain = toolchain_of(toolchain)
    build_dir = build_dir.resolve()
    make_folder(build_dir / "objects")
    _prepare(chain, project)
    objects = _compile(chain, project, build_dir)
    _link(chain, project, objects, build_dir)
    return _image(chain, project, build_dir)


def commands(project: Project, toolchain: Toolchain, build_dir: Path) -> tuple[Command, ...]:
    """Everything that a build from nothing runs, in order."""
    objects = {name: build_dir / "objects" / f"{_stem(name)}.o" for name in project.sources}
    return (
        *(command for _, command in toolchain.prepare(project)),
        *(toolchain.compile(project, name, made) for name, made in objects.items()),
        toolchain.link(project, tuple(objects.values()), build_dir),
    )


def save_image(image: Image, path: Path) -> None:
    """Writes an image's description; its files are named relative to it."""
    here = path.parent
    document = {
        "format": FORMAT,
        "elf": _relative(image.elf, here),
        "segments": [[address, _relative(file, here)] for address, file in image.segments],
        "sections": [[item.name, item.region, item.nbytes] for item in image.sections],
        "flash_bytes": image.flash_bytes,
        "ram_bytes": image.ram_bytes,
        "symbols": [list(item) for item in image.symbols],
        "toolchain": image.toolchain,
        "static_functions": [list(item) for item in image.static_functions],
    }
    write_atomic(path, json.dumps(document, indent=1) + "\n")


def load_image(path: Path) -> Image:
    """The image that save_image wrote; raises BuildError when it is not one."""
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if document.get("format") != FORMAT:
            raise BuildError(
                f"format {document.get('format')}, this version reads {FORMAT}",
                hint="build again",
                where=str(path),
            )
        here = path.parent
        return Image(
            elf=here / document["elf"],
            segments=tuple((address, here / file) for address, file in document["segments"]),
            sections=tuple(Section(*item) for item in document["sections"]),
            flash_bytes=document["flash_bytes"],
            ram_bytes=document["ram_bytes"],
            symbols=tuple((name, address, size) for name, address, size in document["symbols"]),
            toolchain=document["toolchain"],
            static_functions=tuple(
                (file, name, size) for file, name, size in document["static_functions"]
            ),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BuildError(
            f"not an image description: {error}", hint="build again", where=str(path)
        ) from error


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
    elf_path = build_dir / "firmware.elf"
    elf = read_elf(elf_path)
    address, content = flat_image(elf.segments)
    write_atomic(build_dir / "firmware.bin", content)
    write_atomic(build_dir / "firmware.hex", intel_hex(address, content))
    sections, flash_bytes, ram_bytes = _memory(elf, project.board)
    image = Image(
        elf=elf_path,
        segments=((address, build_dir / "firmware.bin"),),
        sections=sections,
        flash_bytes=flash_bytes,
        ram_bytes=ram_bytes,
        symbols=_symbols(elf),
        toolchain=f"{chain.name} {chain.version}",
        static_functions=_static_functions(elf),
    )
    save_image(image, build_dir / "image.json")
    return image


def _memory(elf: Elf, board: Board) -> tuple[tuple[Section, ...], int, int]:
    """Sections by region, flash bytes, RAM bytes including the reserved stack."""
    sections: list[Section] = []
    flash_bytes = ram_bytes = 0
    has_stack = False
    for item in elf.sections:
        region, kind = _region(item.address, board)
        sections.append(Section(item.name, region, item.nbytes))
        has_stack |= "stack" in item.name
        if kind == "ram":
            ram_bytes += item.nbytes
        if item.is_loaded:
            load_region, load_kind = _region(item.load_address, board)
            flash_bytes += item.nbytes if load_kind == "flash" else 0
            if load_region != region:
                sections.append(Section(f"{item.name} (initial values)", load_region, item.nbytes))
    if not has_stack:
        ram_bytes += board.stack_bytes
    return tuple(sections), flash_bytes, ram_bytes


def _region(address: int, board: Board) -> tuple[str, str]:
    for region in board.chip.regions:
        if region.base <= address < region.base + region.nbytes:
            return region.name, region.kind
    return "none", ""


def _symbols(elf: Elf) -> tuple[tuple[str, int, int], ...]:
    """Functions and objects with a size, by address; Thumb bits cleared."""
    found = {
        (item.name, item.address & ~1 if item.kind == "function" else item.address, item.nbytes)
        for item in elf.symbols
        if item.kind in ("function", "object") and item.nbytes
    }
    return tuple(sorted(found, key=lambda item: (item[1], item[0])))


def _static_functions(elf: Elf) -> tuple[tuple[str, str, int], ...]:
    """Functions that only one C file sees; in the symbol table they follow that file's name."""
    found: set[tuple[str, str, int]] = set()
    file = ""
    for item in elf.symbols:
        if item.kind == "file":
            file = item.name
        elif item.kind == "function" and item.nbytes and not item.is_global:
            found.add((file, item.name, item.nbytes))
    return tuple(sorted(found))


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


def _relative(path: Path, folder: Path) -> str:
    try:
        return path.resolve().relative_to(folder.resolve()).as_posix()
    except ValueError:
        return str(path)
