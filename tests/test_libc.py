"""Our own memory functions move the right bytes, whatever the overlap and the alignment."""

from __future__ import annotations

import ctypes
import random
import shutil
import subprocess
from collections.abc import Callable

import pytest

from tinyml.base import resources

pytestmark = pytest.mark.host_cc

_NAMES = ("memcpy", "memmove", "memset", "memcmp", "strlen", "strcmp", "strncmp")
_ROOM = 192


@pytest.fixture(scope="module")
def libc(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """firmware/libc/string.c, its functions under names of their own."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not on PATH")
    library = tmp_path_factory.mktemp("libc") / "libc.so"
    renamed = [f"-D{name}=tml_{name}" for name in _NAMES]
    source = resources.path("firmware") / "libc" / "string.c"
    command = ["gcc", "-shared", "-fPIC", "-Os", "-fno-builtin", *renamed, str(source)]
    subprocess.run([*command, "-o", str(library)], check=True)
    found = ctypes.CDLL(str(library))
    for name in ("tml_memcpy", "tml_memmove", "tml_memset"):
        getattr(found, name).restype = ctypes.c_void_p
    return found


def test_memmove(libc: ctypes.CDLL) -> None:
    """To lower and to higher places, by less and by more than what is moved at a time."""
    rng = random.Random(1)
    for count in (*range(70), 71, 96, 100):
        for move in (*range(-20, 21), -33, 34):
            start = rng.randrange(40, 44)
            held = rng.randbytes(_ROOM)
            wanted = bytearray(held)
            wanted[start + move : start + move + count] = held[start : start + count]
            assert _moved(libc.tml_memmove, held, start + move, start, count) == wanted


def test_memcpy(libc: ctypes.CDLL) -> None:
    rng = random.Random(2)
    for count in (*range(40), 63, 64, 65):
        for to in range(4):
            for start in range(80, 84):
                held = rng.randbytes(_ROOM)
                wanted = bytearray(held)
                wanted[to : to + count] = held[start : start + count]
                assert _moved(libc.tml_memcpy, held, to, start, count) == wanted


def _moved(function: Callable[..., int], held: bytes, to: int, start: int, count: int) -> bytes:
    room = ctypes.create_string_buffer(held, _ROOM)
    at = ctypes.addressof(room)
    made = function(ctypes.c_void_p(at + to), ctypes.c_void_p(at + start), ctypes.c_size_t(count))
    assert made == at + to
    return bytes(room.raw)


def test_memset(libc: ctypes.CDLL) -> None:
    for count in range(70):
        for to in range(4):
            room = ctypes.create_string_buffer(bytes(_ROOM), _ROOM)
            at = ctypes.addressof(room)
            libc.tml_memset(ctypes.c_void_p(at + to), 0x1A5, ctypes.c_size_t(count))
            assert room.raw == bytes(to) + b"\xa5" * count + bytes(_ROOM - to - count)
