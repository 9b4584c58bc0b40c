"""The only module that prints: results on stdout, everything else on stderr.

Names come from files that anybody may have made. Whatever is printed as a sentence or in a table
goes through ``printable``, so that none of them can speak to the terminal.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from tinyml.base.columns import Layout, lay_out, least_width, left_out_text, name_of
from tinyml.base.errors import DeviceError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

MIN_WIDTH = 120  # columns of a table when the output is not a terminal
SLOW_S, AGAIN_S = 1.0, 10.0  # until something is said of what goes on, and said again
QUIET = "TINYML_PROGRESS"  # in the environment: "none" leaves such lines out


def table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    least_first: Sequence[str] = (),
) -> None:
    """Prints a table; a column whose name ends in ``>`` is aligned to the right.

    On a terminal, columns that do not fit are left out and named below, ``least_first`` first;
    elsewhere every column is there, whatever that needs.
    """
    cells = [[_text(cell) for cell in row] for row in rows]
    console = _stdout()
    if not console.is_terminal:  # a file is as wide as its numbers are long
        console.width = max(console.width, least_width(columns, cells))
    layout = lay_out(columns, cells, console.width, least_first)
    view = _view(title, columns, cells, layout)
    if console.is_terminal:
        console.print(view)
    else:
        with console.capture() as captured:
            console.print(view)
        text = captured.get()
        console.file.write("".join(f"{line.rstrip()}\n" for line in text.splitlines()))
    if layout.left_out:
        line(left_out_text(layout.left_out, console.width))


def _view(
    title: str, columns: Sequence[str], cells: Sequence[Sequence[str]], layout: Layout
) -> Table:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    view = Table(
        title=escape(printable(title)) or None,
        box=box.SIMPLE_HEAD,
        title_justify="left",
        pad_edge=False,
    )
    for index, width in zip(layout.kept, layout.widths, strict=True):
        view.add_column(
            escape(name_of(columns[index])),
            justify="right" if columns[index].endswith(">") else "left",
            width=width,
            overflow="fold",
        )
    for row in cells:
        view.add_row(*(escape(row[index]) for index in layout.kept))
    return view


def line(text: str = "") -> None:
    """Prints one line of the result."""
    _stdout().print(printable(text), markup=False, highlight=False, soft_wrap=True)


def verdict(is_good: bool, text: str) -> None:
    """Prints the conclusion, green or red on a terminal."""
    style = "bold green" if is_good else "bold red"
    _stdout().print(printable(text), style=style, markup=False, highlight=False, soft_wrap=True)


def document(value: object) -> None:
    """Prints a value as JSON."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def raw(text: str) -> None:
    """Prints text exactly as it is."""
    sys.stdout.write(text)


def discard_rest() -> None:
    """Leaves nothing for the end of the program to write; for a standard output that is full."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def note(text: str) -> None:
    """Says something about the work that is not its result."""
    sys.stderr.write(printable(text) + "\n")


def error(message: str, hint: str | None = None) -> None:
    """Prints a failure and the next step."""
    sys.stderr.write(f"error: {printable(message)}\n")
    if hint:
        sys.stderr.write(f"hint: {printable(hint)}\n")


def confirm(question: str) -> None:
    """Asks on standard error; no, or Ctrl-C, aborts. Raises DeviceError when nobody can answer."""
    import click

    try:
        click.confirm(printable(question), abort=True, err=True)
    except click.Abort as abort:
        if isinstance(abort.__context__, EOFError):
            raise DeviceError(
                "there is no terminal to ask on", hint="--yes goes on without a question"
            ) from None
        raise


@contextmanager
def progress(text: str) -> Iterator[None]:
    """Shows that something is going on; elsewhere than on a terminal once it takes a second."""
    if not sys.stderr.isatty():
        with _as_line(text):
            yield
        return
    from rich.console import Console

    with Console(stderr=True).status(text):
        yield


@contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int], None]]:
    """A bar for (what, bytes done, of how many); without a terminal a line now and then."""
    if not sys.stderr.isatty():
        yield _Lines().show
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
    )
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as view:
        tasks: dict[str, TaskID] = {}

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = view.add_task(what, total=total)
            view.update(tasks[what], completed=done, total=total)

        yield show


@contextmanager
def _as_line(text: str) -> Iterator[None]:
    """Says it once, when it is not over by then."""
    timer = threading.Timer(SLOW_S, _say, (text,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class _Lines:
    """Progress for a log: a line for what takes longer than a second, and then every ten."""

    def __init__(self) -> None:
        self._due: dict[str, float] = {}

    def show(self, what: str, done: int, total: int) -> None:
        """Says how far it is, when it is time."""
        now = time.monotonic()
        if now < self._due.setdefault(what, now + SLOW_S) or done >= total:
            return
        self._due[what] = now + AGAIN_S
        _say(f"{what}: {100 * done // total} %")


def _say(text: str) -> None:
    if os.environ.get(QUIET) == "none":
        return
    with suppress(OSError, ValueError):  # nobody reads it any more
        note(text)
        sys.stderr.flush()


def printable(text: str, kept: str = "\n\t") -> str:
    """The text with control and invisible characters written out, as in "\\x1b[31m"."""
    return "".join(
        c if c.isprintable() or c in kept else c.encode("unicode_escape").decode() for c in text
    )


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, int) and not isinstance(cell, bool):
        return f"{cell:,}"
    return printable(str(cell), kept="")


def _stdout() -> Console:
    from rich.console import Console

    probe = Console()
    if probe.is_terminal:
        return probe
    return Console(width=max(MIN_WIDTH, probe.width), no_color=True)
