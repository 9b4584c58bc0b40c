"""Image → board: finds the build, chooses the way, checks, writes.

A board names its flashers in order of preference; the first that can be used here and now is
taken. Nothing is touched before image, board and flasher are known to go together.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tinyml.backends import flasher_of
from tinyml.backends.protocols import Flasher
from tinyml.base.errors import BoardError, BuildError, DeviceError, did_you_mean
from tinyml.base.files import sha256_of
from tinyml.base.lock import locked
from tinyml.base.registry import names_of
from tinyml.device import ports
from tinyml.model.file import model_file
from tinyml.project.idf_build import idf_folder, read_idf
from tinyml.project.saved import check_announced, check_belongs, is_same_chip, saved_board
from tinyml.target.board import Board
from tinyml.target.boards import load_board
from tinyml.values.flash_job import FlashJob, Part, Progress
from tinyml.values.image import IMAGE_FILE, Image, check_files, load_image, read_file

BUILD_ROOT = Path("build")
PROJECT = "project"  # below a build directory


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything that is known before anything is touched."""

    flasher: Flasher
    job: FlashJob
    passed_over: tuple[str, ...]  # flashers that the board prefers, with why they do not work here

    @property
    def erases(self) -> str:
        """What will be lost."""
        return self.flasher.erases(self.job)

    @property
    def steps(self) -> tuple[str, ...]:
        """What will be done."""
        return self.flasher.steps(self.job)


def find_build(path: Path | None, board: Board | None) -> tuple[Image, Board]:
    """The image in a build directory, or of a model file, and the board that it is for.

    Without a path, the only build of the board (or the only one at all) below ``build/``. A project
    that ``idf.py build`` has built is one, too. Raises BuildError when there is none, or several;
    BoardError when the board is another one.
    """
    directory = build_dir(path, board)
    if path is not None and path.is_file():
        _refuse_other_model(path, directory)
    built_for = _reported(directory, "board", "name")
    if board is None:
        if built_for is None:
            raise BoardError(f"{directory} does not say its board", hint="name it with --board")
        board = saved_board(directory) or load_board(built_for)
    elif built_for is not None and built_for != board.name:
        raise BoardError(
            f"{directory} was built for {built_for}, not for {board.name}",
            hint=f"tinyml build … --board {board.name}",
        )
    elif (seen := saved_board(directory)) is not None and not is_same_chip(board, seen):
        raise BoardError(
            f"the file of '{board.name}' has changed since {directory} was built: it is another "
            "chip now, or has other memory",
            hint="build again, or leave out --board",
        )
    if (directory / IMAGE_FILE).is_file():
        with locked(directory):  # not in the middle of a build
            image = load_image(directory / IMAGE_FILE)
            check_files(image)
            check_belongs(directory, image)
        return image, board
    folder = idf_folder(directory)
    assert folder is not None, directory
    image = read_idf(folder)
    check_announced(directory, image)
    return image, board


def title(path: Path | None, board: Board | None) -> str:
    """Which build that is, as far as its report says: model, board, goal, fingerprint, folder."""
    directory = build_dir(path, board)
    model = _reported(directory, "model", "file")
    if model is None:
        return f"the image in {directory}"
    parts = [f"{model} on {_reported(directory, 'board', 'name')}"]
    for words, key in (("optimized for", "optimize"), ("build", "fingerprint")):
        value = _reported(directory, key)
        parts += [f"{words} {value}"] if value else []
    return f"{', '.join(parts)} ({directory})"


def prepare(
    image: Image,
    board: Board,
    *,
    port: str | None = None,
    flasher: str | None = None,
    only_changed: bool = False,
) -> Prepared:
    """Chooses flasher and port, and checks everything that can be checked without the board."""
    job = job_of(image, board, port, only_changed=only_changed)
    chosen, passed_over = _choose(job, flasher)
    if chosen is None:
        raise DeviceError(
            f"{board.name} cannot be flashed from here:\n  " + "\n  ".join(passed_over),
            hint="remedy one of these, or choose another way with --flasher",
        )
    _check(chosen, job)
    return Prepared(chosen, _with_port(chosen, job, passed_over), passed_over)


def outline(job: FlashJob, flasher: str | None = None) -> Prepared:
    """What would be done, even where programs, drives or ports are missing that it needs."""
    chosen, passed_over = _choose(job, flasher)
    chosen = chosen or flasher_of(flasher or job.board.flashers[0])
    _check(chosen, job)
    try:
        return Prepared(chosen, _with_port(chosen, job, ()), passed_over)
    except DeviceError as error:
        reason = error.message.splitlines()[0].removesuffix("; there are:")
        return Prepared(chosen, job, (*passed_over, f"{chosen.name}: {reason}"))


def job_of(image: Image, board: Board, port: str | None, *, only_changed: bool = False) -> FlashJob:
    """What is to be flashed where."""
    return FlashJob(image, board, _parts(image), port, only_changed)


def _choose(job: FlashJob, wanted: str | None) -> tuple[Flasher | None, tuple[str, ...]]:
    """The first way that works here, or None; why those before it do not."""
    passed_over: list[str] = []
    for name in (wanted,) if wanted else job.board.flashers:
        if name not in names_of("flashers"):
            raise BoardError(
                f"no flasher is called '{name}'", hint=did_you_mean(name, names_of("flashers"))
            )
        chosen = flasher_of(name)
        reason = chosen.problem(job)
        if reason is None:
            return chosen, tuple(passed_over)
        passed_over.append(f"{name}: {reason}")
    return None, tuple(passed_over)


def _check(chosen: Flasher, job: FlashJob) -> None:
    if job.only_changed and not chosen.can_skip:
        raise DeviceError(
            f"'{chosen.name}' always writes everything", hint="leave out --only-changed"
        )
    chosen.check_options(job.board)
    chosen.check(job)


def flash(prepared: Prepared, progress: Progress) -> str:
    """Erases, writes, verifies, resets; what was done, as a sentence.

    An interrupt is passed on with what it may have left behind.
    """
    try:
        return prepared.flasher.write(prepared.job, progress)
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt(
            f"the board may have no working firmware now, since {prepared.erases} may be erased or "
            "half written; flash it again"
        ) from error


def _with_port(flasher: Flasher, job: FlashJob, passed_over: Sequence[str]) -> FlashJob:
    wanted = flasher.ports(job.board)
    if wanted is None or job.port is not None:
        return job
    try:
        found = ports.list_ports((job.board,))
        return replace(job, port=ports.choose(None, wanted, found, job.board.name))
    except DeviceError as error:
        others = "".join(f"\n  {reason}" for reason in passed_over)
        if others:
            raise DeviceError(
                f"{error.message}\nthe board's other ways:{others}", hint=error.hint
            ) from error
        raise


def _parts(image: Image) -> tuple[Part, ...]:
    parts = []
    for address, file in sorted(image.segments):
        data = read_file(image, file)
        if data:
            parts.append(Part(address, data, file))
    if not parts:
        raise BuildError("the image is empty", hint="build again", where=str(image.elf.parent))
    return tuple(parts)


def last_build(board: Board | None) -> tuple[Path, int] | None:
    """The newest build below build/, of a board if one is given, and of how many it is that.

    None when there is at most one, which needs no choice.
    """
    folders = sorted(_builds(_pattern(None, board)), key=_made, reverse=True)
    return (folders[0], len(folders)) if len(folders) > 1 else None


def _made(folder: Path) -> int:
    """When a build was made, in nanoseconds; later ones are larger."""
    file = folder / IMAGE_FILE
    return (file if file.is_file() else folder).stat().st_mtime_ns


def _pattern(path: Path | None, board: Board | None) -> str:
    model = model_file(path.name, b"").name if path is not None else "*"
    return f"{model}-{board.name if board else '*'}"  # a template's name may follow


def _builds(pattern: str) -> list[Path]:
    found = {*BUILD_ROOT.glob(pattern), *BUILD_ROOT.glob(f"{pattern}-*")}
    return sorted(filter(_is_build, found))


def build_dir(path: Path | None, board: Board | None) -> Path:
    """The directory of the build that is meant; see find_build."""
    if path is not None and path.is_dir():
        folders = [path] if _is_build(path) else sorted(filter(_is_build, path.glob("*")))
        what = str(path)
    else:
        pattern = _pattern(path, board)
        folders = _builds(pattern)
        what = f"{BUILD_ROOT}/{pattern}"
    if len(folders) == 1:
        return folders[0]
    if folders:
        raise BuildError(
            f"{len(folders)} builds are there: {', '.join(map(str, folders))}",
            hint=f"name the one that is meant behind the command: {folders[0]}",
        )
    unbuilt = (
        [path] if path is not None and path.is_dir() else BUILD_ROOT.glob(_pattern(path, board))
    )
    project = next((each / PROJECT for each in sorted(unbuilt) if (each / PROJECT).is_dir()), None)
    if project is not None:
        raise BuildError(
            f"the project in {project} has not been built",
            hint="'tinyml doctor' says which tools are missing; 'tinyml build' goes on from there",
        )
    raise BuildError(
        f"there is no build in {what}",
        hint="make one: tinyml build model.tflite --board NAME",
    )


def _is_build(folder: Path) -> bool:
    return (folder / IMAGE_FILE).is_file() or idf_folder(folder) is not None


def _refuse_other_model(path: Path, directory: Path) -> None:
    """Raises BuildError when a build is of another file: only names led from one to the other."""
    built = _reported(directory, "model", "sha256")
    if built is not None and built != sha256_of(path):
        raise BuildError(
            f"{directory} was built from another model than {path}",
            hint=f"build it: tinyml build {path}; or name the folder: {directory}",
        )


def _reported(directory: Path, *keys: str) -> str | None:
    """A value in the report of a build, when there is one."""
    try:
        found = json.loads((directory / "report.json").read_text(encoding="utf-8"))
        for key in keys:
            found = found[key]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return str(found)
