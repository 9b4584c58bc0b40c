"""Serial ports of the emulated chips: one register layout per kind, one queue in each direction.

The layouts agree with the drivers in firmware/port/uart/<kind>.c. Sources: ST RM0090 (stm32_v1) and
RM0432 (stm32_v2), Nordic nRF52840 Product Specification 1.7 section 6.33 (nrf52), Arm PrimeCell
UART PL011 TRM r1p5 (pl011).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tinyml.base.errors import BoardError, did_you_mean

IDLE_POLLS = 2  # looks into an empty receiver, with nothing sent in between, that mean "idle"


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a kind of UART keeps what the firmware looks at; offsets from its base."""

    nbytes: int  # of address space
    status: int  # register that tells whether a byte was received
    received: int  # its bit
    is_received_when_clear: bool  # the bit means "empty"
    idle_bits: int  # other bits of the status register that read as set: transmitter ready …
    rx: int
    tx: int
    enables: tuple[tuple[int, int], ...]  # (register, bits) that must be set before anything works
    sent_event: int | None = None  # register that becomes 1 when a byte was sent


LAYOUTS: Mapping[str, Layout] = {
    # SR: RXNE 5, TC 6, TXE 7; CR1: RE 2, TE 3, UE 13
    "stm32_v1": Layout(0x400, 0x00, 1 << 5, False, 0xC0, 0x04, 0x04, ((0x0C, 0x200C),)),
    # ISR: RXNE 5, TC 6, TXE 7, TEACK 21, REACK 22; CR1: UE 0, RE 2, TE 3
    "stm32_v2": Layout(0x400, 0x1C, 1 << 5, False, 0x6000C0, 0x24, 0x28, ((0x00, 0x0D),)),
    # EVENTS_RXDRDY; ENABLE = 4, TASKS_STARTRX, TASKS_STARTTX; EVENTS_TXDRDY
    "nrf52": Layout(
        0x1000, 0x108, 1, False, 0, 0x518, 0x51C, ((0x500, 4), (0x000, 1), (0x008, 1)), 0x11C
    ),
    # FR: RXFE 4, TXFE 7; CR: UARTEN 0, TXE 8, RXE 9
    "pl011": Layout(0x1000, 0x18, 1 << 4, True, 0x80, 0x00, 0x00, ((0x30, 0x301),)),
}


class Uart:
    """One serial port; ``on_idle`` is called when the firmware waits for a byte in vain."""

    def __init__(self, kind: str, on_idle: Callable[[], None]) -> None:
        if kind not in LAYOUTS:
            raise BoardError(f"no model of the UART '{kind}'", hint=did_you_mean(kind, LAYOUTS))
        self.layout = LAYOUTS[kind]
        self.received: deque[int] = deque()  # from the host, not read by the firmware yet
        self.sent = bytearray()  # by the firmware, not taken by the host yet
        self.lost = 0  # bytes written before the port was enabled
        self._on_idle = on_idle
        self._polls = 0
        self._registers: dict[int, int] = {}
        self.is_enabled = False
        """Whether the firmware has switched on transmitter and receiver."""

    def reset(self) -> None:
        """Registers as after power-up; what was sent stays on its way."""
        self._registers.clear()
        self.is_enabled = False
        self.received.clear()
        self._polls = 0

    def read(self, offset: int) -> int:
        """What the firmware reads; with every byte that passes it asks for the status."""
        layout = self.layout
        if offset == layout.status:
            return self._status()
        if offset == layout.rx:
            return self.received.popleft() if self.received and self.is_enabled else 0
        return self._registers.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        """What the firmware writes."""
        if offset != self.layout.tx:
            self._registers[offset] = value
            held = self._registers.get
            self.is_enabled = all(held(at, 0) & bits == bits for at, bits in self.layout.enables)
            return
        self._polls = 0
        if self.is_enabled:
            self.sent.append(value & 0xFF)
        else:
            self.lost += 1
        if self.layout.sent_event is not None:
            self._registers[self.layout.sent_event] = 1

    def _status(self) -> int:
        layout = self.layout
        has_byte = self.is_enabled and bool(self.received)
        if has_byte or not self.is_enabled:
            self._polls = 0
        else:
            self._polls += 1
            if self._polls >= IDLE_POLLS:
                self._polls = 0
                self._on_idle()
        flag = layout.received if has_byte != layout.is_received_when_clear else 0
        return layout.idle_bits | flag
