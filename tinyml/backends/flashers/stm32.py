"""STM32 chips through the boot loader in their ROM, over a serial line (AN3155)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from tinyml.backends.flashers import check_region, options, span
from tinyml.base.errors import DeviceError, DoesNotFit
from tinyml.device.ports import open_port
from tinyml.device.stm32_uart import BLOCK_BYTES, Stm32BootLoader
from tinyml.target.board import Board
from tinyml.values.flash_job import FlashJob, Part, Progress

NAME = "stm32_uart"
PAGES_AT_ONCE = 16
BYTES_AT_ONCE = 131_072  # erased per command, so that the bar moves
MOST_PAGES = 65_536  # that an erase command can number, in 16 bits (AN3155)
ALIGN_BYTES = 32  # the widest flash word of the family (STM32H7)
RECOVER = (
    "the boot loader in ROM cannot be damaged: check the cable, leave BOOT0 high, press RESET, and "
    "run the same command again"
)


@dataclass(frozen=True, slots=True)
class Page:
    """The smallest piece of flash that can be erased."""

    number: int
    address: int
    nbytes: int


class Stm32Uart:
    """Erases the pages that the image needs, writes, reads back, starts the firmware."""

    name = NAME
    can_skip = False

    def ports(self, board: Board) -> tuple[str, ...]:
        """Those of the board."""
        return board.usb

    def check_options(self, board: Board) -> None:
        """Id and pages of the chip; without a table the chip has no such way."""
        if board.options.get("flasher", {}).get(NAME):
            _settings(board)
            _check_pages(board)

    def check(self, job: FlashJob) -> None:
        """The image lies in pages that the chip's file knows."""
        check_region(job)
        for part in job.parts:
            _pages_of(job.board, part)

    def problem(self, job: FlashJob) -> str | None:
        """Needs nothing but the port."""
        if not job.board.options.get("flasher", {}).get(NAME):
            return f"the file of {job.board.chip.name} has no table [flasher.{NAME}]"
        return None

    def erases(self, job: FlashJob) -> str:
        """The pages below the image."""
        return " and ".join(_spans(_pages_below(job)))

    def steps(self, job: FlashJob) -> tuple[str, ...]:
        """In words: there is no program behind it."""
        device_id, baud = _settings(job.board)
        return (
            f"connect to the STM32 boot loader on {job.port or 'PORT'} at {baud} baud (BOOT0 high)",
            f"check that the device id is 0x{device_id:03X}",
            f"erase {self.erases(job)}",
            *(f"write {part.file.name} at 0x{part.address:08X}, read back" for part in job.parts),
            f"start the firmware at 0x{job.parts[0].address:08X}",
        )

    def write(self, job: FlashJob, progress: Progress) -> str:
        """Raises DeviceError that says in which state the board is left."""
        assert job.port is not None
        device_id, baud = _settings(job.board)
        port = open_port(job.port, baud, parity="E")
        state = "nothing was changed on the board"
        try:
            client = Stm32BootLoader(port, job.port)
            client.connect()
            _check_chip(client.device_id(), device_id, job.board)
            state = (
                f"the board has no working firmware now: {self.erases(job)} may be erased or half "
                "written"
            )
            _erase(client, _pages_below(job), progress)
            for part in job.parts:
                _write(client, part, progress)
            for part in job.parts:
                _verify(client, part, progress)
            state = "the firmware is written and verified, but was not started"
            client.go(job.parts[0].address)
        except DeviceError as error:
            hint = f"{error.hint}. " if error.hint else ""
            raise DeviceError(f"{error.message}\n{state}", hint=hint + RECOVER) from error
        finally:
            with suppress(OSError):
                port.close()
        count = sum(len(part.data) for part in job.parts)
        return f"{count:,} bytes written and read back; started. Set BOOT0 low again"


def _settings(board: Board) -> tuple[int, int]:
    table = options(board, NAME)
    values = table.integer("device_id"), table.integer("baud", 115_200, minimum=1200)
    for key in ("flash_base", "pages"):
        table.has(key)
    table.close()
    return values


def _check_chip(found: int, wanted: int, board: Board) -> None:
    if found != wanted:
        raise DeviceError(
            f"the chip has the device id 0x{found:03X}, {board.chip.name} has 0x{wanted:03X}",
            hint=f"is this {board.name}? 'tinyml ports' shows what is connected",
        )


def _all_pages(board: Board) -> Iterator[Page]:
    table = options(board, NAME)
    address, number = table.integer("flash_base"), 0
    for count, nbytes in table.pairs("pages"):
        for _ in range(count):
            yield Page(number, address, nbytes)
            address, number = address + nbytes, number + 1


def _check_pages(board: Board) -> None:
    table = options(board, NAME)
    table.integer("flash_base")
    pages = table.pairs("pages")
    counts = [count for count, _ in pages]
    if min((*counts, *(nbytes for _, nbytes in pages)), default=0) < 1 or sum(counts) > MOST_PAGES:
        raise table.error(
            f"'flasher.{NAME}.pages' must hold [how many, bytes each], up to {MOST_PAGES:,} pages, "
            f"found {[list(pair) for pair in pages]}"
        )


def _pages_of(board: Board, part: Part) -> tuple[Page, ...]:
    end = part.address + len(part.data)
    _check_pages(board)
    pages = tuple(_all_pages(board))
    known = pages[-1].address + pages[-1].nbytes
    if end > known:
        raise DoesNotFit(
            f"the image ends at 0x{end:08X}, the pages that are known of {board.chip.name} at "
            f"0x{known:08X}",
            hint="use another way to flash: --flasher swd or copy",
        )
    return tuple(
        page for page in pages if page.address < end and page.address + page.nbytes > part.address
    )


def _pages_below(job: FlashJob) -> tuple[Page, ...]:
    """The pages of all parts, each once: two parts may share one."""
    pages = {page for part in job.parts for page in _pages_of(job.board, part)}
    return tuple(sorted(pages, key=lambda page: page.number))


def _spans(pages: tuple[Page, ...]) -> list[str]:
    """Runs of neighbouring pages, for people."""
    runs: list[list[Page]] = []
    for page in pages:
        if runs and runs[-1][-1].number + 1 == page.number:
            runs[-1].append(page)
        else:
            runs.append([page])
    return [
        f"{span(run[0].address, run[-1].address + run[-1].nbytes)} ({len(run)} pages)"
        for run in runs
    ]


def _erase(client: Stm32BootLoader, pages: tuple[Page, ...], progress: Progress) -> None:
    total = sum(page.nbytes for page in pages)
    done, group = 0, list[Page]()
    progress("erasing", 0, total)
    for page in pages:
        group.append(page)
        size = sum(item.nbytes for item in group)
        if page is pages[-1] or len(group) == PAGES_AT_ONCE or size >= BYTES_AT_ONCE:
            client.erase([item.number for item in group], size)
            done += size
            progress("erasing", done, total)
            group.clear()


def _blocks(part: Part) -> Iterator[tuple[int, bytes]]:
    """(address, bytes) of at most 256 bytes, filled up with what erased flash holds."""
    for offset in range(0, len(part.data), BLOCK_BYTES):
        block = part.data[offset : offset + BLOCK_BYTES]
        yield part.address + offset, block + b"\xff" * (-len(block) % ALIGN_BYTES)


def _write(client: Stm32BootLoader, part: Part, progress: Progress) -> None:
    for address, block in _blocks(part):
        if block.strip(b"\xff"):  # erased flash holds it already
            client.write(address, block)
        progress(
            "writing", min(address - part.address + BLOCK_BYTES, len(part.data)), len(part.data)
        )


def _verify(client: Stm32BootLoader, part: Part, progress: Progress) -> None:
    for address, block in _blocks(part):
        found = client.read(address, len(block))
        if found != block:
            at = next(
                i for i, pair in enumerate(zip(found, block, strict=True)) if len({*pair}) > 1
            )
            raise DeviceError(
                f"the flash differs at 0x{address + at:08X}: 0x{found[at]:02X} is there, "
                f"0x{block[at]:02X} was written",
                hint="a write-protected page keeps its old content: remove the protection with "
                "STM32CubeProgrammer (option bytes)",
            )
        progress(
            "verifying", min(address - part.address + BLOCK_BYTES, len(part.data)), len(part.data)
        )
