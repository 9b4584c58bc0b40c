"""Flashers: command lines as data, and the choice among them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.support.running.images import blob, make_image
from tinyml.backends import flasher_of
from tinyml.backends.flashers.arduino import Bossac
from tinyml.backends.flashers.swd import TOOLS, Swd
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
    "STM32_Programmer_CLI": [
        ("STM32_Programmer_CLI", "-c", "port=SWD", "mode=UR", "-w", str(ELF), "-v", "-rst")
    ],
    "probe-rs": [
        ("probe-rs", "download", "--chip", "STM32L4R5ZITx", "--verify", str(ELF)),
        ("probe-rs", "reset", "--chip", "STM32L4R5ZITx"),
    ],
    "openocd": [
        (
            *("openocd", "-f", "interface/stlink.cfg", "-f", "target/stm32l4x.cfg"),
            *("-c", "program {b/firmware.elf} verify reset exit"),
        )
    ],
    "openocd-esp32": [
        (
            *("openocd-esp32", "-f", "interface/stlink.cfg", "-f", "target/stm32l4x.cfg"),
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
    programs = "STM32_Programmer_CLI, probe-rs, openocd, openocd-esp32, pyocd"
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


def test_the_last_build_is_meant_where_none_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """'2 builds are there' sent people back to type what they had just built."""
    monkeypatch.chdir(tmp_path)
    assert flash.last_build(None) is None
    make_build(Path("build/kws-nucleo_l4r5zi"), "nucleo_l4r5zi")
    assert flash.last_build(None) is None
    make_build(Path("build/vww-stm32f405"), "stm32f405")
    make_build(Path("build/kws-stm32f405"), "stm32f405")
    for age, name in enumerate(("vww-stm32f405", "kws-nucleo_l4r5zi", "kws-stm32f405")):
        os.utime(Path("build") / name / "image.json", (1000 - age, 1000 - age))
    assert flash.last_build(None) == (Path("build/vww-stm32f405"), 3)
    assert flash.last_build(load_board("stm32f405")) == (Path("build/vww-stm32f405"), 2)
    assert flash.last_build(load_board("nucleo_l4r5zi")) is None
