"""Whether this user may use serial ports, debug probes and boot loaders on USB (Linux)."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tinyml.device.ports import Port
from tinyml.target.board import Board

RULES = (Path("/etc/udev/rules.d"), Path("/usr/lib/udev/rules.d"), Path("/lib/udev/rules.d"))
SERIAL_GROUPS = ("dialout", "uucp")  # Debian and Fedora; Arch
PROBE = "0483"  # USB vendor of ST's probes


def access_notes(
    boards: Sequence[Board], ports: Sequence[Port], rules: Sequence[Path] = RULES
) -> tuple[str, ...]:
    """What keeps this user from a port or a USB device, each with the next step."""
    notes = [f"{port.device}: {port.problem}" for port in ports if port.problem]
    if not sys.platform.startswith("linux") or os.geteuid() == 0:
        return tuple(notes)
    if not ports and not _is_in_serial_group():
        notes.append(
            "you are not in the group of serial ports: sudo usermod -aG dialout $USER, then log in "
            "again"
        )
    text = _rules_text(rules)
    missing = [vendor for vendor in _vendors(boards) if vendor not in text]
    if missing:
        notes.append(
            f"no udev rule names the USB vendor {', '.join(missing)}: only root can flash through "
            "it; install the rules that come with openocd, pyocd or the board's IDE"
        )
    return tuple(notes)


def _is_in_serial_group() -> bool:
    import grp

    names = set()
    for number in os.getgroups():
        try:
            names.add(grp.getgrgid(number).gr_name)
        except KeyError:
            continue
    return bool(names & set(SERIAL_GROUPS))


def _vendors(boards: Sequence[Board]) -> tuple[str, ...]:
    """USB vendors of the boot loaders and probes that the boards are flashed through."""
    found = set()
    for board in boards:
        options = board.options.get("flasher", {})
        found |= {
            table["usb"][:4] for table in options.values() if isinstance(table.get("usb"), str)
        }
        found |= {PROBE} if "swd" in board.flashers else set()
    return tuple(sorted(found))


def _rules_text(folders: Sequence[Path]) -> str:
    texts = []
    for folder in folders:
        for path in sorted(folder.glob("*.rules")):
            try:
                texts.append(path.read_text(encoding="utf-8", errors="replace"))
            except OSError:
                continue
    return "\n".join(texts).lower()
