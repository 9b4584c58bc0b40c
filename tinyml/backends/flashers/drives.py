"""Boards that show up as a drive: the .bin or .hex onto an ST-LINK's, UF2 onto a boot ROM's."""

from __future__ import annotations

import os
import time
from pathlib import Path

from tinyml.backends.flashers import check_region, hex_beside, options, single_part
from tinyml.backends.flashers.uf2 import uf2
from tinyml.base.errors import DeviceError
from tinyml.device import drives
from tinyml.target.board import Board
from tinyml.values.flash_job import FlashJob, Progress

CHUNK_BYTES = 32_768
SETTLE_S = 10.0  # for the board to take the file, and for its drive to vanish or come back
BOOTSEL = "hold BOOTSEL while plugging the board in: it then shows up as a drive"


class Copy:
    """Copies the image into a folder: the drive of an ST-LINK, or any other."""

    name = "copy"
    can_skip = False

    def ports(self, board: Board) -> None:
        """It writes to a folder."""

    def check_options(self, board: Board) -> None:
        """Names of drives."""
        _labels(board)

    def check(self, job: FlashJob) -> None:
        """One part, in the flash of the board."""
        single_part(job, self.name)
        check_region(job)

    def problem(self, job: FlashJob) -> str | None:
        """No drive of the board."""
        if _given_folder(job) or drives.with_label(_labels(job.board)):
            return None
        return f"no drive called {' or '.join(_labels(job.board))} is mounted{_not_a_folder(job)}"

    def erases(self, job: FlashJob) -> str:
        """The programmer behind the drive decides."""
        return "the firmware that is there"

    def steps(self, job: FlashJob) -> tuple[str, ...]:
        """As one would type it."""
        return (f"cp {_file(job)} {_given_folder(job) or 'DRIVE'}/",)

    def write(self, job: FlashJob, progress: Progress) -> str:
        """Copies, then asks the ST-LINK whether it liked it."""
        folder = _folder(job, drives.with_label(_labels(job.board)))
        source = _file(job)
        target = folder / source.name
        complaint = folder / "FAIL.TXT"
        before = _text(complaint)
        _store(target, source.read_bytes(), progress)
        if (text := _text(complaint)) and text != before:
            raise DeviceError(
                f"the programmer on the board refused the image: {text.strip()}",
                hint="plug the board out and in and try again; or use --flasher swd",
            )
        return f"copied to {target}; this way, nobody reads back what was written"


class Uf2:
    """Writes a UF2 file onto the drive of a boot ROM."""

    name = "uf2"
    can_skip = False

    def ports(self, board: Board) -> None:
        """It writes to a folder."""

    def check_options(self, board: Board) -> None:
        """The family, and what the drive calls the board."""
        _uf2_settings(board)

    def check(self, job: FlashJob) -> None:
        """The image lies in flash, and the family is known."""
        check_region(job)
        self.check_options(job.board)

    def problem(self, job: FlashJob) -> str | None:
        """No drive of the boot ROM."""
        board_id = _uf2_settings(job.board)[1]
        if _given_folder(job) or drives.with_board_id(board_id):
            return None
        return f"no drive of {board_id} is mounted{_not_a_folder(job)}: {BOOTSEL}"

    def erases(self, job: FlashJob) -> str:
        """Sectors below the image."""
        return "the flash below the image, in sectors of 4,096 bytes"

    def steps(self, job: FlashJob) -> tuple[str, ...]:
        """In words."""
        family, board_id = _uf2_settings(job.board)
        source = job.parts[0].file.with_suffix(".uf2").name
        where = _given_folder(job) or f"the drive of {board_id}"
        return (f"write {source} (family 0x{family:08X}) to {where}",)

    def write(self, job: FlashJob, progress: Progress) -> str:
        """Writes the file; the board restarts by itself when it has all blocks."""
        family, board_id = _uf2_settings(job.board)
        folder = _folder(job, drives.with_board_id(board_id))
        found = drives.uf2_board_id(folder)
        if found not in (None, board_id):
            raise DeviceError(
                f"the drive {folder} belongs to '{found}', {job.board.name} shows '{board_id}'",
                hint="is it the right board? Nothing was written",
            )
        source = job.parts[0].file.with_suffix(".uf2").name
        data = b"".join(uf2(part.address, part.data, family) for part in job.parts)
        _store(folder / source, data, progress)
        if found is None:
            return f"wrote {folder / source}"
        end = time.monotonic() + SETTLE_S
        while drives.uf2_board_id(folder) is not None:
            if time.monotonic() > end:
                raise DeviceError(
                    f"the drive {folder} is still there: the boot ROM has not taken the file",
                    hint="the board may be without a firmware; unplug it, hold BOOTSEL while "
                    "plugging it in, and run the same command again",
                )
            time.sleep(0.05)
        return "the boot ROM took every block and started the firmware"


def _labels(board: Board) -> tuple[str, ...]:
    table = options(board, "copy")
    labels = table.strings("drives", ())
    table.integer("start", 0)
    table.close()
    return labels


def _file(job: FlashJob) -> Path:
    """The .bin where the drive's programmer puts it to the right place, else the .hex."""
    part = job.parts[0]
    start = options(job.board, "copy").integer("start", part.address)
    return part.file if part.address == start else hex_beside(part.file)


def _uf2_settings(board: Board) -> tuple[int, str]:
    table = options(board, "uf2")
    values = table.integer("family"), table.text("board_id")
    table.close()
    return values


def _given_folder(job: FlashJob) -> Path | None:
    """The folder given as --port; a serial port (from TINYML_PORT, say) does not matter here."""
    return Path(job.port) if job.port is not None and Path(job.port).is_dir() else None


def _not_a_folder(job: FlashJob) -> str:
    return "" if job.port is None else f", and {job.port} is not a folder"


def _folder(job: FlashJob, found: tuple[Path, ...]) -> Path:
    return _given_folder(job) or drives.only(found, job.board.name)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _store(target: Path, data: bytes, progress: Progress) -> None:
    """Writes piece by piece, straight to the device. A rename would confuse a board's drive."""
    done = 0
    try:
        with target.open("wb", buffering=0) as file:
            while done < len(data):
                done += file.write(data[done : done + CHUNK_BYTES])
                progress("writing", done, len(data))
                _sync(file.fileno(), is_last=done == len(data))
    except OSError as error:
        if done < len(data):
            raise DeviceError(
                f"{target} broke off after {done:,} of {len(data):,} bytes: {error.strerror}",
                hint="the board may be without a firmware; plug it in again and repeat",
            ) from error


def _sync(handle: int, *, is_last: bool) -> None:
    try:
        os.fsync(handle)
    except OSError:
        if not is_last:  # after the last block the board takes its drive away
            raise
