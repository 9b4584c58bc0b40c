"""What the commands say when there is no way to the board: one message each, with the next step."""

from __future__ import annotations

import errno
import functools
import os
import re
import select
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
import serial
from serial.tools import list_ports

from tests.support.running.images import make_image
from tests.support.running.served import served
from tinyml import api
from tinyml.backends.flashers.drives import Copy
from tinyml.base.elf import read_elf
from tinyml.cli import main
from tinyml.device import connect, ports
from tinyml.device.agent import AgentClient
from tinyml.target.boards import load_board
from tinyml.values.flash_job import FlashJob, Progress
from tinyml.values.image import load_image

tty = pytest.importorskip("tty")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals on Windows")

DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "digits.tflite"
BOARD = "nucleo_l4r5zi"
DEVICE_ERROR = 4


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("build")
    return api.build(DIGITS, load_board(BOARD), api.Settings(directory=folder)).directory


def fails(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a command writes to standard error, which must end with exit code 4."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["tinyml", *words])
        with pytest.raises(SystemExit) as caught:
            main()
    out, err = capsys.readouterr()
    assert caught.value.code == DEVICE_ERROR, err
    assert out == ""
    assert err.count("error:") == err.count("hint:") == 1
    return err


def plugged_in(monkeypatch: pytest.MonkeyPatch, *devices: str) -> None:
    """ST-LINKs under these names, and nothing else."""
    found = [
        SimpleNamespace(
            device=name, vid=0x0483, pid=0x374B, description="STM32 STLink", serial_number=name[-3:]
        )
        for name in devices
    ]
    monkeypatch.setattr(list_ports, "comports", lambda: found)
    monkeypatch.setattr(ports, "driver_hint", lambda: "")


@pytest.mark.parametrize("command", ["profile", "verify", "monitor"])
def test_no_port_and_two_ports(
    command: str, build: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plugged_in(monkeypatch)
    text = fails(capsys, command, str(build))
    assert "this computer has no serial port" in text
    assert "is the board plugged in with a cable that carries data" in text
    plugged_in(monkeypatch, "/dev/ttyACM0", "/dev/ttyACM1")
    text = fails(capsys, command, str(build))
    assert f"2 serial ports look like {BOARD}" in text
    assert "/dev/ttyACM1  0483:374b  STM32 STLink  serial number CM1" in text
    assert "choose one with --port" in text


def test_flash_without_a_port(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_image(tmp_path, {0x0800_0000: bytes(64)})
    plugged_in(monkeypatch)
    words = ("flash", str(tmp_path), "--board", BOARD, "--flasher", "stm32_uart", "--yes")
    assert "this computer has no serial port" in fails(capsys, *words)


def test_a_port_in_use(build: Path, capsys: pytest.CaptureFixture[str]) -> None:
    host, client = os.openpty()
    path = os.ttyname(client)
    first = ports.open_port(path, 115_200)
    text = fails(capsys, "profile", str(build), "--port", path)
    assert f"the serial port '{path}' is in use by another program" in text
    assert "close the terminal, monitor or IDE" in text
    first.close()
    os.close(host)
    os.close(client)


def test_no_permission(
    build: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(self: object) -> None:
        raise serial.SerialException(errno.EACCES, "Permission denied")

    monkeypatch.setattr(serial.Serial, "open", refuse)
    text = fails(capsys, "verify", str(build), "--port", "/dev/no_such_port")
    assert "no permission to use '/dev/no_such_port'" in text
    assert "sudo usermod -aG dialout $USER" in text


def test_a_port_that_is_not_there(build: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = fails(capsys, "monitor", str(build), "--port", "/dev/no_such_port")
    assert "there is no serial port '/dev/no_such_port'" in text
    assert "'tinyml ports' lists those" in text


def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits two seconds, four times, for a reply."""
    quick = functools.partial(AgentClient, reply_timeout_s=0.4, retries=1)
    monkeypatch.setattr(connect, "AgentClient", quick)


def test_a_silent_board(
    build: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hurried(monkeypatch)
    host, client = os.openpty()
    path = os.ttyname(client)
    text = fails(capsys, "profile", str(build), "--port", path)
    assert "the board does not answer 'id': nothing came" in text
    assert "the board is silent: is it the right port, has it power" in text
    os.close(host)
    os.close(client)


def test_another_firmware(
    build: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hurried(monkeypatch)
    with answering(b"MicroPython v1.24\r\n>>> ") as path:
        text = fails(capsys, "profile", str(build), "--port", path)
    assert "another firmware seems to be on the board" in text
    assert "What came last: " in text
    assert "MicroPython v1.24" in text


def test_a_crash_is_told_with_its_place(
    build: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hurried(monkeypatch)
    symbols = load_image(build / "image.json").symbols
    address = next(start for name, start, _ in symbols if name == "digits_invoke") + 8
    with answering(f"e-[fault 3 at {address:08X} from {address:08X}]\r\n".encode()) as path:
        text = fails(capsys, "profile", str(build), "--port", path)
    assert "the firmware crashed: e-[fault 3 at " in text
    assert re.search(r"digits_invoke\+0x8 \(\w+\.[ch]:\d+\)", text)  # of a kernel, maybe
    assert "press the board's reset button" in text


@contextmanager
def answering(reply: bytes) -> Iterator[str]:
    """A port behind which somebody answers everything with the same text."""
    host, client = os.openpty()
    tty.setraw(client)
    is_over = threading.Event()

    def serve() -> None:
        while not is_over.is_set():
            if select.select([host], [], [], 0.02)[0] and os.read(host, 1000):
                os.write(host, reply)

    thread = threading.Thread(target=serve)
    thread.start()
    yield os.ttyname(client)
    is_over.set()
    thread.join()
    os.close(host)
    os.close(client)


def test_the_firmware_of_another_model(
    build: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    board = load_board(BOARD)
    other = tmp_path / "other.tflite"
    other.write_bytes(DIGITS.read_bytes() + b"\0")  # another hash
    made = api.build(other, board, api.Settings(directory=tmp_path / "other"))
    assert made.image is not None
    with served(read_elf(made.image.elf), board) as path:
        text = fails(capsys, "verify", str(build), "--port", path)
    assert "the firmware runs another model: 'other'" in text
    assert f"flash this build ('tinyml flash {build}'), or name the build that is on it" in text


def test_an_interrupt_while_flashing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(self: Copy, job: FlashJob, progress: Progress) -> str:
        raise KeyboardInterrupt

    make_image(tmp_path, {0x0800_0000: bytes(64)})
    monkeypatch.setattr(Copy, "write", interrupt)
    words = ["flash", str(tmp_path), "--board", BOARD, "--flasher", "copy", "--yes", "--port", "."]
    monkeypatch.setattr(sys, "argv", ["tinyml", *words])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 130
    text = capsys.readouterr().err
    assert (
        "interrupted: the board may have no working firmware now, since the firmware that" in text
    )
