"""What images are debugged by does not change their code; most tests build them with less of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.running.debug_lines import as_users, lines_only
from tinyml import api

pytestmark = pytest.mark.sim

MODEL = Path(__file__).parents[2] / "examples" / "digits" / "digits.tflite"


@pytest.mark.parametrize(
    ("board", "toolchain"),
    [
        ("nucleo_l4r5zi", "zig"),
        ("nucleo_h743zi2", "zig"),
        ("nucleo_u575zi_q", "zig"),
        ("mps3_an547", "zig"),
        pytest.param("nucleo_l4r5zi", "arm_gcc", marks=pytest.mark.arm_gcc),
        pytest.param("mps3_an547", "arm_gcc", marks=pytest.mark.arm_gcc),
    ],
)
def test_the_image_is_the_same(board: str, toolchain: str, tmp_path: Path) -> None:
    images, sizes = [], []
    for name, flags in (("all", as_users), ("lines", lines_only)):
        settings = api.Settings("speed", toolchain, directory=tmp_path / name, self_test=False)
        with flags():
            linked = api.build(MODEL, api.load_board(board), settings).linked()
        images.append([(address, file.read_bytes()) for address, file in linked.segments])
        sizes.append(linked.elf.stat().st_size)
    assert images[0] == images[1]
    assert sizes[0] > sizes[1], "both were built with the same flags"
