"""Ctrl-C and SIGTERM at any time: one line, the right exit code, nothing left running or behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODEL = str(ROOT / "examples" / "digits" / "digits.tflite")
WAIT_S = 60.0
WORDS = {signal.SIGINT: "interrupted\n", signal.SIGTERM: "terminated\n"}

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")


def started(*arguments: str, cwd: Path, **environment: str) -> subprocess.Popen[str]:
    # In a shell's background job it is ignored, which children inherit and tinyml respects.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return subprocess.Popen(
        [sys.executable, "-m", "tinyml", *arguments],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )


def until(condition) -> None:
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.002)


def hears(process: subprocess.Popen[str]) -> bool:
    """Whether a process has handlers of its own, of which SIGTERM's is never Python's."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"
    except (OSError, IndexError):
        return False


def stopped(process: subprocess.Popen[str], number: int) -> None:
    """Sends a signal and looks at how the process ends; Click ends the line that shows ^C."""
    process.send_signal(number)
    _, said = process.communicate(timeout=WAIT_S)
    assert process.returncode == 128 + number, said
    assert said.removeprefix("\n") == WORDS[signal.Signals(number)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("delay_s", [0.0, 0.02, 0.1, 0.2])
def test_during_the_imports(tmp_path: Path, number: int, delay_s: float) -> None:
    """Ctrl-C in the first third of a second ended in a traceback, SIGTERM in silence."""
    process = started("build", MODEL, "--board", "nucleo_l4r5zi", cwd=tmp_path)
    until(lambda: hears(process))
    time.sleep(delay_s)
    stopped(process, number)


COMPILER = """#!/bin/sh
if [ "$1" = -dumpfullversion ]; then echo 12.0; exit; fi
sleep 1000 &
echo $! $$ > "$PIDS.new"; mv "$PIDS.new" "$PIDS"
wait
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_children_end_too(tmp_path: Path, number: int) -> None:
    """A signal left compilers running, and what those had started."""
    programs, pids = tmp_path / "bin", tmp_path / "pids"
    programs.mkdir()
    program = programs / "arm-none-eabi-gcc"
    program.write_text(COMPILER)
    program.chmod(0o755)
    argv = ("build", MODEL, "--board", "nucleo_l4r5zi", "--toolchain", "arm_gcc")
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    process = started(*argv, cwd=tmp_path, PATH=path, PIDS=str(pids))
    until(pids.exists)
    children = [int(word) for word in pids.read_text().split()]
    assert all(map(is_alive, children))
    stopped(process, number)
    until(lambda: not any(map(is_alive, children)))
    assert not list((tmp_path / "build").rglob("*.partial*"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_workers_and_their_children_end_too(tmp_path: Path, number: int) -> None:
    """SIGTERM ended a conformance run, and its workers went on, with QEMU on one of them."""
    programs, pids, models = (tmp_path / name for name in ("bin", "pids", "models"))
    programs.mkdir()
    (programs / "gcc").write_text(COMPILER)
    (programs / "gcc").chmod(0o755)
    models.mkdir()
    for name in ("a", "b"):
        (models / f"{name}.tflite").write_bytes(Path(MODEL).read_bytes())
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    argv = ("conformance", "models", "--jobs", "2")
    process = started(*argv, cwd=tmp_path, PATH=path, PIDS=str(pids))
    until(pids.exists)
    group = [
        int(path.name) for path in Path("/proc").glob("[0-9]*") if _parent(path) == process.pid
    ]
    children = [*map(int, pids.read_text().split()), *group]
    assert len(children) >= 4
    assert all(map(is_alive, children))
    stopped(process, number)
    until(lambda: not any(map(is_alive, children)))


def _parent(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return -1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_temporary_folders_go(tmp_path: Path, number: int) -> None:
    """SIGTERM left the folder of a conversion behind, and the framework's process alive."""
    work, started_file = tmp_path / "tmp", tmp_path / "started"
    work.mkdir()
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho $$ > '{started_file}'\nsleep 1000\n")
    python.chmod(0o755)
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    argv = ("convert", "m.keras", "--python", str(python), "--calibration", "random")
    process = started(*argv, cwd=tmp_path, TMPDIR=str(work))
    until(lambda: started_file.exists() and started_file.read_text())
    assert list(work.iterdir())
    stopped(process, number)
    assert not list(work.iterdir())
    until(lambda: not is_alive(int(started_file.read_text())))


def test_ctrl_c_twice(tmp_path: Path) -> None:
    """A second Ctrl-C during the cleaning up ended in a traceback and left folders behind."""
    work = tmp_path / "tmp"
    work.mkdir()
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\ntrap '' TERM\ntouch started\nsleep 1000 &\nwait\nsleep 1000\n")
    python.chmod(0o755)
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    argv = ("convert", "m.keras", "--python", str(python), "--calibration", "random")
    process = started(*argv, cwd=tmp_path, TMPDIR=str(work))
    until((tmp_path / "started").exists)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)  # it now waits for a program that does not want to end
    stopped(process, signal.SIGINT)
    assert not list(work.iterdir())
