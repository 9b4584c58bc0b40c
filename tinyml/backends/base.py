"""What a backend is: a name, what it requires, and pure functions that build command lines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tinyml.board import Board
from tinyml.ir.graph import Array, Graph

if TYPE_CHECKING:
    from tinyml.codegen.generate import Sources
    from tinyml.model.file import ModelFile
    from tinyml.plan.values import Plan


@dataclass(frozen=True, slots=True)
class Command:
    """One program run: argv, working directory, what to say while it runs."""

    argv: tuple[str, ...]
    cwd: Path | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Project:
    """A firmware project on disk."""

    directory: Path  # absolute; all other paths are relative to it
    name: str  # of the model: C prefix
    board: Board
    template: str
    sources: tuple[str, ...]  # C files to compile
    include_dirs: tuple[str, ...]
    defines: tuple[tuple[str, str], ...]
    linker_script: str  # "": a library, or somebody else's tools link it
    optimize: str  # "speed" or "size"
    toolchain: str = ""  # the one that the template is made for; "": the board's


@dataclass(frozen=True, slots=True)
class Section:
    """An ELF section that takes memory on the target."""

    name: str
    region: str
    nbytes: int


@dataclass(frozen=True, slots=True)
class SelfTest:
    """Outputs that were held against the model as it was read, all elements equal."""

    target: str  # "unicorn" or "qemu": the image ran; "reference": only the simplified graph did
    samples: int
    key: str  # a hash of the image and of how it is tested


@dataclass(frozen=True, slots=True)
class Image:
    """A linked firmware."""

    elf: Path
    segments: tuple[tuple[int, Path], ...]  # (address, raw binary) to flash
    sections: tuple[Section, ...]
    flash_bytes: int  # code, constants and initial values of .data
    ram_bytes: int  # .data + .bss + reserved stack
    symbols: tuple[
        tuple[str, int, int], ...
    ] = ()  # (name, address, bytes) of functions and objects
    toolchain: str = ""  # name and version that made it
    static_functions: tuple[tuple[str, str, int], ...] = ()  # (C file, name, bytes): the kernels
    hashes: tuple[tuple[Path, str], ...] = ()  # (file, sha256) of those that were built
    self_test: SelfTest | None = None  # None: it was not tested


@dataclass(frozen=True, slots=True)
class Goal:
    """What a plan is made for."""

    optimize: str = "balanced"
    agent: bool = True  # the firmware will hold the serial agent
    offline_plan: bool = (
        True  # an interpreter gets our memory plan with the model, if it has better
    )


@dataclass(frozen=True, slots=True)
class LayerTime:
    """Measured work of one layer, per inference."""

    cycles: int
    instructions: int | None = None  # exact, from an emulator only


@dataclass(frozen=True, slots=True)
class Run:
    """What running an image gave."""

    board: str
    target: str  # "unicorn", "qemu", "serial /dev/ttyACM0"
    is_estimate: bool  # cycles come from a timing model, not from silicon
    clock_hz: int
    outputs: tuple[tuple[Array, ...], ...]  # per input sample, the raw output arrays
    layers: tuple[LayerTime, ...]
    total: LayerTime
    stack_bytes: int | None  # high-water
    log: str = ""
    details: dict[str, Any] = field(default_factory=dict)


class Toolchain(Protocol):
    """Compiles and links a project. Builds command lines only; ``tinyml.build`` runs them."""

    @property
    def name(self) -> str:
        """As in the board file."""

    @property
    def version(self) -> str:
        """Of the compiler; part of the key of cached objects."""

    @property
    def requires(self) -> tuple[str, ...]:
        """Programs that must be there."""

    def prepare(self, core: str) -> tuple[tuple[Path, Command], ...]:
        """Files for a core that are made once, for good, in the user's cache, and how.

        A command may use the folder of that name with the suffix .work; it is removed afterwards.
        """

    def compile(self, project: Project, source: str, output: Path) -> Command:
        """One C file, relative to the project, to an object."""

    def link(self, project: Project, objects: tuple[Path, ...], build_dir: Path) -> Command:
        """Objects to firmware.elf and firmware.map in the build directory."""


class Builder(Protocol):
    """A toolchain that builds a whole project: idf.py, arduino-cli, west …

    Builds command lines only; ``tinyml.build`` runs them. They work inside the project's folder.
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


class Runtime(Protocol):
    """What executes a model on the device: it answers for itself, from the model file to C."""

    name: str  # as in the board file
    title: str
    takes_floats: bool  # models that are not, or not in all parts, quantised
    least_stack_bytes: int  # what it needs, should the board reserve less

    def load(self, model: ModelFile) -> Graph:
        """The graph that will run; raises ModelError or UnsupportedOps for what it cannot run."""

    def plan(self, model: ModelFile | None, graph: Graph, board: Board, goal: Goal) -> Plan:
        """Kernels, memory layout and predicted budget; raises PlanError."""

    def generate(self, model: ModelFile | None, plan: Plan, board: Board, goal: Goal) -> Sources:
        """The files of the model, and what a build system has to know.

        An interpreter cannot do without the model file, here and in plan().
        """


class Simulator(Protocol):
    """Runs an image without a board."""

    name: str
    requires: tuple[str, ...]

    def run(self, image: Image, board: Board, inputs: tuple[tuple[Array, ...], ...]) -> Run:
        """Boots the image, feeds every input sample, profiles."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of an image on its way to a board."""

    address: int  # in the memory map; in the serial flash where the flasher counts from its start
    data: bytes
    file: Path


@dataclass(frozen=True, slots=True)
class FlashJob:
    """What is to be written, and where to."""

    image: Image
    board: Board
    parts: tuple[Part, ...]  # by address
    port: str | None = None  # serial port, or the folder of a drive
    only_changed: bool = False  # leave alone what is there already


Progress = Callable[[str, int, int], None]  # what is going on, bytes done, of how many


class Flasher(Protocol):
    """Writes an image to a board."""

    name: str  # as in the board file
    can_skip: bool  # can leave parts alone that are there already

    def ports(self, board: Board) -> tuple[str, ...] | None:
        """USB ids of the serial port that it writes through; None when it needs no port."""

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
