"""A stand-in of navigator.serial with an emulated board behind it."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.support.running.chromium import Page
from tinyml.device.link import Link

PORT = """
{
  const port = { async open(options) {
    this.options = options;
    this.readable = new ReadableStream({ start(controller) { port.controller = controller; } });
    this.writable = new WritableStream({ write(bytes) { toBoard(JSON.stringify([...bytes])); } });
  }, async close() { this.closed = true; } };
  globalThis.fromBoard = (bytes) => port.controller.enqueue(Uint8Array.from(bytes));
  globalThis.unplug = () => port.controller.error(new Error("gone"));
  globalThis.serialPort = port;
  const serial = { async requestPort() { return port; } };
  Object.defineProperty(navigator, "serial", { value: serial, configurable: true });
}
"""


def plug(
    page: Page,
    link: Link,
    *,
    damage: Callable[[bytes], bytes] = bytes,
    heard: Callable[[bytes], None] = lambda data: None,
) -> None:
    """Pages that are opened from now on find a board at their serial port.

    ``damage`` changes what the board says, ``heard`` is told what the page says.
    """

    def write(payload: str) -> None:
        data = bytes(json.loads(payload))
        heard(data)
        link.write(data)
        while answer := link.read(1.0):
            page.tell(f"fromBoard({list(damage(answer))})")

    page.listen("toBoard", write)
    page.before_scripts(PORT)
