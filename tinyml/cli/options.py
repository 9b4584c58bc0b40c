"""Parameter types and options that several commands share: each converts, checks and explains."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click
from click.shell_completion import CompletionItem

from tinyml.base.errors import did_you_mean
from tinyml.base.registry import REGISTRY, names_of
from tinyml.cli import completion

if TYPE_CHECKING:
    from tinyml.target.board import Board

F = TypeVar("F", bound=Callable[..., object])
T = TypeVar("T")


class BoardType(click.ParamType):  # type: ignore[type-arg]  # generic only in newer Click
    """A board by name, or the path of a board file."""

    name = "board"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Board:
        """Loads the board; BoardError explains what is wrong and lists near matches."""
        from tinyml.target.board import Board
        from tinyml.target.boards import load_board

        if isinstance(value, Board):
            return value
        return load_board(value if isinstance(value, Path) else str(value))

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Completes board names, and paths once there is a slash or a dot."""
        from tinyml.base import resources

        if "/" in incomplete or "." in incomplete:
            return [CompletionItem(incomplete, type="file")]
        names = sorted(path.stem for path in resources.path("boards").glob("*.toml"))
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


class PercentType(click.ParamType):  # type: ignore[type-arg]  # generic only in newer Click
    """A percentage from 0 on: ``2%``, ``0.5%`` or plain ``2``."""

    name = "percent"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number."""
        text = str(value).strip().removesuffix("%")
        try:
            number = float(text)
        except ValueError:
            number = -1.0
        if not 0 <= number < float("inf"):
            self.fail(f"'{value}' is not a percentage such as 2%", param, ctx)
        return number


class BackendType(click.ParamType):  # type: ignore[type-arg]  # generic only in newer Click
    """A backend by name: one of tinyml's, or one that an installed package adds."""

    def __init__(self, kind: str) -> None:
        self.kind = kind  # of the registry, such as "toolchains"
        self.name = kind.removesuffix("s")

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """Those that come with tinyml; older Click gives no context."""
        return f"[{'|'.join(REGISTRY[self.kind])}|…]"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """The name, when there is such a backend."""
        if value not in REGISTRY[self.kind] and value not in (known := names_of(self.kind)):
            hint = did_you_mean(str(value), known)
            self.fail(f"there is no {self.name} '{value}': {hint}", param, ctx)
        return str(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Completes names."""
        found = names_of(self.kind)
        return [CompletionItem(name) for name in found if name.startswith(incomplete)]


FOLDER = click.Path(path_type=Path, file_okay=False)
MODEL_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
BUILD = click.argument("build", type=click.Path(path_type=Path))


class NamedPath(click.Path):
    """A path that is not empty: "" would mean the current folder."""

    def convert(
        self, value: str | PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | PathLike[str]:
        """The path."""
        if not str(value).strip():
            self.fail("the name is empty; a variable of the shell that was never set?", param, ctx)
        return super().convert(value, param, ctx)


MODEL = click.argument("model", type=NamedPath(path_type=Path, dir_okay=False))
ANY_MODEL = click.argument("model", type=NamedPath())  # a file, a folder, or net.py:function
MODELS = click.argument(  # one as a rule, or several that one program runs
    "models", nargs=-1, required=True, type=NamedPath(), metavar="MODEL..."
)


def _once(_context: click.Context, _option: click.Parameter, given: tuple[T, ...]) -> tuple[T, ...]:
    """Each of them once, in the order given."""
    return tuple(item for i, item in enumerate(given) if item not in given[:i])


def board_option(*, multiple: bool = False, required: bool = True) -> Callable[[F], F]:
    """``--board NAME_OR_FILE``, also from TINYML_BOARD."""
    return click.option(
        "--board",
        "boards" if multiple else "board",
        type=BoardType(),
        required=required,
        multiple=multiple,
        callback=_once if multiple else None,
        envvar="TINYML_BOARD",
        help="Board name ('tinyml boards' lists them) or a .toml file"
        + (" (repeatable)." if multiple else "."),
    )


OPTIMIZE = click.option(
    "--optimize",
    type=click.Choice(["speed", "balanced", "ram", "size"]),
    default="balanced",
    show_default=True,
    help="What kernels, memory plan and compiler are chosen for.",
)
RUNTIME = click.option(
    "--runtime",
    type=BackendType("runtimes"),
    default=None,
    help="C compiled ahead of time, or TensorFlow Lite Micro; the board's own choice by default.",
)
OFFLINE_PLAN = click.option(
    "--offline-plan/--no-offline-plan",
    default=True,
    help="With TFLM: put our memory plan into the model file where it saves RAM.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
TOOLCHAIN = click.option(
    "--toolchain",
    type=BackendType("toolchains"),
    default=None,
    help="Compiler; the choice of the board or template by default.",
)
TEMPLATE = click.option(
    "--template",
    shell_complete=completion.templates,
    help="Kind of project, or ./folder of a template; the board's own by default.",
)
LIBRARY = click.option(
    "--library",
    "template",
    flag_value="library",
    help="Only the C files and kernels, for your own firmware: the same as --template library.",
)
PROJECT = click.option(
    "--project",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the project [default: project in the directory of the result].",
)
LAYERS = click.option(
    "--layers", "all_layers", is_flag=True, help="Show every layer, not only the heaviest."
)
PROJECT_ONLY = click.option(
    "--project-only", is_flag=True, help="Write the project and do not build it."
)
SELF_TEST = click.option(
    "--self-test/--no-self-test",
    default=True,
    show_default=True,
    help="Run the linked image on the emulated core and compare its outputs with the reference.",
)
DOCKER = click.option(
    "--docker", is_flag=True, help="Run the vendor's tools in the vendor's container."
)
FLASHER = click.option(
    "--flasher",
    type=BackendType("flashers"),
    default=None,
    help="How to write; the board's own choice by default.",
)
SIMULATOR = click.option(
    "--simulator",
    type=BackendType("simulators"),
    default=None,
    help="Simulator; the board's own choice by default.",
)
BUILD_DIR = click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Directory for the result [default: build/<model>-<board>].",
)
AGENT = click.option(
    "--agent",
    type=click.Choice(["full", "mlperf", "none"]),
    default="full",
    show_default=True,
    help="Serial agent: for profile and verify; for the runner of MLPerf Tiny only; none.",
)
NO_AGENT = click.option("--no-agent", "agent", flag_value="none", help="The same as --agent none.")
MODEL_ID = click.option("--model-id", help="What the agent calls the model, such as kws01.")
BUILD = click.argument("build", type=click.Path(path_type=Path), required=False)
SAMPLES = click.option("--samples", type=click.IntRange(1), help="Use only the first N samples.")
BAUD = click.option(
    "--baud",
    type=click.IntRange(300),
    help="Baud rate of the port; by default the board's, then the fastest that works.",
)
RUNS = click.option(
    "--runs",
    type=click.IntRange(1, 100_000),
    default=100,
    show_default=True,
    help="Inferences that are timed.",
)
WARMUP = click.option(
    "--warmup",
    type=click.IntRange(0),
    default=5,
    show_default=True,
    help="Inferences before these.",
)
PORT = click.option(
    "--port",
    shell_complete=completion.ports,
    envvar="TINYML_PORT",
    help="Serial port or URL (socket://…, rfc2217://…), or the folder of a drive; the board's own "
    "by default. 'tinyml ports' lists them.",
)
