"""The divisor of a baud rate: 32-bit arithmetic that gives what 64 bits would."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.support.running.host_c import WARNINGS, compiler
from tinyml.base import resources

_PROGRAM = """\
#include <stdio.h>

#include "port/port.h"

int main(void)
{
    uint32_t in[3];
    while (fread(in, sizeof(uint32_t), 3, stdin) == 3) {
        const uint32_t out = tml_divide(in[0], in[1], in[2]);
        (void)fwrite(&out, sizeof(uint32_t), 1, stdout);
    }
    return 0;
}
"""


def _expected(clock_hz: int, scale: int, baud: int) -> int:
    if baud == 0 or baud >= 1 << 24:
        return 0
    exact = clock_hz * scale
    divisor = (exact + baud // 2) // baud
    is_near = abs(divisor * baud - exact) <= exact // 50
    return divisor if is_near and clock_hz // baud < (2**32 - 1) // scale else 0


@pytest.mark.host_cc
def test_divisors(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    count = 20_000
    clocks = rng.choice((4_000_000, 16_000_000, 48_000_000, 120_000_000, 550_000_000), count)
    clocks[::3] = rng.integers(0, 1 << 32, len(clocks[::3]))
    scales = rng.choice((1, 4, 256), count)
    bauds = rng.choice((0, 1, 300, 9600, 115_200, 921_600, 2_000_000, 1 << 24), count)
    bauds[::2] = rng.integers(1, 1 << 24, len(bauds[::2]))
    bauds[1::4] = clocks[1::4] * scales[1::4] // rng.integers(1, 200, len(bauds[1::4])) % (1 << 24)
    rows = np.stack((clocks, scales, bauds), axis=1).astype(np.uint32)
    (tmp_path / "tml_config.h").touch()
    (tmp_path / "main.c").write_text(_PROGRAM, encoding="utf-8")
    firmware = resources.path("firmware")
    flags = [f"-I{folder}" for folder in (firmware, firmware / "include", tmp_path)]
    source = [str(tmp_path / "main.c"), "-o", str(tmp_path / "main")]
    command = [*compiler("size"), "-std=c11", *WARNINGS, *flags, *source]
    subprocess.run(command, check=True)
    done = subprocess.run(
        [str(tmp_path / "main")], input=rows.tobytes(), capture_output=True, check=True
    )
    found = np.frombuffer(done.stdout, np.uint32)
    assert found.tolist() == [_expected(*map(int, row)) for row in rows]
