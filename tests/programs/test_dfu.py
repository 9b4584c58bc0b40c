"""USB device firmware upgrade: command lines, waiting for the device, what dfu-util says."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tinyml.backends.flashers.arduino import Dfu
from tinyml.base.errors import DeviceError
from tinyml.target.boards import load_board
from tinyml.values.flash_job import FlashJob, Part
from tinyml.values.image import Image

BIN = Path("b/firmware.bin")


def job(board: str, address: int, port: str | None = None) -> FlashJob:
    image = Image(BIN.with_suffix(".elf"), segments=(), sections=(), flash_bytes=0, ram_bytes=0)
    return FlashJob(image, load_board(board), (Part(address, bytes(1000), BIN),), port)


def nothing(what: str, done: int, total: int) -> None:
    pass


@pytest.mark.parametrize(
    ("board", "address", "usb", "where"),
    [
        ("stm32f405", 0x0800_0000, "0483:df11", "0x08000000:leave"),
        ("nicla_vision", 0x0804_0000, "2341:035f", "0x08040000:leave"),
    ],
)
def test_dfu(board: str, address: int, usb: str, where: str) -> None:
    commands = Dfu().commands(job(board, address))
    assert [item.argv for item in commands] == [
        ("dfu-util", "-d", usb, "-a", "0", "-s", where, "-D", str(BIN))
    ]


DFU_DEVICE = """\
#!/bin/sh
echo "dfu-util 0.11"
case " $* " in
*" -l "*) [ -e {here}/device ] && echo 'Found DFU: [0483:df11] ver=2200, alt=0, name="@Flash"' ;;
*) echo "$*" >{here}/asked; echo "File downloaded successfully"; exit {code} ;;
esac
exit 0
"""


@pytest.mark.skipif(os.name != "posix", reason="a shell script stands in for dfu-util")
@pytest.mark.parametrize(("code", "is_there"), [(0, True), (74, True), (0, False)])
def test_dfu_waits_for_the_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, is_there: bool
) -> None:
    """Some chips reset before dfu-util has read their last status: 74, and all is well."""
    program = tmp_path / "dfu-util"
    program.write_text(DFU_DEVICE.format(here=tmp_path, code=code))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("tinyml.backends.flashers.arduino.SETTLE_S", 0.0)
    work = job("stm32f405", 0x0800_0000)
    if is_there:
        (tmp_path / "device").touch()
        assert Dfu().write(work, nothing) == "written with dfu-util and started"
        assert (tmp_path / "asked").read_text().startswith("-d 0483:df11 -a 0 -s 0x08000000:leave")
        return
    with pytest.raises(DeviceError, match="no DFU device 0483:df11 on USB") as caught:
        Dfu().write(work, nothing)
    assert "hold BOOT" in (caught.value.hint or "")
    assert not (tmp_path / "asked").exists()


@pytest.mark.skipif(shutil.which("dfu-util") is None, reason="dfu-util is not on PATH")
def test_dfu_util_understands_its_arguments(tmp_path: Path) -> None:
    """Version 0.11 takes --wait for an option with an argument, and reads the rest wrongly."""
    (command,) = Dfu().commands(job("stm32f405", 0x0800_0000))
    file = tmp_path / "firmware.bin"
    file.write_bytes(bytes(64))
    done = subprocess.run(
        [*command.argv[:-1], str(file)], capture_output=True, text=True, check=False
    )
    assert "Usage" not in done.stdout + done.stderr
    assert "No DFU capable USB device" in done.stdout + done.stderr


def test_nicla_is_asked_for_its_boot_loader_first() -> None:
    steps = Dfu().steps(job("nicla_vision", 0x0804_0000, "/dev/ttyACM0"))
    assert steps[0] == "open /dev/ttyACM0 at 1200 baud and close it"
    assert len(Dfu().steps(job("stm32f405", 0x0800_0000))) == 1
