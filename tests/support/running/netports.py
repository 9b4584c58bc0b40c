"""A serial port in a network: raw bytes over TCP (socket://), or RFC 2217 (rfc2217://)."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import serial
from serial.rfc2217 import PortManager

POLL_S = 0.002


class _Port(serial.Serial):
    """A port whose modem lines cannot be asked for, as those of a pseudo-terminal."""

    cts = dsr = ri = cd = property(lambda self: False)
    rts = dtr = property(lambda self: False, lambda self, value: None)
    break_condition = property(lambda self: False, lambda self, value: None)


class _Connection:
    """What PortManager writes to: one client, several threads."""

    def __init__(self, client: socket.socket) -> None:
        self._client = client
        self._lock = threading.Lock()

    def write(self, data: bytes) -> None:
        with self._lock, suppress(OSError):
            self._client.sendall(data)


@contextmanager
def networked(path: str, scheme: str) -> Iterator[str]:
    """The URL under which a serial port of this computer can be reached; clients come and go."""
    port = _Port(path, 115_200, timeout=0)
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(POLL_S)
    is_over = threading.Event()
    thread = threading.Thread(target=_serve, args=(server, port, scheme, is_over))
    thread.start()
    try:
        yield f"{scheme}://127.0.0.1:{server.getsockname()[1]}"
    finally:
        is_over.set()
        thread.join()
        server.close()
        port.close()


def _serve(server: socket.socket, port: Any, scheme: str, is_over: threading.Event) -> None:
    while not is_over.is_set():
        with suppress(TimeoutError):
            client, _ = server.accept()
            with client, suppress(ConnectionError):
                _pass_on(client, port, scheme, is_over)


def _pass_on(client: socket.socket, port: Any, scheme: str, is_over: threading.Event) -> None:
    client.settimeout(POLL_S)
    connection = _Connection(client)
    manager = PortManager(port, connection) if scheme == "rfc2217" else None
    while not is_over.is_set():
        with suppress(TimeoutError):
            data = client.recv(1024)
            if not data:
                return
            port.write(b"".join(manager.filter(data)) if manager else data)
        if data := port.read(4096):
            connection.write(b"".join(manager.escape(data)) if manager else data)
