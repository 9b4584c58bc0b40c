"""Boards that are drives: UF2, and images that are copied."""

from __future__ import annotations

import struct
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.running.images import blob, make_image
from tinyml.backends.flashers import drives as drive_flashers
from tinyml.backends.flashers.drives import Copy, Uf2
from tinyml.backends.flashers.uf2 import uf2
from tinyml.base.errors import DeviceError
from tinyml.device import drives
from tinyml.measure import flash
from tinyml.target.boards import load_board
from tinyml.values.flash_job import FlashJob


def nothing(what: str, done: int, total: int) -> None:
    pass


def test_uf2_blocks() -> None:
    data = blob(600)
    file = uf2(0x1000_0000, data, 0xE48B_FF56)
    assert len(file) == 3 * 512
    for number in range(3):
        block = file[512 * number : 512 * (number + 1)]
        assert struct.unpack_from("<8I", block) == (
            *(0x0A32_4655, 0x9E5D_5157, 0x2000, 0x1000_0000 + 256 * number),
            *(256, number, 3, 0xE48B_FF56),
        )
        assert block[32 : 32 + 256] == data[256 * number :][:256].ljust(256, b"\xff")
        assert block[-4:] == struct.pack("<I", 0x0AB1_6F30)


def test_uf2_starts_at_a_block() -> None:
    file = uf2(0x1000_0110, b"ab", 1)
    assert struct.unpack_from("<I", file, 12) == (0x1000_0100,)
    assert file[32:52] == b"\xff" * 16 + b"ab" + b"\xff\xff"


def boot_drive(folder: Path, board_id: str = "RPI-RP2") -> Path:
    (folder / "INFO_UF2.TXT").write_text(f"UF2 Bootloader v3.0\nBoard-ID: {board_id}\n")
    return folder


def pico_job(folder: Path) -> FlashJob:
    image = make_image(folder / "build", {0x1000_0000: blob(5000)})
    return flash.prepare(image, load_board("rpi_pico"), port=str(folder)).job


def test_uf2_drive_takes_the_file_and_vanishes(tmp_path: Path) -> None:
    boot_drive(tmp_path)
    work = pico_job(tmp_path)

    def boot_rom() -> None:
        for _ in range(200):
            file = tmp_path / "firmware.uf2"
            if file.exists() and file.stat().st_size == 20 * 512:
                (tmp_path / "INFO_UF2.TXT").unlink()
                return
            time.sleep(0.01)

    thread = threading.Thread(target=boot_rom)
    thread.start()
    assert "took every block" in Uf2().write(work, nothing)
    thread.join()
    assert (tmp_path / "firmware.uf2").read_bytes() == uf2(0x1000_0000, blob(5000), 0xE48B_FF56)


def test_uf2_drive_that_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drive_flashers, "SETTLE_S", 0.1)
    boot_drive(tmp_path)
    with pytest.raises(DeviceError, match="has not taken the file"):
        Uf2().write(pico_job(tmp_path), nothing)


def test_uf2_drive_of_another_board(tmp_path: Path) -> None:
    boot_drive(tmp_path, "RP2350")
    with pytest.raises(DeviceError, match="belongs to 'RP2350', rpi_pico shows 'RPI-RP2'"):
        Uf2().write(pico_job(tmp_path), nothing)
    assert not (tmp_path / "firmware.uf2").exists()


def nucleo_job(folder: Path) -> FlashJob:
    image = make_image(folder / "build", {0x0800_0000: blob(70_000)})
    (folder / "drive").mkdir()
    return flash.prepare(image, load_board("nucleo_l4r5zi"), port=str(folder / "drive")).job


def test_copy(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    done = Copy().write(nucleo_job(tmp_path), lambda *step: seen.append(step))
    assert (tmp_path / "drive" / "firmware.bin").read_bytes() == blob(70_000)
    assert done.startswith(f"copied to {tmp_path}/drive/firmware.bin")
    assert seen == [("writing", n, 70_000) for n in (32_768, 65_536, 70_000)]


def test_copy_that_the_programmer_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = nucleo_job(tmp_path)
    complaint = tmp_path / "drive" / "FAIL.TXT"
    monkeypatch.setattr(drive_flashers, "_store", lambda *_: complaint.write_text("SWD ERROR\n"))
    with pytest.raises(DeviceError, match="refused the image: SWD ERROR"):
        Copy().write(work, nothing)


def test_full_drive(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    work = nucleo_job(tmp_path)
    (tmp_path / "drive" / "firmware.bin").symlink_to("/dev/full")
    with pytest.raises(DeviceError, match="broke off after 0 of 70,000 bytes"):
        Copy().write(work, nothing)


def test_hex_where_a_bin_would_go_to_the_wrong_place(tmp_path: Path) -> None:
    work = nucleo_job(tmp_path)
    work = replace(work, parts=(replace(work.parts[0], address=0x0801_0000),))
    assert Copy().steps(work)[0].startswith(f"cp {tmp_path}/build/firmware.hex ")


def test_drives_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    found = (("NODE_L4R5ZI", Path("/m/a")), ("NOD_H743ZI2", Path("/m/b")), ("usb", Path("/m/c")))
    monkeypatch.setattr(drives, "mounted", lambda: found)
    labels = ["NOD_*", "NODE_*"]
    assert drives.with_label(labels) == (Path("/m/a"), Path("/m/b"))
    with pytest.raises(DeviceError, match="2 drives look like x: /m/a, /m/b") as caught:
        drives.only(drives.with_label(labels), "x")
    assert "--port" in (caught.value.hint or "")


def test_a_serial_port_does_not_keep_a_drive_from_being_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = replace(nucleo_job(tmp_path), port="/dev/ttyACM0")  # from TINYML_PORT
    monkeypatch.setattr(drives, "mounted", lambda: ())
    assert "and /dev/ttyACM0 is not a folder" in (Copy().problem(work) or "")
    monkeypatch.setattr(drives, "mounted", lambda: (("NODE_L4R5ZI", tmp_path / "drive"),))
    assert Copy().problem(work) is None
    Copy().write(work, nothing)
    assert (tmp_path / "drive" / "firmware.bin").exists()
