"""Ctrl-C while the emulator runs: kept until it comes back.

The emulator calls Python for every access to a peripheral. An exception that is raised there,
such as the KeyboardInterrupt of a Ctrl-C, gets lost in the C code between.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def interrupt_kept(stop: Callable[[], None]) -> Iterator[Callable[[], None]]:
    """While this lasts a Ctrl-C only calls ``stop``; the function given raises KeyboardInterrupt.

    Programs with a handler of their own, and threads other than the main one, are left alone.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield lambda: None
        return
    noted: list[int] = []

    def raise_noted() -> None:
        if noted:
            raise KeyboardInterrupt

    def note(number: int, _frame: object) -> None:
        noted.append(number)
        stop()

    signal.signal(signal.SIGINT, note)
    try:
        yield raise_noted
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
