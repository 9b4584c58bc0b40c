"""Flashers: command lines as data, drives, UF2, and the choice among them."""

from __future__ import annotations

import json
import struct
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.support.running.images import blob, make_image
from tinyml.backends import flasher_of
from tinyml.backends.flashers import drives as drive_flashers
from tinyml.backends.flashers.arduino import Bossac
from tinyml.backends.flashers.drives import Copy, Uf2
from tinyml.backends.flashers.swd import TOOLS, Swd
from tinyml.backends.flashers.uf2 import uf2
from tinyml.base.errors import BoardError, BuildError, DeviceError, DoesNotFit
from tinyml.base.registry import names_of
from tinyml.cli import cli
from tinyml.device import drives, ports
from tinyml.measure import flash
from tinyml.target.board import Board
from tinyml.target.boards import all_boards, load_board
from tinyml.values.flash_job import FlashJob, Part
from tinyml.values.image import Image

ELF, BIN = Path("b/firmware.elf"), Path("b/firmware.bin")


def job(board: str, address: int, port: str | None = None) -> FlashJob:
    image = image_without_files()
    return FlashJob(image, load_board(board), (Part(address, bytes(1000), BIN),), port)


def image_without_files() -> Image:
    return Image(elf=ELF, segments=(), sections=(), flash_bytes=0, ram_bytes=0)


def nothing(what: str, done: int, total: int) -> None:
    pass


STM32 = job("nucleo_l4r5zi", 0x0800_0000)

SWD = {
    "stm32_programmer": [
        ("STM32_Programmer_CLI", "-c", "port=SWD", "mode=UR", "-w", str(ELF), "-v", "-rst")
    ],
    "probe_rs": [
        ("probe-rs", "download", "--chip", "STM32L4R5ZITx", "--verify", str(ELF)),
        ("probe-rs", "reset", "--chip", "STM32L4R5ZITx"),
    ],
    "openocd": [
        (
            *("openocd", "-f", "interface/stlink.cfg", "-f", "target/stm32l4x.cfg"),
            *("-c", "program {b/firmware.elf} verify reset exit"),
        )
    ],
    "pyocd": [("pyocd", "flash", "--no-wait", "--target", "stm32l4r5zitx", str(ELF))],
}


@pytest.mark.parametrize("tool", TOOLS)
def test_debug_probes(tool: str) -> None:
    assert [item.argv for item in Swd(frozenset({tool})).commands(STM32)] == SWD[tool]


def test_the_best_probe_program_that_is_there() -> None:
    commands = Swd(frozenset({"pyocd", "openocd"})).commands(STM32)
    assert [item.argv for item in commands] == SWD["openocd"]


def test_a_pico_has_another_probe() -> None:
    argv = Swd(frozenset({"openocd"})).commands(job("rpi_pico", 0x1000_0000))[0].argv
    assert argv[1:5] == ("-f", "interface/cmsis-dap.cfg", "-f", "target/rp2040.cfg")


def test_no_probe_program() -> None:
    programs = "STM32_Programmer_CLI, probe-rs, openocd, pyocd"
    assert Swd(frozenset()).problem(STM32) == f"none of {programs} is on PATH"


def test_bossac() -> None:
    work = job("arduino_nano33ble", 0x10000, "/dev/ttyACM0")
    assert [item.argv for item in Bossac().commands(work)] == [
        ("bossac", "--port=ttyACM0", "-U", "-i", "-e", "-w", str(BIN), "-R")
    ]


def test_bossac_without_a_board(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "list_ports", lambda boards: ())
    monkeypatch.setattr("tinyml.backends.flashers.arduino.SETTLE_S", 0.0)
    with pytest.raises(
        DeviceError, match=r"no boot loader of arduino_nano33ble \(2341:005a\)"
    ) as e:
        Bossac().write(job("arduino_nano33ble", 0x10000), nothing)
    assert "press RESET twice" in (e.value.hint or "")


@pytest.mark.parametrize("board", all_boards(), ids=lambda board: board.name)
def test_every_flasher_of_every_board_can_be_asked(board: Board) -> None:
    region = board.region(board.flash.region)
    address = 0 if "esptool" in board.flashers else region.base
    work = FlashJob(image_without_files(), board, (Part(address, bytes(64), BIN),), "PORT")
    for name in board.flashers:
        flasher = Swd(frozenset(TOOLS)) if name == "swd" else flasher_of(name)
        assert flasher.name == name
        flasher.check(work)
        assert flasher.steps(work)
        assert flasher.erases(work)


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


def test_preferences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = make_image(tmp_path, {0x0800_0000: blob(10)})
    board = load_board("nucleo_l4r5zi")
    monkeypatch.setattr(drives, "mounted", lambda: ())
    monkeypatch.setattr("shutil.which", lambda program: None)
    monkeypatch.setattr(ports, "list_ports", lambda boards: ())
    with pytest.raises(DeviceError, match="no serial port") as caught:
        flash.prepare(image, board)
    assert "copy: no drive called NOD_* or NODE_* is mounted" in caught.value.message
    assert "swd: none of" in caught.value.message
    with pytest.raises(DeviceError, match="nucleo_l4r5zi cannot be flashed from here") as caught:
        flash.prepare(image, board, flasher="swd")
    with pytest.raises(BoardError, match="no flasher is called 'swdd'") as caught2:
        flash.prepare(image, board, flasher="swdd")
    assert "swd" in (caught2.value.hint or "")
    with pytest.raises(DeviceError, match="always writes everything"):
        flash.prepare(image, board, flasher="stm32_uart", port="x", only_changed=True)


def test_image_of_another_board_is_refused(tmp_path: Path) -> None:
    image = make_image(tmp_path, {0x0800_0000: blob(10)})
    with pytest.raises(DoesNotFit, match="'flash' of rpi_pico is 0x10000000 to 0x101FFFFF"):
        flash.prepare(image, load_board("rpi_pico"), port=str(tmp_path))


def test_parts_of_an_image_must_be_there(tmp_path: Path) -> None:
    image = make_image(tmp_path, {0x0800_0000: blob(10)})
    (tmp_path / "firmware.bin").unlink()
    with pytest.raises(BuildError, match="No such file") as caught:
        flash.prepare(image, load_board("nucleo_l4r5zi"), port="x")
    assert caught.value.hint == "build again"


def make_build(folder: Path, board: str) -> None:
    make_image(folder, {0x0800_0000: blob(10)})
    (folder / "report.json").write_text(f'{{"board": {{"name": "{board}"}}}}')


def test_find_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BuildError, match=r"no build in build/\*-\*") as caught:
        flash.find_build(None, None)
    assert "tinyml build" in (caught.value.hint or "")
    make_build(Path("build/kws-nucleo_l4r5zi"), "nucleo_l4r5zi")
    assert flash.find_build(None, None)[1].name == "nucleo_l4r5zi"
    make_build(Path("build/vww-nucleo_l4r5zi"), "nucleo_l4r5zi")
    make_build(Path("build/vww-stm32f405"), "stm32f405")
    assert flash.find_build(None, load_board("stm32f405"))[1].name == "stm32f405"
    image, _ = flash.find_build(Path("models/kws.tflite"), None)
    assert image.elf == Path("build/kws-nucleo_l4r5zi/firmware.elf")
    with pytest.raises(BuildError, match="2 builds are there: build/kws-nucleo_l4r5zi, build/vww-"):
        flash.find_build(None, load_board("nucleo_l4r5zi"))
    with pytest.raises(BoardError, match="was built for stm32f405, not for rpi_pico"):
        flash.find_build(Path("build/vww-stm32f405"), load_board("rpi_pico"))
    Path("build/ad-esp32s3/project").mkdir(parents=True)
    with pytest.raises(BuildError, match="the project in build/ad-esp32s3/project has not been"):
        flash.find_build(Path("build/ad-esp32s3"), None)
    make_build(Path("build/ad-stm32f405-cmake"), "stm32f405")
    assert flash.find_build(Path("ad.tflite"), load_board("stm32f405"))[1].name == "stm32f405"


@pytest.mark.parametrize(
    ("flasher", "step", "reason"),
    [
        ("copy", "cp {}/firmware.bin DRIVE/", "copy: no drive called"),
        ("swd", "STM32_Programmer_CLI -c port=SWD mode=UR -w {}/firmware.elf -v -rst", "swd: none"),
        ("stm32_uart", "start the firmware at 0x08000000", "stm32_uart: this computer has no"),
    ],
)
def test_a_dry_run_needs_neither_programs_nor_the_board(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flasher: str, step: str, reason: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setattr(ports, "list_ports", lambda boards: ())
    image = make_image(tmp_path, {0x0800_0000: bytes(64)})
    job = flash.job_of(image, load_board("nucleo_l4r5zi"), None)
    planned = flash.outline(job, flasher)
    assert planned.steps[-1] == step.format(tmp_path)
    assert planned.passed_over[-1].startswith(reason)
    with pytest.raises(DeviceError):
        flash.prepare(image, job.board, flasher=flasher)


def test_a_dry_run_of_an_image_without_a_report(tmp_path: Path) -> None:
    make_image(tmp_path, {0x0800_0000: blob(10)})
    line = ["flash", str(tmp_path), "--board", "nucleo_l4r5zi", "--flasher", "swd", "--dry-run"]
    dry = CliRunner().invoke(cli, line)
    assert f"would write the image in {tmp_path}\n" in dry.stderr


BOARDS = Path(__file__).parents[2] / "boards"
WRONG_OPTIONS = [  # board, key in its or its chip's file, what stands there instead, message
    ("esp32s3", 'flash_size = "8MB"', 'flash_size = "8M"', 'must be like "8MB"'),
    ("esp32s3", 'flash_size = "8MB"', "flash_size = 8", "flash_size' must be a string"),
    ("esp32s3", 'flash_size = "8MB"', "", "flasher.esptool.flash_size' is missing"),
    ("esp32s3", 'flash_size = "8MB"', 'flash_size = "8MB"\nbuad = 9600', "did you mean 'baud'?"),
    ("nucleo_l4r5zi", "[flasher.copy]", "[flasher.copi]", "there is no flasher 'copi'"),
    ("nucleo_l4r5zi", "[flasher.copy]", "[flasher.copy]\nstrat = 1", "did you mean 'start'?"),
    ("nucleo_l4r5zi", "[flasher.copy]", "[flasher.swd]\nopenocd = 5\n[flasher.copy]", "openocd"),
    (
        "nucleo_l4r5zi",
        "[flasher.copy]",
        "[flasher.stm32_uart]\npages = [[4_000_000_000, 1]]\n[flasher.copy]",
        "up to 65,536 pages",
    ),
    (
        "nucleo_l4r5zi",
        "[flasher.copy]",
        "[flasher.stm32_uart]\npages = []\n[flasher.copy]",
        "must hold [how many, bytes each]",
    ),
    ("nucleo_l4r5zi", "[flasher.copy]", "[flasher.dfu]\n[flasher.copy]", "flasher.dfu.usb"),
    ("stm32f405", "[flasher.dfu]", "[flasher.dfu]\ntouch = [1]", "must hold strings only"),
]


@pytest.mark.parametrize(("name", "old", "new", "message"), WRONG_OPTIONS)
def test_a_flashers_options_are_checked_with_the_board(
    tmp_path: Path, name: str, old: str, new: str, message: str
) -> None:
    """A wrong key of a board file waited until somebody had built for minutes and flashed."""
    text = (BOARDS / f"{name}.toml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BoardError) as caught:
        load_board(path)
    assert message in str(caught.value)
    assert caught.value.where == str(path)


@pytest.mark.parametrize(
    ("flasher", "message"),
    [("dfuu", "there is no flasher 'dfuu': did you mean 'dfu'?"), ("esptool", "esptool.chip")],
)
def test_run_asks_for_the_flasher_before_it_builds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flasher: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    model = BOARDS.parent / "examples" / "digits" / "digits.tflite"
    line = ["run", str(model), "--board", "nucleo_l4r5zi", "--flasher", flasher, "--yes"]
    done = CliRunner().invoke(cli, line)
    assert done.exit_code != 0
    assert message in str(done.exception) + done.output
    assert not (tmp_path / "build").exists()


def test_all_flashers_load() -> None:
    assert set(names_of("flashers")) >= {"bossac", "copy", "dfu", "esptool", "stm32_uart", "swd"}
    for name in names_of("flashers"):
        assert flasher_of(name).name == name


def test_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_build(Path("build/kws-nucleo_l4r5zi"), "nucleo_l4r5zi")
    told = {
        **{"board": {"name": "nucleo_l4r5zi"}, "model": {"file": "kws.tflite"}},
        **{"optimize": "ram", "fingerprint": "0f1e2d3c4b5a"},
    }
    Path("build/kws-nucleo_l4r5zi/report.json").write_text(json.dumps(told))
    (tmp_path / "drive").mkdir()
    line = ["flash", "--port", "drive"]
    dry = CliRunner().invoke(cli, [*line, "--dry-run"])
    assert dry.stdout == "cp build/kws-nucleo_l4r5zi/firmware.bin drive/\n"
    assert dry.stderr == (
        "would write kws.tflite on nucleo_l4r5zi, optimized for ram, build 0f1e2d3c4b5a "
        "(build/kws-nucleo_l4r5zi)\n"
    )
    refused = CliRunner().invoke(cli, line, input="n\n")
    assert refused.exit_code == 1
    assert "kws.tflite on nucleo_l4r5zi, optimized for ram, build 0f1e2d3c4b5a" in refused.output
    assert "copy will erase the firmware that is there on nucleo_l4r5zi" in refused.output
    assert not list((tmp_path / "drive").iterdir())
    done = CliRunner().invoke(cli, [*line, "--yes"])
    assert done.exit_code == 0
    assert "nucleo_l4r5zi: copied to drive/firmware.bin" in done.output
    assert (tmp_path / "drive" / "firmware.bin").read_bytes() == blob(10)
