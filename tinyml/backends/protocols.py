"""What a backend is: a name, what it requires, and pure functions that build command lines."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, runtime_checkable

from tinyml.base.process import Command
from tinyml.ir.graph import Array
from tinyml.target.board import Board
from tinyml.target.cores import Core
from tinyml.values.flash_job import FlashJob, Progress
from tinyml.values.image import Image
from tinyml.values.project import Project
from tinyml.values.run import Run


class Toolchain(Protocol):
    """Compiles and links a project. Builds command lines; ``tinyml.project.build`` runs them."""

    @property
    def name(self) -> str:
        """As in the board file."""

    @property
    def version(self) -> str:
        """Of the compiler; part of the key of cached objects."""

    @property
    def requires(self) -> tuple[str, ...]:
        """Programs that must be there."""

    def prepare(self, core: Core) -> tuple[tuple[Path, Command], ...]:
        """Files for a core that are made once, for good, in the user's cache, and how.

        A command may use the folder of that name with the suffix .work; it is removed afterwards.
        """

    def compile(self, project: Project, source: str, output: Path) -> Command:
        """One C file, relative to the project, to an object."""

    def link(self, project: Project, objects: tuple[Path, ...], build_dir: Path) -> Command:
        """Objects to firmware.elf and firmware.map in the build directory."""


class Builder(Protocol):
    """A toolchain that builds a whole project: idf.py, arduino-cli, west …

    Builds command lines only; ``tinyml.project.build`` runs them, in the project's folder.
    """

    @property
    def name(self) -> str:
        """As in the board or template file."""

    @property
    def title(self) -> str:
        """What a user installs, with the least version."""

    @property
    def requires(self) -> tuple[str, ...]:
        """Programs that must be there."""

    @property
    def container(self) -> str:
        """The vendor's container image that has them all; "" when there is none."""

    def commands(self, project: Project) -> tuple[Command, ...]:
        """What a user would type in the project's folder, in order."""

    def image(self, project: Project) -> Image:
        """What the commands made; raises BuildError when it is not there."""


class Simulator(Protocol):
    """Runs an image without a board."""

    name: str
    requires: tuple[str, ...]

    def run(
        self,
        image: Image,
        board: Board,
        inputs: tuple[tuple[Array, ...], ...],
        *,
        in_sequence: bool = False,
    ) -> Run:
        """Boots the image, feeds every input sample, profiles.

        ``in_sequence``: each sample goes on with the state that the one before has left; else each
        begins after a reset of the model's state.
        """


@runtime_checkable
class ApplicationSimulator(Protocol):
    """A simulator that boots an image whole, with the application in it."""

    def application(self, image: Image, board: Board, count: int) -> tuple[str, ...]:
        """The first ``count`` lines that the application prints."""


class Flasher(Protocol):
    """Writes an image to a board."""

    name: str  # as in the board file
    can_skip: bool  # can leave parts alone that are there already

    def ports(self, board: Board) -> tuple[str, ...] | None:
        """USB ids of the serial port that it writes through; None when it needs no port."""

    def check_options(self, board: Board) -> None:
        """Raises BoardError unless the board's table [flasher.<name>] is right; starts nothing."""

    def check(self, job: FlashJob) -> None:
        """Raises TinymlError if the image and the board do not go together. Touches nothing."""

    def problem(self, job: FlashJob) -> str | None:
        """Why it cannot be used here and now (a program or a drive is missing), or None."""

    def erases(self, job: FlashJob) -> str:
        """What will be lost, as a phrase."""

    def steps(self, job: FlashJob) -> tuple[str, ...]:
        """What a dry run shows: command lines, or steps in words. Touches nothing."""

    def write(self, job: FlashJob, progress: Progress) -> str:
        """Writes, verifies, resets; returns what was done. Raises DeviceError or ToolError."""
