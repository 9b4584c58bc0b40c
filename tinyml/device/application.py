"""What a firmware's application prints, once the agent lets it run."""

from __future__ import annotations

import time

from tinyml.base.errors import DeviceError
from tinyml.device.agent import AgentClient

SILENT_S = 20.0  # without a line


def application_lines(client: AgentClient, count: int) -> tuple[str, ...]:
    """The first lines of the application since the firmware's start, ``count`` of them.

    It may have begun by itself before anybody talked to it. Raises DeviceError when they do not
    come.
    """
    pending = client.begin_application()
    lines = [line for line in client.log if not line.startswith(("m-", "e-", "("))]
    end = time.monotonic() + SILENT_S
    while True:
        *whole, pending = pending.split(b"\n")
        texts = (line.rstrip(b"\r").decode("utf-8", "replace") for line in whole)
        found = [text for text in texts if text and not text.startswith(("m-", "e-"))]
        end = time.monotonic() + SILENT_S if found else end
        lines += found
        if len(lines) >= count:
            return tuple(lines[:count])
        if time.monotonic() > end:
            raise DeviceError(
                f"{client.link.name}: the application printed {len(lines)} of {count} lines, then "
                f"nothing for {SILENT_S:g} s",
                hint="it prints one for each sample that read_sample() gives: see main.c",
            )
        pending += client.link.read(0.5)
