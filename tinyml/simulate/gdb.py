"""A firmware on QEMU, stopped and started through QEMU's GDB stub, on its standard streams.

Packets of the GDB Remote Serial Protocol: ``$text#checksum``, answered by ``+`` and a packet. Of
all registers in a row, as ``g`` and ``G`` have them, r0 to r15 come first.
"""

from __future__ import annotations

import time

from tinyml.base.errors import DeviceError, SimulationFault
from tinyml.device.link import PipeLink

LR, PC = 14, 15
CHUNK = 1024  # bytes of memory in a packet
BREAKPOINT, THUMB = 0, 2  # kind of breakpoint in software, bytes of the instruction
FAULTS = range(3, 7)  # vectors: HardFault, MemManage, BusFault, UsageFault
PATIENCE_S = 120.0  # an inference takes a few seconds
ANSWER_S = 10.0


class Stub:
    """One QEMU that waits at the reset vector (-S -gdb stdio)."""

    def __init__(self, link: PipeLink, vectors: int, where: str) -> None:
        """``vectors``: the address of the vector table; ``where``: the board, for messages."""
        self._link, self._where, self._rest = link, where, b""
        self._faults: tuple[int, ...] = ()
        self._ask("?")
        table = self.read_memory(vectors, 4 * FAULTS.stop)
        words = [int.from_bytes(table[4 * i : 4 * i + 4], "little") for i in FAULTS]
        self._faults = tuple(sorted({word & ~1 for word in words if word}))
        for fault in self._faults:
            self._ask(f"Z{BREAKPOINT},{fault:x},{THUMB}", "OK")

    def run_to(self, address: int, cycles: int) -> None:
        """Lets the firmware run until it is about to execute what is at an address.

        Raises SimulationFault when it faults, or is not there after two minutes; no cycles count.
        """
        place = address & ~1
        self._ask(f"Z{BREAKPOINT},{place:x},{THUMB}", "OK")
        try:
            self._ask("c", timeout_s=PATIENCE_S)
        except DeviceError as error:
            raise SimulationFault(
                f"the firmware did not get to 0x{place:08x} within {PATIENCE_S:g} s",
                where=self._where,
            ) from error
        self._ask(f"z{BREAKPOINT},{place:x},{THUMB}", "OK")
        stopped = self._register(PC)
        if stopped in self._faults:
            came_from = self._register(LR)
            raise SimulationFault(f"the firmware faulted (lr 0x{came_from:08x})", where=self._where)
        if stopped != place:
            raise SimulationFault(f"the firmware stopped at 0x{stopped:08x}", where=self._where)

    def call(self, function: int, back: int, cycles: int) -> int:
        """What a C function of the firmware without arguments returns, as 32 bits."""
        self._set(LR, back | 1)
        self._set(PC, function & ~1)
        self.run_to(back, cycles)
        return self._register(0)

    def read_memory(self, address: int, nbytes: int) -> bytes:
        """What memory holds."""
        found = b""
        while len(found) < nbytes:
            at = address + len(found)
            found += bytes.fromhex(self._ask(f"m{at:x},{min(CHUNK, nbytes - len(found)):x}"))
        return found

    def write_memory(self, address: int, data: bytes) -> None:
        """Changes what memory holds."""
        for at in range(0, len(data), CHUNK):
            part = data[at : at + CHUNK]
            self._ask(f"M{address + at:x},{len(part):x}:{part.hex()}", "OK")

    def _register(self, number: int) -> int:
        return int.from_bytes(bytes.fromhex(self._ask("g")[8 * number : 8 * number + 8]), "little")

    def _set(self, number: int, value: int) -> None:
        held = self._ask("g")
        word = value.to_bytes(4, "little").hex()
        self._ask(f"G{held[: 8 * number]}{word}{held[8 * number + 8 :]}", "OK")

    def _ask(self, text: str, wanted: str | None = None, timeout_s: float = ANSWER_S) -> str:
        """The answer to a packet; raises DeviceError when it is none, or not the one wanted."""
        data = text.encode()
        self._link.write(b"$%s#%02x" % (data, sum(data) & 0xFF))
        end = time.monotonic() + timeout_s
        while not (b"$" in self._rest and b"#" in self._rest[:-2].partition(b"$")[2]):
            left = end - time.monotonic()
            if left <= 0:
                raise DeviceError(f"QEMU does not answer '{text[:20]}'")
            self._rest += self._link.read(left)
        answer, _, rest = self._rest.partition(b"$")[2].partition(b"#")
        self._rest = rest[2:]
        self._link.write(b"+")
        found = answer.decode(errors="replace")
        if found[:1] == "E" or (wanted is not None and found != wanted):
            raise DeviceError(f"QEMU answers '{text[:20]}' with '{found[:80]}'")
        return found
