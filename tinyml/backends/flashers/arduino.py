"""Boards with a boot loader on USB: dfu-util and bossac, after a touch at 1200 baud."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import PurePosixPath

from tinyml.backends.flashers import (
    PROGRAM_TIMEOUT_S,
    check_region,
    lines,
    missing,
    options,
    run_programs,
    single_part,
)
from tinyml.base.errors import DeviceError, ToolError
from tinyml.base.process import Command
from tinyml.device import ports
from tinyml.target.board import Board
from tinyml.values.flash_job import FlashJob, Progress

SETTLE_S = 8.0  # for a boot loader to appear on USB
POLL_S = 0.3
PRESS_RESET = "press RESET twice, quickly: the board then waits for a firmware"
HOLD_BOOT = "hold BOOT (or set BOOT0 high) and press RESET: the chip then shows up as a DFU device"
DOWNLOADED = "File downloaded successfully"  # what dfu-util says


class Dfu:
    """USB device firmware upgrade through dfu-util: STM32 boot ROMs, Arduino boards."""

    name = "dfu"
    can_skip = False

    def ports(self, board: Board) -> None:
        """dfu-util finds the device by its USB id."""

    def check_options(self, board: Board) -> None:
        """USB ids."""
        _dfu_settings(board)

    def check(self, job: FlashJob) -> None:
        """One part, in the flash of the board."""
        single_part(job, self.name)
        check_region(job)
        self.check_options(job.board)

    def problem(self, job: FlashJob) -> str | None:
        """Needs its program."""
        return missing(("dfu-util",))

    def erases(self, job: FlashJob) -> str:
        """dfu-util erases what it writes."""
        return "the sectors of flash below the image"

    def commands(self, job: FlashJob) -> tuple[Command, ...]:
        """Writes, leaves the boot loader."""
        part = single_part(job, self.name)
        usb, alternate, _ = _dfu_settings(job.board)
        where = ("-a", str(alternate), "-s", f"0x{part.address:08X}:leave")
        argv = ("dfu-util", "-d", usb, *where, "-D", str(part.file))
        return (Command(argv, message=f"writing through USB ({usb})"),)

    def steps(self, job: FlashJob) -> tuple[str, ...]:
        """The touch and the command line."""
        return (*_touch_steps(_dfu_settings(job.board)[2], job.port), *lines(self.commands(job)))

    def write(self, job: FlashJob, progress: Progress) -> str:
        """Asks a running Arduino firmware for its boot loader first."""
        usb, _, touch = _dfu_settings(job.board)
        _touch(touch, job)
        commands = self.commands(job)
        progress(f"waiting for {usb}", 0, 1)
        _wait_for_dfu(usb, PRESS_RESET if touch else HOLD_BOOT)
        progress(commands[0].message, 0, 1)
        try:
            run_programs(commands)
        except ToolError as error:
            if DOWNLOADED not in error.message:  # the device may be gone before it can say goodbye
                raise
        progress(commands[0].message, 1, 1)
        return "written with dfu-util and started"


class Bossac:
    """The boot loader of Arduino's Nano 33 boards, through bossac (Arduino's own version)."""

    name = "bossac"
    can_skip = False

    def ports(self, board: Board) -> None:
        """The port of the boot loader appears only after the touch: write() looks for it."""

    def check_options(self, board: Board) -> None:
        """USB ids."""
        _bossac_settings(board)

    def check(self, job: FlashJob) -> None:
        """One part, in the flash of the board."""
        single_part(job, self.name)
        check_region(job)
        self.check_options(job.board)

    def problem(self, job: FlashJob) -> str | None:
        """Needs its program."""
        return missing(("bossac",))

    def erases(self, job: FlashJob) -> str:
        """bossac -e."""
        return "all flash behind the boot loader"

    def commands(self, job: FlashJob) -> tuple[Command, ...]:
        """As in platform.txt of Arduino's core; the boot loader adds its own offset."""
        part = single_part(job, self.name)
        port = PurePosixPath(job.port or "PORT").name
        argv = ("bossac", f"--port={port}", "-U", "-i", "-e", "-w", str(part.file), "-R")
        return (Command(argv, message="writing through bossac"),)

    def steps(self, job: FlashJob) -> tuple[str, ...]:
        """The touch and the command line."""
        return (*_touch_steps(_bossac_settings(job.board)[1], job.port), *lines(self.commands(job)))

    def write(self, job: FlashJob, progress: Progress) -> str:
        """Goes through the port that the boot loader opens."""
        usb, touch = _bossac_settings(job.board)
        if job.port is None or ports.port_of(job.port, (job.board,)).usb not in usb:
            _touch(touch, job)
            found = ports.wait_for(usb, (job.board,), SETTLE_S)
            if not found:
                raise DeviceError(
                    f"no boot loader of {job.board.name} ({', '.join(usb)}) on USB",
                    hint=PRESS_RESET + ", and try again. Nothing was changed",
                )
            job = replace(job, port=ports.choose(None, usb, found, job.board.name))
        commands = self.commands(job)
        progress(commands[0].message, 0, 1)
        run_programs(commands)
        progress(commands[0].message, 1, 1)
        return "written with bossac and started"


def _wait_for_dfu(usb: str, enter: str) -> None:
    """Returns once dfu-util can use the device; its own --wait would wait for ever."""
    from tinyml.base import process

    end = time.monotonic() + SETTLE_S
    while True:
        listing = process.run(Command(("dfu-util", "-l", "-d", usb)), timeout_s=PROGRAM_TIMEOUT_S)
        if f"Found DFU: [{usb}]" in listing:
            return
        if "Cannot open DFU device" in listing:
            raise DeviceError(
                f"no permission to use the USB device {usb}",
                hint="install the udev rules of your distribution's dfu-util, or add one: "
                f'ATTRS{{idVendor}}=="{usb[:4]}", ATTRS{{idProduct}}=="{usb[5:]}", MODE="0666". '
                "Nothing was changed on the board",
            )
        if time.monotonic() > end:
            raise DeviceError(
                f"no DFU device {usb} on USB",
                hint=f"{enter}. Then try again; nothing was changed on the board",
            )
        time.sleep(POLL_S)


def _dfu_settings(board: Board) -> tuple[str, int, tuple[str, ...]]:
    table = options(board, "dfu")
    values = table.text("usb"), table.integer("alternate", 0), table.strings("touch", ())
    table.close()
    return values


def _bossac_settings(board: Board) -> tuple[tuple[str, ...], tuple[str, ...]]:
    table = options(board, "bossac")
    values = table.strings("usb"), table.strings("touch", ())
    table.close()
    return values


def _touch_steps(usb: tuple[str, ...], port: str | None) -> tuple[str, ...]:
    where = port or f"the port with {' or '.join(usb)}"
    return (f"open {where} at 1200 baud and close it",) if usb else ()


def _touch(usb: tuple[str, ...], job: FlashJob) -> None:
    """Opens the port of a running Arduino firmware at 1200 baud, if there is one."""
    if not usb:
        return
    device = job.port
    if device is None:
        found = [port for port in ports.list_ports((job.board,)) if port.usb in usb]
        device = ports.choose(None, usb, found, job.board.name) if found else None
    if device is not None:
        ports.touch(device)
        time.sleep(0.5)
