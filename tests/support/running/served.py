"""An emulated board on a pseudo-terminal, served by a thread while a test talks to it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

from tinyml.base.elf import Elf
from tinyml.simulate.machine import Machine
from tinyml.simulate.pty import PtyServer
from tinyml.target.board import Board


@contextmanager
def serving(server: PtyServer) -> Iterator[str]:
    """The path of a server's pseudo-terminal while a thread serves it."""
    is_over = threading.Event()

    def serve() -> None:
        while not is_over.is_set():
            server.step()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server.path
    finally:
        is_over.set()
        thread.join()
        server.close()


def served(elf: Elf, board: Board) -> AbstractContextManager[str]:
    """The path of a pseudo-terminal with the firmware behind it."""
    return serving(PtyServer(Machine(elf, board)))


def patched(elf: Elf, address: int, nbytes: int, mask: int = 0x40) -> Elf:
    """The image with a bit of some bytes flipped, as bad flash cells would.

    ``address`` is where they are used: of what is copied to RAM at start, there.
    """
    segments = []
    for segment in elf.segments:
        at = address - segment.address
        data = bytearray(segment.data)
        for place in range(max(at, 0), min(at + nbytes, len(data))):
            data[place] ^= mask
        segments.append(replace(segment, data=bytes(data)))
    return replace(elf, segments=tuple(segments))
