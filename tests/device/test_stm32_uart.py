"""The STM32 boot loader client against a stand-in of AN3155 on a pseudo-terminal."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.running.images import blob, make_image
from tests.support.running.ptys import serving
from tests.support.running.stm32_rom import Stm32Rom
from tinyml.base.errors import DeviceError, DoesNotFit
from tinyml.device import stm32_uart
from tinyml.measure import flash
from tinyml.target.boards import load_board

BASE = 0x0800_0000
PAGES = [4096] * 16
BOARD = load_board("nucleo_l4r5zi")
DATA = blob(9001)  # three pages, an odd end


@pytest.fixture
def rom(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stm32Rom]:
    monkeypatch.setattr(stm32_uart, "ANSWER_S", 0.4)
    device = Stm32Rom(PAGES)
    with serving(device):
        yield device


def write(
    rom: Stm32Rom, folder: Path, data: bytes = DATA
) -> tuple[str, list[tuple[str, int, int]]]:
    seen: list[tuple[str, int, int]] = []
    image = make_image(folder, {BASE: data})
    ready = flash.prepare(image, BOARD, port=rom.wire.path, flasher="stm32_uart")
    return flash.flash(ready, lambda *step: seen.append(step)), seen


def test_every_byte_arrives_and_nothing_else_is_touched(rom: Stm32Rom, tmp_path: Path) -> None:
    done, seen = write(rom, tmp_path)
    assert rom.flash[: len(DATA)] == DATA
    assert rom.flash[len(DATA) : 3 * 4096].strip(b"\xff") == b""
    assert rom.flash[3 * 4096 :] == b"\x5a" * (13 * 4096)  # the page behind is left alone
    assert rom.erased == [0, 1, 2]
    assert rom.started_at == BASE
    assert "9,001 bytes written and read back" in done
    assert [step for step in seen if step[1] == step[2]] == [
        ("erasing", 12288, 12288),
        ("writing", 9001, 9001),
        ("verifying", 9001, 9001),
    ]


def test_an_old_boot_loader_has_another_erase(rom: Stm32Rom, tmp_path: Path) -> None:
    rom.has_old_erase = True
    write(rom, tmp_path)
    assert rom.flash[: len(DATA)] == DATA


@pytest.mark.parametrize("nacks", [1, 2, 3])
def test_refused_steps_are_tried_again(rom: Stm32Rom, tmp_path: Path, nacks: int) -> None:
    rom.nacks = nacks
    write(rom, tmp_path)
    assert rom.flash[: len(DATA)] == DATA


def test_a_boot_loader_in_the_middle_of_something_is_brought_back(
    rom: Stm32Rom, tmp_path: Path
) -> None:
    write(rom, tmp_path)
    write(rom, tmp_path / "again", DATA[::-1])  # it is synchronised already
    assert rom.flash[: len(DATA)] == DATA[::-1]


def test_two_parts_may_share_a_page(rom: Stm32Rom, tmp_path: Path) -> None:
    parts = {BASE: DATA, BASE + 9216: DATA[:100], BASE + 0x8000: DATA[:8]}
    image = make_image(tmp_path, parts)
    ready = flash.prepare(image, BOARD, port=rom.wire.path, flasher="stm32_uart")
    assert ready.erases == (
        "0x08000000 to 0x08002FFF (3 pages) and 0x08008000 to 0x08008FFF (1 pages)"
    )
    flash.flash(ready, lambda *_: None)
    for address, data in parts.items():
        at = address - BASE
        assert rom.flash[at : at + len(data)] == data
    assert rom.erased == [0, 1, 2, 8]


def fails(rom: Stm32Rom, folder: Path) -> DeviceError:
    with pytest.raises(DeviceError) as caught:
        write(rom, folder)
    assert caught.value.hint
    assert "run the same command again" in caught.value.hint
    return caught.value


def test_wrong_chip_is_not_touched(rom: Stm32Rom, tmp_path: Path) -> None:
    rom.device_id = 0x413
    error = fails(rom, tmp_path)
    assert "device id 0x413, stm32l4r5 has 0x470" in error.message
    assert "nothing was changed on the board" in error.message
    assert rom.flash == b"\x5a" * sum(PAGES)


def test_write_protection_is_noticed(rom: Stm32Rom, tmp_path: Path) -> None:
    rom.protected = {1}
    error = fails(rom, tmp_path)
    assert re.search("differs at 0x0800100[0-3]: 0x5A is there", error.message)
    assert "no working firmware" in error.message
    assert "option bytes" in (error.hint or "")


def test_read_protection_is_named(rom: Stm32Rom, tmp_path: Path) -> None:
    rom.is_read_protected = True
    error = fails(rom, tmp_path)
    assert "refused to write memory (is the chip read-protected?)" in error.message


def test_endless_refusal_ends(rom: Stm32Rom, tmp_path: Path) -> None:
    rom.nacks = 1000
    error = fails(rom, tmp_path)
    assert "refused to list its commands" in error.message
    assert "nothing was changed" in error.message


@pytest.mark.parametrize(
    ("after", "state"),
    [
        (3, "nothing was changed on the board"),
        (8, "no working firmware now: 0x08000000 to 0x08002FFF"),
        (400, "no working firmware now: 0x08000000 to 0x08002FFF"),
        (9400, "no working firmware now: 0x08000000 to 0x08002FFF"),
    ],
)
def test_line_that_dies(rom: Stm32Rom, tmp_path: Path, after: int, state: str) -> None:
    rom.wire.dies_after = after
    error = fails(rom, tmp_path)
    assert "stopped answering" in error.message
    assert state in error.message
    assert rom.started_at is None


def test_cable_that_is_pulled_out(rom: Stm32Rom, tmp_path: Path) -> None:
    image = make_image(tmp_path, {BASE: DATA})
    ready = flash.prepare(image, BOARD, port=rom.wire.path, flasher="stm32_uart")

    pulled: list[int] = []

    def pull(what: str, done: int, total: int) -> None:
        if what == "writing" and done > 4000 and not pulled:
            pulled.append(done)
            rom.wire.hang_up()

    with pytest.raises(DeviceError, match="may be erased or half written") as caught:
        flash.flash(ready, pull)
    assert "boot loader in ROM cannot be damaged" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda rom: setattr(rom.wire, "is_silent", True), "no STM32 boot loader answers"),
        (lambda rom: setattr(rom, "noise", b"m-ready\r\n"), "something else .* b'm-ready"),
    ],
)
def test_nobody_there(
    rom: Stm32Rom, tmp_path: Path, spoil: Callable[[Stm32Rom], None], message: str
) -> None:
    spoil(rom)
    error = fails(rom, tmp_path)
    assert re.search(message, error.message)
    assert "set BOOT0 high" in (error.hint or "")


def test_no_such_port(tmp_path: Path) -> None:
    image = make_image(tmp_path, {BASE: DATA})
    ready = flash.prepare(image, BOARD, port=str(tmp_path / "tty"), flasher="stm32_uart")
    with pytest.raises(DeviceError, match="there is no serial port") as caught:
        flash.flash(ready, lambda *_: None)
    assert "tinyml ports" in (caught.value.hint or "")


def test_image_for_another_board(tmp_path: Path) -> None:
    image = make_image(tmp_path, {0x1000_0000: DATA})
    with pytest.raises(DoesNotFit, match="0x10000000 to 0x10002328, 'flash' of nucleo_l4r5zi is"):
        flash.prepare(image, BOARD, port="x", flasher="stm32_uart")


def test_steps_of_a_dry_run(tmp_path: Path) -> None:
    board = load_board("nucleo_f446re")
    image = make_image(tmp_path, {BASE: blob(70_000)})
    ready = flash.prepare(image, board, port="/dev/ttyUSB0", flasher="stm32_uart")
    assert ready.steps == (
        "connect to the STM32 boot loader on /dev/ttyUSB0 at 115200 baud (BOOT0 high)",
        "check that the device id is 0x421",
        "erase 0x08000000 to 0x0801FFFF (5 pages)",
        "write firmware.bin at 0x08000000, read back",
        "start the firmware at 0x08000000",
    )


def test_an_interrupt_says_what_it_leaves_behind(rom: Stm32Rom, tmp_path: Path) -> None:
    def interrupt(what: str, done: int, total: int) -> None:
        if what == "writing":
            raise KeyboardInterrupt

    image = make_image(tmp_path, {BASE: DATA})
    ready = flash.prepare(image, BOARD, port=rom.wire.path, flasher="stm32_uart")
    with pytest.raises(KeyboardInterrupt, match="no working firmware now, since 0x08000000 to"):
        flash.flash(ready, interrupt)
