"""Espressif chips through esptool's Python API.

The addresses of the parts are offsets in the serial flash: boot loader, partition table,
application, model. esptool erases whole sectors, and checks a hash of every part afterwards.
"""

from __future__ import annotations

import hashlib
import itertools
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from tinyml.backends.flashers import lines, options
from tinyml.backends.flashers.esp_image import check_parts, loader_at
from tinyml.base.errors import BuildError, DeviceError, DoesNotFit
from tinyml.base.process import Command
from tinyml.device.ports import open_port
from tinyml.target.board import Board
from tinyml.values.flash_job import FlashJob, Part, Progress

log = logging.getLogger("tinyml")

NAME = "esptool"
ROM_BAUD = 115_200
CONNECT_TRIES = 7
SECTOR_BYTES = 4096
ENTER = (
    "hold BOOT, press RESET, let go of BOOT, and try again; check that the cable carries data, and "
    "that no other program has the port open"
)
RECOVER = (
    "the boot loader in ROM cannot be damaged: hold BOOT, press RESET, and run the same command "
    "again; a lower speed ([flasher.esptool] baud = 115_200) helps on bad cables"
)


@dataclass(frozen=True, slots=True)
class Settings:
    """The table [flasher.esptool]."""

    chip: str  # esptool's name
    image_chip_id: int  # in the header of images for that chip
    flash_size: str  # "8MB"
    baud: int
    loader: str  # "stub": faster, runs from RAM; "rom": what the chip has built in

    @property
    def flash_bytes(self) -> int:
        """Size of the serial flash."""
        return int(self.flash_size.removesuffix("MB")) * 1024 * 1024


class Esptool:
    """Writes every part at its offset, verifies, resets."""

    name = NAME
    can_skip = True

    def ports(self, board: Board) -> tuple[str, ...]:
        """Those of the board."""
        return board.usb

    def check_options(self, board: Board) -> None:
        """Chip, size of its flash, speed."""
        _settings(board)

    def check(self, job: FlashJob) -> None:
        """Parts lie in the flash, in sectors of their own, and the chip would start them."""
        settings = _settings(job.board)
        for part in job.parts:
            _check_part(part, settings, job.board)
        for before, after in itertools.pairwise(job.parts):
            if _sectors(before)[1] > after.address:
                raise BuildError(
                    f"{before.file.name} reaches to 0x{_sectors(before)[1]:X}, {after.file.name} "
                    f"begins at 0x{after.address:X}",
                    hint="move it in the partition table, and build again",
                )
        chip = (settings.chip, settings.image_chip_id)
        check_parts(job.parts, chip, loader_at(settings.chip))

    def problem(self, job: FlashJob) -> str | None:
        """The package esptool is a dependency of tinyml."""
        return None

    def erases(self, job: FlashJob) -> str:
        """Sectors of the serial flash."""
        spans = [_sectors(part) for part in job.parts]
        return (
            ", ".join(f"0x{start:06X} to 0x{end - 1:06X}" for start, end in spans) + " of the flash"
        )

    def commands(self, job: FlashJob) -> tuple[Command, ...]:
        """What one would type to get the same with esptool."""
        settings = _settings(job.board)
        stub = ("--no-stub",) if settings.loader == "rom" else ()
        files = [word for part in job.parts for word in (f"0x{part.address:x}", str(part.file))]
        head = ("esptool", "--chip", settings.chip, "--port", job.port or "PORT")
        argv = (*head, "--baud", str(settings.baud), *stub, "write-flash", *files)
        return (Command(argv),)

    def steps(self, job: FlashJob) -> tuple[str, ...]:
        """The command line."""
        return lines(self.commands(job))

    def write(self, job: FlashJob, progress: Progress) -> str:
        """Raises DeviceError that says in which state the board is left."""
        with _quiet(progress):
            return _flash(job, self.erases(job))


def _flash(job: FlashJob, erases: str) -> str:
    import esptool

    state, hint = "nothing was changed on the board", ENTER
    esp = None
    try:
        esp = _connect(job, _settings(job.board))
        parts = _changed(esp, job.parts) if job.only_changed else job.parts
        if parts:
            state = f"the board may have no working firmware now: {erases} may be half written"
            hint = RECOVER
            _write(esp, parts)
        state = "the image is written and verified, but the board was not reset: press RESET"
        _reset(esp)
    except (esptool.FatalError, OSError) as error:  # SerialException is an OSError
        raise DeviceError(f"{_text(error)}\n{state}", hint=hint) from error
    except DeviceError as error:
        raise DeviceError(f"{error.message}\n{state}", hint=error.hint) from error
    finally:
        if esp is not None:
            esp._port.close()
    return _summary(parts, job.parts)


def _settings(board: Board) -> Settings:
    table = options(board, NAME)
    settings = Settings(
        chip=table.text("chip"),
        image_chip_id=table.integer("image_chip_id"),
        flash_size=table.text("flash_size"),
        baud=table.integer("baud", 460_800, minimum=9600),
        loader=table.choice("loader", ("rom", "stub")) if table.has("loader") else "stub",
    )
    table.close()
    if not settings.flash_size.removesuffix("MB").isdigit():
        raise table.error(
            f"'flasher.esptool.flash_size' must be like \"8MB\", found {settings.flash_size!r}"
        )
    return settings


def _sectors(part: Part) -> tuple[int, int]:
    end = part.address + len(part.data)
    return part.address, -(-end // SECTOR_BYTES) * SECTOR_BYTES


def _check_part(part: Part, settings: Settings, board: Board) -> None:
    end = part.address + len(part.data)
    if end > settings.flash_bytes:
        raise DoesNotFit(
            f"{part.file.name} ends at 0x{end:X}, the flash of {board.name} at "
            f"0x{settings.flash_bytes:X} ({settings.flash_size})",
            hint="was it built for another board? Addresses count from the start of the flash",
        )
    if part.address % SECTOR_BYTES:
        raise BuildError(
            f"{part.file.name} begins at 0x{part.address:X}, in the middle of a sector of "
            f"{SECTOR_BYTES:,} bytes",
            hint="move it in the partition table, and build again",
        )


class Port(Protocol):
    """What esptool talks over."""

    def close(self) -> None:
        """Ends that."""


class Loader(Protocol):
    """A boot loader, or esptool's own stub, that answers."""

    CHIP_NAME: str
    _port: Port

    def change_baud(self, baud: int) -> None:
        """On both sides."""

    def flash_md5sum(self, address: int, nbytes: int) -> str:
        """Of what the flash holds, in hex."""


def _connect(job: FlashJob, settings: Settings) -> Loader:
    """A loader that talks, on the right chip with enough flash."""
    from esptool import cmds

    assert job.port is not None
    open_port(job.port, ROM_BAUD).close()  # says what is wrong better than esptool does
    esp: Loader = cmds.detect_chip(job.port, ROM_BAUD, connect_attempts=CONNECT_TRIES)
    try:
        _check_chip(esp, settings, job.board)
        if settings.loader == "stub":
            esp = cmds.run_stub(esp)
        if settings.baud != ROM_BAUD:
            esp.change_baud(settings.baud)
        cmds.attach_flash(esp)
        _check_flash(cmds.detect_flash_size(esp), settings, job.board)
    except BaseException:
        esp._port.close()
        raise
    return esp


def _check_chip(esp: Loader, settings: Settings, board: Board) -> None:
    found = esp.CHIP_NAME.lower().replace("-", "")
    if found != settings.chip:
        raise DeviceError(
            f"the chip is an {esp.CHIP_NAME}, {board.name} has an {settings.chip}",
            hint="choose the other board with --board, or another port with --port",
        )


def _check_flash(found: str | None, settings: Settings, board: Board) -> None:
    if found is None:
        raise DeviceError("the serial flash does not tell its size", hint=ENTER)
    unit = 1024 * 1024 if found.endswith("MB") else 1024
    if int(found[:-2]) * unit < settings.flash_bytes:
        raise DeviceError(
            f"the flash has {found}, {board.name} should have {settings.flash_size}",
            hint="is it another variant of the board? Copy the board file, change flash_size and "
            "[memory] there, and build with --board ./mine.toml",
        )


def _changed(esp: Loader, parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """The parts that the flash does not hold already."""
    return tuple(
        part
        for part in parts
        if esp.flash_md5sum(part.address, len(part.data)) != hashlib.md5(part.data).hexdigest()
    )


def _write(esp: Loader, parts: tuple[Part, ...]) -> None:
    from esptool import cmds

    cmds.write_flash(esp, [(part.address, part.data) for part in parts], flash_size="keep")


def _reset(esp: Loader) -> None:
    from esptool import cmds

    cmds.reset_chip(esp, "hard-reset")


def _summary(written: tuple[Part, ...], parts: tuple[Part, ...]) -> str:
    count = sum(len(part.data) for part in written)
    same = len(parts) - len(written)
    kept = f"; {same} part(s) were there already" if same else ""
    return f"{count:,} bytes written, verified by their hash{kept}; reset"


def _text(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


@contextmanager
def _quiet(progress: Progress) -> Iterator[None]:
    """esptool's own talk goes to the log, its progress to ours."""
    from esp_pylib.logger import EspLog, EspLogBase  # before esptool, which keeps what it finds

    class Listener(EspLogBase):
        def print(self, *args: object, **_: object) -> None:
            log.info("esptool: %s", " ".join(map(str, args)).strip())

        err = warn = note = hint = warning = error = print

        def debug(self, *args: object) -> None:
            log.debug("esptool: %s", args)

        def set_verbosity(self, mode: int | str) -> None:
            """The log decides."""

        def progress_bar(self, cur_iter: int, total_iters: int, *_: object, **__: object) -> None:
            progress("writing", cur_iter, total_iters)

    before = EspLog.instance
    EspLog.set_logger(Listener())
    try:
        yield
    finally:
        EspLog.instance = before
