"""The serial agent in C around a small model, compiled for this machine."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.support.running.host_c import SANITIZERS, WARNINGS
from tinyml.backends.toolchains import host_compiler
from tinyml.base import resources

FAKE = Path(__file__).parents[1] / "stand_ins" / "agent"
TRAPS = ("-fsanitize=undefined", "-fsanitize-undefined-trap-on-error")  # need no library


def compile_agent(folder: Path, port: str = "host.c", flags: Sequence[str] = ()) -> Path:
    """The agent with ``host.c`` as a program under sanitizers, with ``library.c`` as a library."""
    firmware = resources.path("firmware")
    is_library = port == "library.c"
    made = folder / f"agent{len(list(folder.iterdir()))}"
    command = [
        *(*host_compiler(), "-std=c11", "-O1", "-g", *WARNINGS, "-DTML_PROFILE=1", *flags),
        *(("-shared", "-fPIC") if is_library else ()),
        *((TRAPS if is_library else SANITIZERS) if shutil.which("gcc") else ()),
        *(f"-I{folder}" for folder in (FAKE, FAKE / "host", firmware, firmware / "include")),
        *(str(path) for path in sorted((firmware / "agent").glob("*.c"))),
        *(str(FAKE / "fake_model.c"), str(FAKE / port), "-o", str(made)),
    ]
    subprocess.run(command, check=True)
    return made


class AgentBoard:
    """A Link to the agent as a library: a board that can be reset at any time.

    Nothing waits: what the agent has not said is not going to come.
    """

    name = "agent"

    def __init__(self, library: Path) -> None:
        self._library = library
        self._loaded: ctypes.CDLL | None = None
        self.boots = 0
        self.boot()

    def boot(self) -> None:
        """As after power-up: what was on its way is lost, and all that the firmware knew."""
        import _ctypes

        if self._loaded is not None:
            _ctypes.dlclose(self._loaded._handle)
        self._loaded = ctypes.CDLL(str(self._library))
        self._loaded.board_take.restype = ctypes.POINTER(ctypes.c_char)
        self._loaded.board_start()
        self.boots += 1

    def write(self, data: bytes) -> None:
        """Lets the agent carry out what it has got."""
        assert self._loaded is not None
        if self._loaded.board_feed(data, len(data)):
            self.boot()

    def read(self, timeout_s: float) -> bytes:
        """What the agent has said since the last time."""
        assert self._loaded is not None
        count = ctypes.c_size_t()
        said = self._loaded.board_take(ctypes.byref(count))
        return said[: count.value]

    def close(self) -> None:
        """Nothing to give back."""
