"""Serial ports: which are there, which board each looks like, and which one to take.

Never takes one of several in silence: an error lists them instead.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinyml.base.errors import DeviceError
from tinyml.target.board import Board

# USB-serial adapters: who makes them, and the kernel module on Linux.
ADAPTERS = {
    "0403:6001": ("FTDI FT232", "ftdi_sio"),
    "0403:6015": ("FTDI FT231X", "ftdi_sio"),
    "0483:374b": ("ST-LINK/V2-1", "cdc_acm"),
    "0483:374e": ("ST-LINK/V3", "cdc_acm"),
    "067b:2303": ("Prolific PL2303", "pl2303"),
    "10c4:ea60": ("Silicon Labs CP210x", "cp210x"),
    "1a86:55d4": ("WCH CH9102", "cdc_acm"),
    "1a86:7523": ("WCH CH340", "ch341"),
    "303a:1001": ("Espressif USB-JTAG-serial", "cdc_acm"),
}
TOUCH_BAUD = 1200
WRITE_TIMEOUT_S = 5.0
BUSY = (errno.EAGAIN, errno.EBUSY)
DENIED = (errno.EACCES, errno.EPERM)


@dataclass(frozen=True, slots=True)
class Port:
    """A serial port of this computer."""

    device: str  # what --port takes
    description: str
    usb: str  # "vid:pid", or "" when it is none
    serial_number: str
    boards: tuple[str, ...]  # the boards that have such a port
    problem: str  # why it cannot be used, or ""


def list_ports(boards: Sequence[Board]) -> tuple[Port, ...]:
    """The ports of this computer, USB ones first."""
    from serial.tools import list_ports as pyserial

    return describe(pyserial.comports(), boards)


def describe(found: Iterable[Any], boards: Sequence[Board]) -> tuple[Port, ...]:
    """What pyserial found, with the boards that each port looks like."""
    ports = []
    for item in found:
        usb = "" if item.vid is None else f"{item.vid:04x}:{item.pid:04x}"
        known = ADAPTERS.get(usb, ("", ""))[0]
        text = item.description if item.description not in ("n/a", None) else ""
        ports.append(
            Port(
                device=item.device,
                description=text or known,
                usb=usb,
                serial_number=item.serial_number or "",
                boards=tuple(board.name for board in boards if usb and usb in _ids(board)),
                problem=_access_problem(item.device),
            )
        )
    return tuple(sorted(ports, key=lambda port: (not port.usb, port.device)))


def port_of(device: str, boards: Sequence[Board]) -> Port:
    """What is known about one port; only its name when this computer does not list it."""
    found = [port for port in list_ports(boards) if port.device == device]
    return found[0] if found else Port(device, "", "", "", (), "")


def choose(given: str | None, wanted: Sequence[str], ports: Sequence[Port], board: str) -> str:
    """The port that is meant: the one given, or the only one with a USB id of the board.

    Raises DeviceError, which lists what is there, when none or several match.
    """
    if given is not None:
        return given
    matching = [port for port in ports if port.usb in wanted]
    if len(matching) == 1:
        return matching[0].device
    if matching:
        raise DeviceError(
            f"{len(matching)} serial ports look like {board}:\n{_listing(matching)}",
            hint="choose one with --port, or unplug the others",
        )
    if ports:
        ids = f" ({', '.join(wanted)})" if wanted else ""
        raise DeviceError(
            f"no serial port looks like {board}{ids}; there are:\n{_listing(ports)}",
            hint="choose one with --port, or check cable and power of the board"
            + (f"; {hint}" if (hint := driver_hint()) else ""),
        )
    raise DeviceError(
        "this computer has no serial port",
        hint=driver_hint()
        or "is the board plugged in with a cable that carries data, and does it have power? "
        "Ports in a network work as well: --port socket://HOST:PORT",
    )


def driver_hint(
    system: str = sys.platform, usb_devices: Path = Path("/sys/bus/usb/devices")
) -> str:
    """What to do about adapters that are plugged in, but have no serial port; "" if none is."""
    if not system.startswith("linux"):
        return ""
    for device in sorted(usb_devices.glob("*")):
        try:
            vendor = (device / "idVendor").read_text(encoding="ascii").strip()
            product = (device / "idProduct").read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            continue
        name, module = ADAPTERS.get(f"{vendor}:{product}", ("", ""))
        if name and not any(device.glob(f"{device.name}:*/tty*")):
            brltty = "; on Ubuntu the package brltty may take it away: apt remove brltty"
            return (
                f"a {name} ({vendor}:{product}) is plugged in, but has no serial port: load its "
                f"driver with 'sudo modprobe {module}'" + (brltty if module == "ch341" else "")
            )
    return ""


def explain_open(device: str, error: Exception) -> DeviceError:
    """Why a port could not be opened, and what to do."""
    number = getattr(error, "errno", None)
    text = str(error)
    if "://" in device:
        return DeviceError(
            f"'{device}' cannot be opened: {text}",
            hint="is the server running there, and reachable from here? socket://HOST:PORT wants "
            "one that passes bytes on as they are, rfc2217://HOST:PORT one that speaks RFC 2217",
        )
    if number in DENIED and sys.platform != "win32":
        return DeviceError(f"no permission to use '{device}'", hint=permission_hint(device))
    if number in BUSY or "exclusively lock" in text or number in DENIED:
        return DeviceError(
            f"the serial port '{device}' is in use by another program",
            hint="close the terminal, monitor or IDE that has it open"
            + (f"; 'fuser {device}' names it" if sys.platform.startswith("linux") else ""),
        )
    if number == errno.ENOENT or "could not find" in text.lower():
        return DeviceError(
            f"there is no serial port '{device}'",
            hint="'tinyml ports' lists those that are there; was the board unplugged?",
        )
    return DeviceError(
        f"the serial port '{device}' cannot be opened: {text}",
        hint="'tinyml ports' lists the ports",
    )


def permission_hint(device: str) -> str:
    """How to get access to a port that belongs to a group, or to root."""
    try:
        import grp

        group = grp.getgrgid(Path(device).stat().st_gid).gr_name
    except (ImportError, KeyError, OSError):
        group = "dialout"
    return f"join the group of the port, then log in again: sudo usermod -aG {group} $USER"


def open_port(device: str, baud: int, *, parity: str = "N", timeout_s: float = 0.5) -> Any:
    """An open pyserial port, for us alone; raises DeviceError that says what is wrong.

    A pseudo-terminal refuses parity; it is opened without.
    """
    import serial

    failed: Exception | None = None
    for mode in dict.fromkeys((parity, "N")):
        port = None
        try:
            port = serial.serial_for_url(device, do_not_open=True, baudrate=baud, parity=mode)
            if isinstance(port, serial.Serial):  # RFC 2217 knows no such timeout
                port.write_timeout = WRITE_TIMEOUT_S
                if sys.platform != "win32":
                    port.exclusive = True
            port.open()
            port.timeout = timeout_s  # sets everything anew: a pseudo-terminal says no here at last
            return port
        except Exception as error:  # termios.error is neither an OSError nor a ValueError
            failed = error
            if port is not None:
                with suppress(Exception):  # what could not be opened cannot always be closed
                    port.close()
            if not _is_refused_setting(error):
                break
    assert failed is not None
    raise explain_open(device, failed) from failed


def touch(device: str) -> None:
    """Opens a port at 1200 baud and closes it: asks an Arduino board for its boot loader."""
    port = open_port(device, TOUCH_BAUD)
    try:
        port.dtr = False
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTTY):
            raise explain_open(device, error) from error
    finally:
        port.close()


def wait_for(usb: Sequence[str], boards: Sequence[Board], timeout_s: float) -> tuple[Port, ...]:
    """The ports with one of these ids, as soon as there is one; none when the time is over."""
    end = time.monotonic() + timeout_s
    while True:
        found = tuple(port for port in list_ports(boards) if port.usb in usb)
        if found or time.monotonic() >= end:
            return found
        time.sleep(0.1)


def _ids(board: Board) -> set[str]:
    ids = set(board.usb)
    for table in board.options.get("flasher", {}).values():
        for key in ("usb", "touch"):
            value = table.get(key, ())
            ids |= {value} if isinstance(value, str) else set(value)
    return ids


def _access_problem(device: str) -> str:
    if os.name != "posix" or not os.path.exists(device) or os.access(device, os.R_OK | os.W_OK):
        return ""
    return f"no permission: {permission_hint(device)}"


def _is_refused_setting(error: Exception) -> bool:
    number = error.args[0] if error.args else None
    return errno.EINVAL in (number, getattr(error, "errno", None))


def _listing(ports: Sequence[Port]) -> str:
    return "\n".join(
        f"  {port.device}  {port.usb or '-'}  {port.description}"
        + (f"  serial number {port.serial_number}" if port.serial_number else "")
        for port in ports
    )
