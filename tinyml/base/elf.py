"""Reads 32-bit little-endian ELF files: sections, loadable segments, symbols.

One format, three tables, no relocation: what a linked firmware needs and nothing more. Everything
is bounds-checked, a damaged file is a BuildError.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tinyml.base.errors import BuildError

_HEADER = struct.Struct("<HHIIIIIHHHHHH")
_PROGRAM = struct.Struct("<8I")
_SECTION = struct.Struct("<10I")
_SYMBOL = struct.Struct("<IIIBBH")

_PT_LOAD = 1
_SHT_SYMTAB = 2
_SHT_NOBITS = 8
_SHF_WRITE, _SHF_ALLOC, _SHF_EXECINSTR = 1, 2, 4
_KINDS = {0: "none", 1: "object", 2: "function", 3: "section", 4: "file"}


@dataclass(frozen=True, slots=True)
class ElfSection:
    """A section that takes memory on the target."""

    name: str
    address: int  # where it is used
    load_address: int  # where its initial bytes lie; the same as address unless copied at start
    nbytes: int
    is_loaded: bool  # has bytes in the file; False for .bss
    is_writable: bool
    is_code: bool


@dataclass(frozen=True, slots=True)
class Segment:
    """A range of memory that the image fills or claims."""

    address: int
    load_address: int
    data: bytes  # what the file provides; may be shorter than memory_bytes
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Symbol:
    """A named address."""

    name: str
    address: int  # Thumb functions have bit 0 set
    nbytes: int
    kind: str  # "function", "object", "none", "section", "file" or "other"
    is_global: bool


@dataclass(frozen=True, slots=True)
class Elf:
    """A linked firmware."""

    machine: int  # 40 Arm, 94 Xtensa, 243 RISC-V
    entry: int
    sections: tuple[ElfSection, ...]  # allocated ones only, by address
    segments: tuple[Segment, ...]
    symbols: tuple[Symbol, ...]  # in file order

    def symbol(self, name: str) -> Symbol | None:
        """The symbol of that name, a global one first."""
        found = [item for item in self.symbols if item.name == name]
        return next((item for item in found if item.is_global), found[0] if found else None)

    def claims(self, base: int, nbytes: int) -> bool:
        """Whether the image wants anything between base and base + nbytes."""
        return any(
            start < base + nbytes and base < start + length
            for segment in self.segments
            for start, length in (
                (segment.address, segment.memory_bytes),
                (segment.load_address, len(segment.data)),
            )
        )

    def functions(self) -> tuple[Symbol, ...]:
        """The functions by address, bit 0 cleared, each place once."""
        places: dict[int, Symbol] = {}
        for item in self.symbols:
            if item.kind == "function":
                address = item.address & ~1
                places.setdefault(
                    address, Symbol(item.name, address, item.nbytes, item.kind, item.is_global)
                )
        return tuple(places[address] for address in sorted(places))


def read_elf(path: Path) -> Elf:
    """The ELF file at path. Raises BuildError when it is not a 32-bit little-endian ELF file."""
    data = path.read_bytes()
    if data[:6] != b"\x7fELF\x01\x01":
        raise BuildError("not a 32-bit little-endian ELF file", where=path.name)
    try:
        return _parse(data)
    except (struct.error, IndexError, ValueError) as error:
        raise BuildError(f"damaged ELF file: {error}", where=path.name) from error


def flat_image(segments: Iterable[Segment], fill: int = 0xFF) -> tuple[int, bytes]:
    """(lowest load address, bytes from there on) of all file content, gaps filled."""
    kept = [item for item in segments if item.data]
    if not kept:
        raise BuildError("the linked firmware has no content to load")
    start = min(item.load_address for item in kept)
    end = max(item.load_address + len(item.data) for item in kept)
    image = bytearray([fill]) * (end - start)
    for item in kept:
        offset = item.load_address - start
        image[offset : offset + len(item.data)] = item.data
    return start, bytes(image)


def intel_hex(address: int, data: bytes) -> str:
    """Data at an address in Intel HEX, 16 bytes per record, extended linear addresses."""
    lines: list[str] = []
    upper = -1
    offset = 0
    while offset < len(data):
        here = address + offset
        if here >> 16 != upper:
            upper = here >> 16
            lines.append(_record(4, 0, upper.to_bytes(2, "big")))
        size = min(16, len(data) - offset, 0x10000 - (here & 0xFFFF))
        lines.append(_record(0, here & 0xFFFF, data[offset : offset + size]))
        offset += size
    lines.append(_record(1, 0, b""))
    return "\n".join(lines) + "\n"


def _record(kind: int, address: int, data: bytes) -> str:
    body = bytes([len(data), address >> 8, address & 0xFF, kind]) + data
    return f":{body.hex().upper()}{-sum(body) & 0xFF:02X}"


def _parse(data: bytes) -> Elf:
    fields = _HEADER.unpack_from(data, 16)
    _, machine, _, entry, program_at, section_at = fields[:6]
    program_bytes, program_count, section_bytes, section_count, name_section = fields[8:13]
    programs = [
        _PROGRAM.unpack_from(data, program_at + i * program_bytes) for i in range(program_count)
    ]
    headers = [
        _SECTION.unpack_from(data, section_at + i * section_bytes) for i in range(section_count)
    ]
    loads = [program for program in programs if program[0] == _PT_LOAD]
    names = _content(data, headers[name_section]) if headers else b""
    sections = [
        _section(_text(names, header[0]), header, loads)
        for header in headers
        if header[2] & _SHF_ALLOC and header[5]
    ]
    symbols: list[Symbol] = []
    for header in headers:
        if header[1] == _SHT_SYMTAB:
            symbols.extend(_symbols(_content(data, header), _content(data, headers[header[6]])))
    return Elf(
        machine=machine,
        entry=entry,
        sections=tuple(sorted(sections, key=lambda item: (item.address, item.name))),
        segments=tuple(
            Segment(address, load_address, _slice(data, offset, file_bytes), memory_bytes)
            for _, offset, address, load_address, file_bytes, memory_bytes, _, _ in loads
        ),
        symbols=tuple(symbols),
    )


def _section(name: str, header: tuple[int, ...], loads: list[tuple[int, ...]]) -> ElfSection:
    _, kind, flags, address, _, nbytes = header[:6]
    load_address = address
    for _, _, start, load_start, _, memory_bytes, _, _ in loads:
        if start <= address and address + nbytes <= start + memory_bytes:
            load_address = load_start + address - start
            break
    return ElfSection(
        name=name,
        address=address,
        load_address=load_address,
        nbytes=nbytes,
        is_loaded=kind != _SHT_NOBITS,
        is_writable=bool(flags & _SHF_WRITE),
        is_code=bool(flags & _SHF_EXECINSTR),
    )


def _symbols(table: bytes, names: bytes) -> Iterable[Symbol]:
    for name_at, address, nbytes, info, _, _ in _SYMBOL.iter_unpack(table):
        name = _text(names, name_at)
        if name:
            yield Symbol(name, address, nbytes, _KINDS.get(info & 15, "other"), info >> 4 != 0)


def _content(data: bytes, header: tuple[int, ...]) -> bytes:
    return _slice(data, header[4], header[5])


def _slice(data: bytes, offset: int, nbytes: int) -> bytes:
    if offset + nbytes > len(data):
        raise ValueError(f"bytes {offset}..{offset + nbytes} of {len(data)} are missing")
    return data[offset : offset + nbytes]


def _text(table: bytes, offset: int) -> str:
    return table[offset : table.index(b"\0", offset)].decode("ascii", "replace")
