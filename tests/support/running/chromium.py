"""A page in headless Chromium, opened as a user would from a file, and driven step by step.

Chromium's debugging protocol over two pipes: JSON ended by a zero byte. A page may call back into
Python (``listen``), which is how an emulated board stands at its serial port.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import select
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars")
WAIT_S = 60.0
TOLD = {"Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"}


class Page:
    """One page; what it complains about and what it fetches is written down."""

    def __init__(self, sent: int, received: int) -> None:
        self._sent, self._received = sent, received
        self._pending = b""
        self._numbers = itertools.count(1)
        self._session: str | None = None
        self._listeners: dict[str, Callable[[str], None]] = {}
        self._events: list[str] = []
        self.complaints: list[str] = []
        self.fetched: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: object) -> Any:
        """A command of the protocol and its result."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params}
        message |= {"sessionId": self._session} if self._session else {}
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._sent, data) :]
        end = time.monotonic() + WAIT_S
        while True:
            found = self._next(end)
            assert found is not None, f"no answer to {method}"
            if found.get("id") == number:
                assert "error" not in found, f"{method}: {found.get('error')}"
                return found["result"]

    def open(self, path: Path, *, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Goes to a file; returns once it is loaded."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            **{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self._events.clear()
        self.call("Page.navigate", url=path.as_uri())
        end = time.monotonic() + WAIT_S
        while "Page.loadEventFired" not in self._events:
            assert self._next(end) is not None, "the page does not load"

    def ask(self, expression: str) -> Any:
        """The value of an expression of JavaScript, of what it promises where it does."""
        found = self.call(
            "Runtime.evaluate",
            **{"expression": expression, "awaitPromise": True, "returnByValue": True},
            userGesture=True,
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def before_scripts(self, script: str) -> None:
        """From now on pages run this before their own scripts."""
        self.call("Page.addScriptToEvaluateOnNewDocument", source=script)

    def listen(self, name: str, listener: Callable[[str], None]) -> None:
        """Gives pages a function of that name; what they call it with goes to the listener."""
        self.call("Runtime.addBinding", name=name)
        self._listeners[name] = listener

    def tell(self, expression: str) -> None:
        """Runs an expression without waiting for it: for listeners."""
        message = {
            "id": next(self._numbers),
            "method": "Runtime.evaluate",
            "params": {"expression": expression},
            "sessionId": self._session,
        }
        os.write(self._sent, json.dumps(message).encode() + b"\0")

    def drag(self, places: Sequence[tuple[float, float]]) -> None:
        """A stroke of the mouse with its button down."""
        for number, (x, y) in enumerate([*places, places[-1]]):
            kind = "mousePressed" if number == 0 else "mouseMoved"
            kind = "mouseReleased" if number == len(places) else kind
            self.call(
                "Input.dispatchMouseEvent",
                **{"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1},
            )

    def picture(self, path: Path, *, is_whole: bool = False) -> None:
        """Writes what is seen, or the whole page, as a PNG."""
        found = self.call("Page.captureScreenshot", captureBeyondViewport=is_whole)
        path.write_bytes(base64.b64decode(found["data"]))

    def _next(self, end: float) -> dict[str, Any] | None:
        """The next message, after whoever listens was told; None when none comes in time."""
        while b"\0" not in self._pending:
            ready, _, _ = select.select([self._received], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                return None
            data = os.read(self._received, 1 << 16)
            assert data, "Chromium has ended"
            self._pending += data
        text, _, self._pending = self._pending.partition(b"\0")
        found: dict[str, Any] = json.loads(text)
        self._note(found.get("method", ""), found.get("params", {}))
        return found

    def _note(self, method: str, params: dict[str, Any]) -> None:
        self._events.append(method)
        if method in TOLD:
            self.complaints.append(json.dumps(params))
        elif method == "Network.requestWillBeSent":
            self.fetched.append(params["request"]["url"])
        elif method == "Runtime.bindingCalled" and params["name"] in self._listeners:
            self._listeners[params["name"]](params["payload"])


@contextmanager
def chromium(folder: Path, *flags: str) -> Iterator[Page]:
    """A fresh Chromium with one empty page; it ends with the block."""
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()

    def arranged() -> None:
        """The protocol's pipes are the descriptors 3 and 4."""
        one, other = os.dup(theirs_in), os.dup(theirs_out)
        os.dup2(one, 3)
        os.dup2(other, 4)

    command = ["chromium", *FLAGS, *flags, "--remote-debugging-pipe"]
    command += [f"--user-data-dir={folder / 'profile'}", "about:blank"]
    with (folder / "chromium.log").open("wb") as log:
        child = subprocess.Popen(
            command, stdout=log, stderr=log, close_fds=False, preexec_fn=arranged
        )
    try:
        os.close(theirs_in)
        os.close(theirs_out)
        yield Page(ours_out, ours_in)
    finally:
        os.close(ours_out)
        os.close(ours_in)
        child.terminate()
        child.wait(10)
