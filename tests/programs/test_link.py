"""Links: a serial port over a pty, its quirks and its end; a program's pipes."""

from __future__ import annotations

import errno
import os
import sys
import threading

import pytest

from tests.support.running.fake_agent import FakeAgent
from tinyml.base import process
from tinyml.base.errors import DeviceError
from tinyml.base.process import Command
from tinyml.device.agent import AgentClient
from tinyml.device.link import PipeLink, SerialLink

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals on Windows")


class _Pty:
    """A device at the other end of a pseudo-terminal, answered by a FakeAgent in a thread."""

    def __init__(self) -> None:
        import pty
        import tty

        self.host, self.client = pty.openpty()
        tty.setraw(self.client)
        self.path = os.ttyname(self.client)
        self.agent = FakeAgent()
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self) -> None:
        while True:
            data = os.read(self.host, 256)
            if b"\x04" in data:
                return
            self.agent.write(data)
            reply = self.agent.read(0)
            if reply:
                os.write(self.host, reply)

    def stop(self) -> None:
        self.thread.join(timeout=5)
        os.close(self.host)
        os.close(self.client)


@pytest.fixture
def terminal():
    made = _Pty()
    yield made
    link = SerialLink(made.path)
    link.write(b"\x04")
    link.close()
    made.stop()


def test_session_over_a_pty(terminal):
    client = AgentClient(SerialLink(terminal.path), reply_timeout_s=2)
    data = bytes([9, 8, 7, 6, 5, 4, 3, 255])
    client.load_input(0, data)
    client.infer()
    assert client.output(0) == bytes(value + 1 & 0xFF for value in data)
    client.close()


def test_nothing_to_read_is_no_bytes(terminal):
    link = SerialLink(terminal.path)
    assert link.read(0.01) == b""
    link.close()


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTTY])
def test_ports_that_refuse_ioctls_still_work(terminal, monkeypatch, number):
    import serial

    def refuse(self: object) -> int:
        raise OSError(number, "refused")

    monkeypatch.setattr(serial.Serial, "in_waiting", property(refuse))
    monkeypatch.setattr(serial.Serial, "flush", refuse)
    client = AgentClient(SerialLink(terminal.path), reply_timeout_s=2)
    assert client.identify().model == "plus"
    client.close()


def test_missing_port_is_a_device_error_that_says_how_to_list_them():
    with pytest.raises(DeviceError, match="/dev/no_such_port") as caught:
        SerialLink("/dev/no_such_port")
    assert "tinyml ports" in (caught.value.hint or "")


def test_unknown_url_is_a_device_error():
    with pytest.raises(DeviceError):
        SerialLink("nonsense://x")


@pytest.mark.parametrize("scheme", ["socket", "rfc2217"])
def test_no_server_in_the_network_is_a_device_error(scheme):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"{scheme}://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(DeviceError, match=f"'{url}' cannot be opened") as caught:
        SerialLink(url)
    assert "is the server running there" in (caught.value.hint or "")


def test_unplugged_port_is_a_device_error():
    import pty

    host, client = pty.openpty()
    link = SerialLink(os.ttyname(client))
    os.close(host)
    os.close(client)
    agent = AgentClient(link, reply_timeout_s=0.05)
    with pytest.raises(DeviceError, match="broke") as caught:
        agent.identify()
    assert "unplugged" in (caught.value.hint or "")
    link.close()


def test_pipes_of_a_program():
    code = (
        "import sys; [sys.stdout.write(line.upper()) or sys.stdout.flush() for line in sys.stdin]"
    )
    with process.running(Command((sys.executable, "-c", code))) as (stdin, stdout):
        link = PipeLink("program", stdin, stdout)
        link.write(b"hello\n")
        assert link.read(10) == b"HELLO\n"
        assert link.read(0.01) == b""
        link.close()
        with pytest.raises(DeviceError, match="ended"):
            link.read(10)
