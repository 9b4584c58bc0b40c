"""Parameter types and options that several commands share: each converts, checks and explains."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from tinyml.board import Board

F = TypeVar("F", bound=Callable[..., Any])


class BoardType(click.ParamType):  # type: ignore[type-arg]  # generic only in newer Click
    """A board by name, or the path of a board file."""

    name = "board"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Board:
        """Loads the board; BoardError explains what is wrong and lists near matches."""
        from tinyml.board import Board, load_board

        return value if isinstance(value, Board) else load_board(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Completes board names."""
        from tinyml import resources

        names = sorted(path.stem for path in resources.path("boards").glob("*.toml"))
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


MODEL = click.argument("model", type=click.Path(path_type=Path, dir_okay=False))


def board_option(*, multiple: bool = False, required: bool = True) -> Callable[[F], F]:
    """``--board NAME_OR_FILE``, also from TINYML_BOARD."""
    return click.option(
        "--board",
        "boards" if multiple else "board",
        type=BoardType(),
        required=required,
        multiple=multiple,
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
JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
TOOLCHAIN = click.option(
    "--toolchain",
    type=click.Choice(["zig", "arm_gcc"]),
    default=None,
    help="Compiler; the board's own choice by default.",
)
BUILD_DIR = click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Directory for the result [default: build/<model>-<board>].",
)
AGENT = click.option(
    "--agent/--no-agent",
    default=True,
    show_default=True,
    help="Link the serial agent (profile, verify, MLPerf Tiny protocol).",
)
PORT = click.option(
    "--port",
    envvar="TINYML_PORT",
    help="Serial port or URL (socket://…, rfc2217://…), or the folder of a drive; the board's own "
    "by default. 'tinyml ports' lists them.",
)
