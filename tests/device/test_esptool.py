"""Real esptool, run by our flasher, against a stand-in of the ROM loader on a pseudo-terminal."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.support.running.esp_rom import EspRom
from tests.support.running.images import blob, esp_image, esp_partitions, make_image
from tests.support.running.ptys import serving
from tests.support.values.plans import planned_on, sine_plan
from tinyml.base.errors import BoardError, BuildError, DeviceError, DoesNotFit
from tinyml.cli import cli
from tinyml.measure import flash
from tinyml.project.saved import save_planned
from tinyml.target.board import Board
from tinyml.target.boards import load_board

CHIPS = {"esp32s3": (9, "8MB", 0x6000_7044), "esp32c3": (5, "4MB", 0x6000_8844)}
MODEL_AT = 0x11_0000
TABLE = esp_partitions(
    ("nvs", 1, 0x9000, 0x6000), ("app", 0, 0x10000, 0x100000), ("model", 1, MODEL_AT, 0x10000)
)


def board_with(name: str, **options: Any) -> Board:
    board = load_board(name)
    table = {**board.options["flasher"]["esptool"], **options}
    return replace(board, options={"flasher": {"esptool": table}})


def parts_for(chip_id: int) -> dict[int, bytes]:
    """Boot loader, partition table, application, model."""
    return {
        0x0: esp_image(chip_id, 20_001),
        0x8000: TABLE,
        0x10000: esp_image(chip_id, 60_000, 3),
        MODEL_AT: bytes(5000) + blob(5000, 4),
    }


@pytest.fixture(params=CHIPS)
def rom(request: pytest.FixtureRequest) -> Iterator[EspRom]:
    yield from serve(request.param)


@pytest.fixture
def s3() -> Iterator[EspRom]:
    yield from serve("esp32s3")


def serve(name: str) -> Iterator[EspRom]:
    chip_id, flash_size, efuse = CHIPS[name]
    device = EspRom(chip_id, flash_size, efuse)
    device.name = name  # type: ignore[attr-defined]
    with serving(device):
        yield device


def write(rom: EspRom, folder: Path, only_changed: bool = False, **options: Any) -> str:
    board = board_with(rom.name, **options)  # type: ignore[attr-defined]
    image = make_image(folder, parts_for(rom.chip_id))
    ready = flash.prepare(image, board, port=rom.wire.path, only_changed=only_changed)
    return flash.flash(ready, lambda *_: None)


def check_flash(rom: EspRom) -> None:
    for address, data in parts_for(rom.chip_id).items():
        assert rom.flash[address : address + len(data)] == data
    assert rom.flash[0x9000:0x10000] == b"\x5a" * 0x7000  # what lies between is left alone


@pytest.mark.parametrize("loader", ["rom", "stub"])
def test_every_byte_arrives(
    rom: EspRom, tmp_path: Path, loader: str, capsys: pytest.CaptureFixture[str]
) -> None:
    done = write(rom, tmp_path, loader=loader)
    check_flash(rom)
    assert (0x11 in rom.seen) == (loader == "stub")  # packed blocks
    assert done.startswith("93,073 bytes written, verified by their hash")
    assert capsys.readouterr() == ("", "")  # esptool does not talk


def test_command(rom: EspRom, tmp_path: Path) -> None:
    name: str = rom.name  # type: ignore[attr-defined]
    make_image(tmp_path, parts_for(rom.chip_id))
    line = ["flash", str(tmp_path), "--board", name, "--port", rom.wire.path, "--yes"]
    done = CliRunner().invoke(cli, line)
    assert done.exit_code == 0, done.output
    assert "esptool will erase 0x000000 to 0x004FFF, 0x008000 to 0x008FFF, " in done.output
    assert f"{name}: 93,073 bytes written, verified by their hash; reset" in done.output
    check_flash(rom)


def test_only_changed_parts(s3: EspRom, tmp_path: Path) -> None:
    write(s3, tmp_path, loader="rom")
    s3.seen.clear()
    s3.flash[MODEL_AT] ^= 1
    done = write(s3, tmp_path, only_changed=True, loader="rom")
    check_flash(s3)
    assert s3.seen[0x02] == 1
    assert done.startswith("10,000 bytes written, verified by their hash; 3 part(s) were there")


def idf_project(folder: Path, chip_id: int, **entries: Any) -> Path:
    """What ``idf.py build`` leaves in a project, as far as flashing is concerned."""
    names = ("bootloader/bootloader.bin", "partition_table/partition-table.bin", "app.bin", "m.bin")
    build = folder / "project" / "build"
    files = {}
    for name, (address, data) in zip(names, parts_for(chip_id).items(), strict=True):
        (build / name).parent.mkdir(parents=True, exist_ok=True)
        (build / name).write_bytes(data)
        files[f"0x{address:x}"] = name
    document = {
        "write_flash_args": ["--flash_mode", "dio", "--flash_size", "8MB", "--flash_freq", "80m"],
        "flash_files": files,
        "app": {"offset": "0x10000", "file": "app.bin", "encrypted": "false"},
        "extra_esptool_args": {"after": "hard_reset", "before": "default_reset", "stub": True},
        **entries,
    }
    (build / "flasher_args.json").write_text(json.dumps(document))
    (build / "project_description.json").write_text(json.dumps({"app_elf": "app.elf"}))
    return folder


@pytest.mark.parametrize("place", [".", "project", "project/build"])
def test_what_idf_py_has_built(rom: EspRom, tmp_path: Path, place: str) -> None:
    name: str = rom.name  # type: ignore[attr-defined]
    where = idf_project(tmp_path, rom.chip_id) / place
    line = ["flash", str(where), "--board", name, "--port", rom.wire.path, "--yes"]
    done = CliRunner().invoke(cli, line)
    assert done.exit_code == 0, done.output
    check_flash(rom)
    image, _ = flash.find_build(where, load_board(name))
    assert image.elf == tmp_path / "project" / "build" / "app.elf"


def test_an_idf_build_of_the_project_as_it_was_before(tmp_path: Path) -> None:
    """A project written anew and not built: the firmware of the build before was flashed."""
    board = load_board("esp32s3")
    plan = sine_plan(board.ram[0].region, board.name)
    planned = replace(planned_on(plan, board, "esp_idf"), is_announced=True)
    idf_project(tmp_path, 9)
    app = next(tmp_path.rglob("app.bin"))
    for fingerprint in ("0123456789ab", "fedcba987654"):
        save_planned(replace(planned, fingerprint=fingerprint), tmp_path, None)
        with pytest.raises(BuildError, match="does not hold the fingerprint of the build in") as no:
            flash.find_build(tmp_path, board)
        assert "build the project again" in (no.value.hint or "")
        app.write_bytes(app.read_bytes() + fingerprint.encode())
        assert flash.find_build(tmp_path, board)[1] == board
        silent = replace(planned, fingerprint="abababababab", is_announced=False)
        save_planned(silent, tmp_path, None)  # the agent of a benchmark says no fingerprint
        assert flash.find_build(tmp_path, board)[1] == board


def test_only_changed_parts_of_what_idf_py_has_built(s3: EspRom, tmp_path: Path) -> None:
    folder = idf_project(tmp_path, 9)
    line = ["flash", str(folder), "--board", "esp32s3", "--port", s3.wire.path, "--yes"]
    CliRunner().invoke(cli, line)
    s3.flash[MODEL_AT] ^= 1
    done = CliRunner().invoke(cli, [*line, "--only-changed"])
    assert "10,000 bytes written, verified by their hash; 3 part(s) were there" in done.output
    check_flash(s3)


def test_an_idf_build_that_cannot_be_flashed(tmp_path: Path) -> None:
    board = load_board("esp32s3")
    secret = {"app": {"offset": "0x10000", "file": "app.bin", "encrypted": "true"}}
    with pytest.raises(BuildError, match="app must be encrypted on its way") as caught:
        flash.find_build(idf_project(tmp_path, 9, **secret), board)
    assert "idf.py flash" in (caught.value.hint or "")
    with pytest.raises(BuildError, match="no 'flash_files' with offsets"):
        flash.find_build(idf_project(tmp_path, 9, flash_files=["a"]), board)
    with pytest.raises(BoardError, match="does not say its board"):
        flash.find_build(idf_project(tmp_path, 9), None)
    (tmp_path / "project" / "build" / "flasher_args.json").write_text("{")
    with pytest.raises(BuildError, match="not what an ESP-IDF build leaves"):
        flash.find_build(tmp_path, board)


def fails(rom: EspRom, folder: Path, **options: Any) -> DeviceError:
    with pytest.raises(DeviceError) as caught:
        write(rom, folder, **{"loader": "rom", **options})
    assert caught.value.hint
    return caught.value


def test_wrong_chip(s3: EspRom, tmp_path: Path) -> None:
    s3.chip_id = 5
    image = make_image(tmp_path, parts_for(9))
    ready = flash.prepare(image, load_board("esp32s3"), port=s3.wire.path)
    with pytest.raises(
        DeviceError, match="the chip is an ESP32-C3, esp32s3 has an esp32s3"
    ) as caught:
        flash.flash(ready, lambda *_: None)
    assert "nothing was changed on the board" in caught.value.message
    assert 0x02 not in s3.seen


def test_less_flash_than_the_board_should_have(s3: EspRom, tmp_path: Path) -> None:
    s3.flash_size = "4MB"
    error = fails(s3, tmp_path)
    assert "the flash has 4MB, esp32s3 should have 8MB" in error.message
    assert "nothing was changed" in error.message


def test_flash_that_does_not_take_it(s3: EspRom, tmp_path: Path) -> None:
    s3.drops_writes = True
    error = fails(s3, tmp_path)
    assert "may have no working firmware now" in error.message
    assert "hold BOOT, press RESET" in (error.hint or "")


def test_line_that_dies(s3: EspRom, tmp_path: Path) -> None:
    s3.wire.dies_after = 20_000
    error = fails(s3, tmp_path)
    assert "may have no working firmware now: 0x000000 to 0x004FFF" in error.message


def test_nobody_there(s3: EspRom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tinyml.backends.flashers import esp

    monkeypatch.setattr(esp, "CONNECT_TRIES", 1)
    s3.wire.is_silent = True
    error = fails(s3, tmp_path)
    assert "Failed to connect" in error.message
    assert "hold BOOT, press RESET" in (error.hint or "")


def test_no_such_port(tmp_path: Path) -> None:
    image = make_image(tmp_path, parts_for(9))
    ready = flash.prepare(image, load_board("esp32s3"), port=str(tmp_path / "tty"))
    with pytest.raises(DeviceError, match="no serial port"):
        flash.flash(ready, lambda *_: None)


def changed(data: bytes) -> bytes:
    """Another byte in the middle."""
    return data[:50] + b"\0" + data[51:]


@pytest.mark.parametrize(
    ("parts", "error", "message"),
    [
        ({0x10000: esp_image(5, 100)}, BoardError, "image for chip id 5, esp32s3 has 9"),
        ({0x7F_F000: blob(4097)}, DoesNotFit, "ends at 0x800001, the flash of esp32s3 at 0x800000"),
        ({0x8100: blob(10)}, BuildError, "in the middle of a sector"),
        ({0x0: blob(0x8001), 0x8000: blob(10)}, BuildError, "reaches to 0x9000, part1.bin begins"),
        ({0x0: b""}, BuildError, "the image is empty"),
        ({0x0: changed(esp_image(9, 100))}, BuildError, "firmware.bin is damaged: its checksum"),
        ({0x0: esp_image(9, 400)[:200]}, BuildError, "is cut off: segment 0 of 1 ends at 399 of"),
        ({0x0: esp_image(9, 100)[:20]}, BuildError, "is cut off: 20 bytes"),
        ({0x0: blob(99), 0x8000: TABLE}, BuildError, "no image of a boot loader: it begins with"),
        (
            {0x1000: esp_image(9, 100), 0x8000: TABLE},
            BuildError,
            "begins at 0x1000; the boot loader of esp32s3 is at 0x0",
        ),
        (
            {0x8000: TABLE, 0x20000: esp_image(9, 100)},
            BuildError,
            "where the partition table has nothing: nvs at 0x9000, app at 0x10000",
        ),
        (
            {0x8000: TABLE, 0x10000: esp_image(9, 0x100010)},
            BuildError,
            "has 1,048,592 bytes, its partition 'app' 1,048,576",
        ),
        ({0x8000: TABLE, 0x10000: blob(99)}, BuildError, "no image of an application"),
        ({0x8000: TABLE[:4] + b"x" + TABLE[5:]}, BuildError, "is damaged: its MD5 is another"),
    ],
)
def test_refused_before_anything_is_touched(
    tmp_path: Path, parts: dict[int, bytes], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        flash.prepare(make_image(tmp_path, parts), load_board("esp32s3"), port="/dev/null")


def test_command_line_of_a_dry_run(tmp_path: Path) -> None:
    image = make_image(tmp_path, {0x0: blob(8), 0x8000: blob(8)})
    ready = flash.prepare(image, load_board("esp32s3"), port="/dev/ttyACM0")
    assert ready.steps == (
        "esptool --chip esp32s3 --port /dev/ttyACM0 --baud 460800 write-flash "
        f"0x0 {tmp_path}/firmware.bin 0x8000 {tmp_path}/part1.bin",
    )
    assert ready.erases == "0x000000 to 0x000FFF, 0x008000 to 0x008FFF of the flash"


def test_boot_loaders_are_where_esptool_has_them() -> None:
    code = (
        "from esptool.targets import CHIP_DEFS\n"
        "from tinyml.backends.flashers.esp_image import loader_at\n"
        "for name, chip in CHIP_DEFS.items():\n"
        "    assert loader_at(name) == chip.BOOTLOADER_FLASH_OFFSET, name\n"
    )
    # In a process of its own: esptool keeps the log that it finds.
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
