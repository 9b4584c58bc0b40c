"""The UF2 file format: flash content cut into blocks that can be written in any order.

Source: github.com/microsoft/uf2, README; Raspberry Pi boot ROMs want 256 bytes in each block.
"""

from __future__ import annotations

import struct

MAGIC_START = (0x0A324655, 0x9E5D5157)
MAGIC_END = 0x0AB16F30
HAS_FAMILY = 0x2000
PAYLOAD_BYTES = 256


def uf2(address: int, data: bytes, family: int) -> bytes:
    """A UF2 file with the data at the address, filled up to whole blocks of 256 bytes.

    Address in the memory map; it is rounded down to a block, too. Filling is 0xFF (erased flash).
    """
    before = address % PAYLOAD_BYTES
    data = b"\xff" * before + data
    data += b"\xff" * (-len(data) % PAYLOAD_BYTES)
    count = len(data) // PAYLOAD_BYTES
    return b"".join(
        _block(
            address - before + PAYLOAD_BYTES * number,
            data[PAYLOAD_BYTES * number : PAYLOAD_BYTES * (number + 1)],
            (number, count, family),
        )
        for number in range(count)
    )


def _block(address: int, payload: bytes, position: tuple[int, int, int]) -> bytes:
    head = struct.pack("<8I", *MAGIC_START, HAS_FAMILY, address, PAYLOAD_BYTES, *position)
    return head + payload.ljust(476, b"\0") + struct.pack("<I", MAGIC_END)
