"""The monitor: what it shows for bytes, keys, ports that are not there, crashes."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tinyml.base.errors import DeviceError
from tinyml.measure import monitor as monitoring
from tinyml.measure.monitor import Decoder, monitor
from tinyml.simulate.addresses import Place, causes

ROOT = Path(__file__).parents[2]
needs_pty = pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals on Windows")


def test_text_is_shown_at_once_and_crashes_are_explained_when_complete():
    decoder = Decoder(lambda line: f"{line}\n  08000044  main+0x4 (main.c:12)")
    assert decoder.feed(b"hel") == "hel"
    assert decoder.feed(b"lo\r\n") == "lo\n"
    assert decoder.feed(b"e-[fault 3 at 0800") == "e-[fault 3 at 0800"
    assert decoder.feed(b"0044]\r\nx") == "0044]\n  08000044  main+0x4 (main.c:12)\nx"


def test_a_character_may_come_in_two_pieces():
    decoder = Decoder(None)
    text = "25 °C\n".encode()
    assert decoder.feed(text[:4]) + decoder.feed(text[4:]) == "25 °C\n"
    assert decoder.feed(b"\xff!") == "\N{REPLACEMENT CHARACTER}!"


def test_text_without_a_firmware_is_only_passed_on():
    assert Decoder(None).feed(b"e-[fault 3]\r\n\xff") == "e-[fault 3]\n\ufffd"


def test_causes_of_a_fault():
    assert causes("e-[fault 3 at 08000045 status 02000000]") == ("division by zero",)
    text = "e-[fault 3, stack overflow status 00009200 address 1FFFFFF8]"
    assert causes(text) == (
        "the stack overflowed: raise stack_bytes in the board file",
        "read or write at an address where nothing answers",
        "no memory left for the stack",
        "address 0x1ffffff8",
    )
    assert str(Place("main", "main.c", 3)) == "main (main.c:3)"


@needs_pty
def test_lines_go_out_and_come_back():
    import pty
    import tty

    host, client = pty.openpty()
    tty.setraw(client)

    def echo() -> None:
        os.write(host, os.read(host, 100).upper())

    thread = threading.Thread(target=echo)
    thread.start()
    shown: list[str] = []
    monitor(
        None,
        None,
        os.ttyname(client),
        9600,
        write=shown.append,
        note=lambda text: None,
        keys=io.StringIO("hello\n"),
    )
    thread.join()
    os.close(host)
    os.close(client)
    assert "".join(shown) == "HELLO\n"


@needs_pty
def test_control_bracket_quits_and_control_r_resets():
    import pty
    import tty

    board, port = pty.openpty()
    keys, terminal = pty.openpty()
    tty.setraw(port)
    program = [sys.executable, "-m", "tinyml", "monitor", "--port", os.ttyname(port)]
    with subprocess.Popen(program, stdin=terminal, stderr=subprocess.PIPE, cwd=ROOT) as running:
        assert running.stderr is not None
        while b"Ctrl-]" not in (line := running.stderr.readline()):
            assert line
        os.write(keys, b"\x12")
        received = b""
        while not received.endswith(b"reset%"):
            received += os.read(board, 100)
        os.write(keys, b"\x1d")
        assert running.wait(timeout=20) == 0
    for descriptor in (board, port, keys, terminal):
        os.close(descriptor)


def test_no_port_and_two_ports_are_one_message_each(monkeypatch):
    from tinyml.device.ports import Port

    def one(device: str) -> Port:
        return Port(device, "ST-LINK", "0483:374b", "", ("nucleo_l4r5zi",), "")

    cases = (((), "has no serial port"), ((one("/dev/x"), one("/dev/y")), "2 serial ports"))
    for found, message in cases:
        monkeypatch.setattr(monitoring, "list_ports", lambda boards, found=found: found)
        with pytest.raises(DeviceError, match=message) as caught:
            monitor(None, None, None, None, write=str, note=str)
        assert caught.value.hint


@needs_pty
def test_a_port_in_use_says_so():
    import pty

    from tinyml.device.link import SerialLink

    host, client = pty.openpty()
    first = SerialLink(os.ttyname(client))
    with pytest.raises(DeviceError, match="in use by another program"):
        SerialLink(os.ttyname(client))
    first.close()
    os.close(host)
    os.close(client)


@needs_pty
def test_a_silent_board_is_told_soon():
    import pty

    from tinyml.device.agent import AgentClient
    from tinyml.device.link import SerialLink

    host, client = pty.openpty()
    link = SerialLink(os.ttyname(client))
    with pytest.raises(DeviceError, match="nothing came") as caught:
        AgentClient(link, reply_timeout_s=0.05).identify()
    assert "the board is silent" in (caught.value.hint or "")
    link.close()
    os.close(host)
    os.close(client)
