"""Serial ports: what they look like, which one is taken, what is said when none can be."""

from __future__ import annotations

import errno
from pathlib import Path
from types import SimpleNamespace

import pytest

from tinyml.base.errors import DeviceError
from tinyml.device import ports
from tinyml.device.ports import Port
from tinyml.target.boards import all_boards, load_board

NUCLEO = Port("/dev/ttyACM0", "STM32 STLink", "0483:374b", "0667FF", ("nucleo_l4r5zi",), "")
SECOND = Port("/dev/ttyACM1", "STM32 STLink", "0483:374b", "0669FF", ("nucleo_l4r5zi",), "")
OTHER = Port("/dev/ttyS0", "", "", "", (), "")
IDS = ("0483:374b",)


def found(device: str, vid: int | None, pid: int | None, text: str = "n/a") -> SimpleNamespace:
    return SimpleNamespace(device=device, vid=vid, pid=pid, description=text, serial_number=None)


def test_what_ports_look_like() -> None:
    seen = ports.describe(
        [
            found("/dev/none0", None, None),
            found("/dev/none1", 0x10C4, 0xEA60),
            found("/dev/none2", 0x2341, 0x005A, "Nano 33 BLE"),
        ],
        all_boards(),
    )
    assert [(port.device, port.usb, port.description, port.boards) for port in seen] == [
        ("/dev/none1", "10c4:ea60", "Silicon Labs CP210x", ("esp32c3", "esp32s3")),
        ("/dev/none2", "2341:005a", "Nano 33 BLE", ("arduino_nano33ble",)),
        ("/dev/none0", "", "", ()),
    ]


def test_the_choice() -> None:
    assert ports.choose("COM7", IDS, (), "b") == "COM7"
    assert ports.choose(None, IDS, (OTHER, NUCLEO), "b") == "/dev/ttyACM0"


def test_two_candidates_are_listed() -> None:
    with pytest.raises(DeviceError, match="2 serial ports look like b:") as caught:
        ports.choose(None, IDS, (NUCLEO, SECOND, OTHER), "b")
    assert "/dev/ttyACM1  0483:374b  STM32 STLink  serial number 0669FF" in caught.value.message
    assert "ttyS0" not in caught.value.message
    assert "--port" in (caught.value.hint or "")


@pytest.mark.parametrize("wanted", [("303a:1001",), ()])
def test_no_candidate_lists_what_is_there(wanted: tuple[str, ...]) -> None:
    with pytest.raises(DeviceError, match="no serial port looks like b") as caught:
        ports.choose(None, wanted, (NUCLEO, OTHER), "b")
    assert "/dev/ttyACM0  0483:374b" in caught.value.message


def test_no_port_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "driver_hint", lambda: "")
    with pytest.raises(DeviceError, match="this computer has no serial port") as caught:
        ports.choose(None, IDS, (), "b")
    assert "cable" in (caught.value.hint or "")


def usb_device(root: Path, name: str, vendor: str, product: str) -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "idVendor").write_text(f"{vendor}\n")
    (folder / "idProduct").write_text(f"{product}\n")
    return folder


def test_driver_hint(tmp_path: Path) -> None:
    (tmp_path / "usb1").mkdir()
    mouse = usb_device(tmp_path, "1-1", "046d", "c077")
    assert mouse.is_dir()
    assert ports.driver_hint("linux", tmp_path) == ""
    cable = usb_device(tmp_path, "1-2", "1a86", "7523")
    hint = ports.driver_hint("linux", tmp_path)
    assert "WCH CH340 (1a86:7523) is plugged in" in hint
    assert "sudo modprobe ch341" in hint
    assert "brltty" in hint
    assert ports.driver_hint("darwin", tmp_path) == ""
    (cable / "1-2:1.0" / "ttyUSB0").mkdir(parents=True)
    assert ports.driver_hint("linux", tmp_path) == ""


@pytest.mark.parametrize(
    ("error", "message", "hint"),
    [
        (OSError(errno.EACCES, "Permission denied"), "no permission to use '/dev/x'", "usermod"),
        (OSError(errno.EBUSY, "busy"), "in use by another program", "close the terminal"),
        (OSError(errno.EAGAIN, "Could not exclusively lock port"), "in use by another", "fuser"),
        (OSError(errno.ENOENT, "No such file"), "there is no serial port", "tinyml ports"),
        (ValueError("strange"), "cannot be opened: strange", "tinyml ports"),
    ],
)
@pytest.mark.skipif("sys.platform != 'linux'")
def test_why_a_port_cannot_be_opened(error: Exception, message: str, hint: str) -> None:
    told = ports.explain_open("/dev/x", error)
    assert message in told.message
    assert hint in (told.hint or "")


def test_a_port_in_use_is_noticed() -> None:
    pty = pytest.importorskip("pty")
    import os

    board_end, computer_end = pty.openpty()
    path = os.ttyname(computer_end)
    first = ports.open_port(path, 115_200, parity="E")  # a pty refuses parity
    with pytest.raises(DeviceError, match="in use by another program"):
        ports.open_port(path, 115_200)
    first.close()
    ports.open_port(path, 115_200).close()
    ports.touch(path)
    os.close(board_end)
    os.close(computer_end)


def test_boards_have_flashers_for_their_ports() -> None:
    assert load_board("nucleo_l4r5zi").flashers == ("copy", "swd", "stm32_uart")
