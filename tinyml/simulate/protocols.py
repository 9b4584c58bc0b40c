"""What is used of the engine of the ``unicorn`` package, whose code has no types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Engine(Protocol):
    """An emulated core with its memory; errors are unicorn's UcError."""

    _uch: object  # of the C library

    def hook_add(
        self, kind: int, callback: Callable[..., object], *, begin: int = 1, end: int = 0
    ) -> int:
        """Calls back at events; at every address unless ``begin`` and ``end`` say which."""

    def hook_del(self, handle: int) -> None:
        """Ends that."""

    def emu_start(self, begin: int, until: int) -> None:
        """Runs until an address is reached, or something stops it."""

    def emu_stop(self) -> None:
        """Makes ``emu_start`` return."""

    def reg_read(self, register: int) -> int:
        """A register by unicorn's number for it."""

    def reg_write(self, register: int, value: int) -> None:
        """Sets a register."""

    def mem_map(self, address: int, nbytes: int, protection: int) -> None:
        """Makes memory."""

    def mem_read(self, address: int, nbytes: int) -> bytearray:
        """Bytes of memory."""

    def mem_write(self, address: int, data: bytes) -> None:
        """Sets bytes of memory, whatever its protection."""

    # Six parameters: the signature of unicorn's.
    def mmio_map(
        self,
        address: int,
        nbytes: int,
        read: Callable[..., int],
        read_data: int,
        write: Callable[..., None],
        write_data: int,
    ) -> None:
        """Makes addresses whose reads and writes are calls."""

    def ctl_set_cpu_model(self, model: int) -> None:
        """Which core it is."""

    def ctl_flush_tb(self) -> None:
        """Forgets the code translated so far."""
