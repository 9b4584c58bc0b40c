"""A terminal on a board: bytes both ways, crash reports with their places in the source.

Keys: Ctrl-] ends, Ctrl-R resets the board. When standard input is no terminal, its lines are sent
as they are and its end ends the monitor.
"""

from __future__ import annotations

import codecs
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from tinyml.base.errors import BuildError
from tinyml.device import frames
from tinyml.device.link import SerialLink
from tinyml.device.ports import choose, list_ports
from tinyml.measure import flash
from tinyml.simulate.addresses import CRASH, Addresses
from tinyml.target.board import Board
from tinyml.target.boards import all_boards

QUIT, RESET = "\x1d", "\x12"  # Ctrl-], Ctrl-R
BAUD = 115_200  # when no board says otherwise
READ_S = 0.05
LAST_S = 0.5  # after the end of the input: what is still to come


class Decoder:
    """Text as it comes, with an explanation after each line that reports a crash."""

    def __init__(self, explain: Callable[[str], str] | None) -> None:
        self._explain = explain
        self._line = ""
        self._text = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, data: bytes) -> str:
        """What to show for these bytes."""
        shown = []
        for piece in self._text.decode(data).replace("\r\n", "\n").splitlines(True):
            shown.append(piece)
            self._line += piece
            if piece.endswith("\n"):
                shown.append(self._added(self._line.rstrip()))
                self._line = ""
        return "".join(shown)

    def _added(self, line: str) -> str:
        if self._explain is None or not CRASH.search(line):
            return ""
        added = self._explain(line)[len(line) :].strip("\n")
        return added + "\n" if added else ""


# Seven parameters: the options of the command, and its three streams.
def monitor(
    build: Path | None,
    board: Board | None,
    port: str | None,
    baud: int | None,
    *,
    write: Callable[[str], None],
    note: Callable[[str], None],
    keys: IO[str] | None = None,
) -> None:
    """Runs until Ctrl-], Ctrl-C or the end of ``keys`` (standard input by default)."""
    explain, board = _firmware(build, board, note)
    ids, name = (board.usb, board.name) if board else ((), "a known board")
    found = [] if port else list_ports(all_boards())
    wanted = ids or tuple(item.usb for item in found if item.boards)
    link = SerialLink(choose(port, wanted, found, name), baud or (board.baud if board else BAUD))
    source = sys.stdin if keys is None else keys
    is_over = threading.Event()
    try:
        with _raw(source):
            note(f"{link.name}: Ctrl-] quits, Ctrl-R resets the board")
            typed = threading.Thread(target=_send, args=(source, link, is_over), daemon=True)
            typed.start()
            decoder = Decoder(explain)
            while True:
                was_over = is_over.is_set()
                data = link.read(LAST_S if was_over else READ_S)
                if data:
                    write(decoder.feed(data))
                    sys.stdout.flush()
                elif was_over:
                    return
    finally:
        link.close()


def reset(link: SerialLink) -> None:
    """Resets the board by its adapter's reset line, and by the agent's command."""
    link.pulse_reset()
    link.write(b"%" + frames.command("reset"))


def _firmware(
    build: Path | None, board: Board | None, note: Callable[[str], None]
) -> tuple[Callable[[str], str] | None, Board | None]:
    """How to explain crashes, and the board; a build is of use, but not needed."""
    try:
        image, board = flash.find_build(build, board)
        return Addresses(image.elf).explain, board
    except BuildError as error:
        if build is not None:
            raise
        note(f"addresses will not be decoded: {error.message}")
        return None, board


def _send(source: IO[str], link: SerialLink, is_over: threading.Event) -> None:
    """Sends what is typed until the end; a link that breaks shows where it is read."""
    is_terminal = source.isatty()
    with suppress(Exception):
        while True:
            text = (
                os.read(source.fileno(), 64).decode("utf-8", "replace")
                if is_terminal
                else (source.readline())
            )
            if not text or QUIT in text:
                break
            if RESET in text:
                reset(link)
                text = text.replace(RESET, "")
            link.write(text.encode())
    is_over.set()


@contextmanager
def _raw(source: IO[str]) -> Iterator[None]:
    """A terminal passes every key on, without waiting for the end of a line; Ctrl-C still works."""
    if not source.isatty() or os.name != "posix":
        yield
        return
    import termios
    import tty

    before = termios.tcgetattr(source.fileno())
    tty.setcbreak(source.fileno())
    try:
        yield
    finally:
        termios.tcsetattr(source.fileno(), termios.TCSADRAIN, before)
