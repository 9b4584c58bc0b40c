"""The only module that starts programs.

Every command is logged as one could type it, its output is captured, and a failure becomes a
ToolError with the last lines and the way to get a program that is missing. Dry runs only log.
"""

from __future__ import annotations

import logging
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tinyml.backends.base import Command
from tinyml.errors import ToolError, ToolMissing

log = logging.getLogger("tinyml")

LAST_LINES = 30

HOW_TO_GET = {
    "STM32_Programmer_CLI": "https://www.st.com/en/development-tools/stm32cubeprog.html",
    "arduino-cli": "https://arduino.github.io/arduino-cli/latest/installation",
    "arm-none-eabi-g++": "apt install gcc-arm-none-eabi libstdc++-arm-none-eabi-newlib, or brew "
    "install --cask gcc-arm-embedded",
    "arm-none-eabi-gcc": "apt install gcc-arm-none-eabi, brew install --cask gcc-arm-embedded, or "
    "https://developer.arm.com/downloads/-/arm-gnu-toolchain-downloads; or use --toolchain zig",
    "bossac": "arduino-cli core install arduino:mbed_nano brings Arduino's own version",
    "cc": "apt install gcc, xcode-select --install, or pip install ziglang",
    "cmake": "apt install cmake, brew install cmake, or pip install cmake",
    "dfu-util": "apt install dfu-util, or brew install dfu-util",
    "docker": "https://docs.docker.com/engine/install",
    "esptool": "pip install esptool",
    "idf.py": "https://docs.espressif.com/projects/esp-idf, then run its export script",
    "ninja": "apt install ninja-build, brew install ninja, or pip install ninja",
    "openocd": "apt install openocd, or brew install openocd",
    "pio": "pip install platformio",
    "probe-rs": "https://probe.rs/docs/getting-started/installation",
    "pyocd": "pip install pyocd",
    "qemu-system-arm": "apt install qemu-system-arm, or brew install qemu",
    "stm32flash": "apt install stm32flash",
    "unicorn": "pip install unicorn",
    "west": "pip install west; then https://docs.zephyrproject.org/latest/develop/getting_started",
    "zig": "pip install ziglang",
    "ziglang": "pip install ziglang",
}


def how_to_get(program: str) -> str:
    """Where a program or Python package comes from."""
    return HOW_TO_GET.get(program, f"install '{program}' and make sure that it is on PATH")


def quoted(command: Command) -> str:
    """The command as one could type it into a shell."""
    line = shlex.join(command.argv)
    return f"(cd {shlex.quote(str(command.cwd))} && {line})" if command.cwd else line


def require(program: str) -> str:
    """The full path of a program. Raises ToolMissing that says how to get it."""
    found = shutil.which(program)
    if found is None:
        name = Path(program).name.removesuffix(".exe")
        raise ToolMissing(
            f"the program '{program}' is not there or not on PATH", hint=how_to_get(name)
        )
    return found


def run(command: Command, *, dry_run: bool = False, timeout_s: float = 600.0) -> str:
    """Runs a command and returns what it printed (stdout and stderr together).

    Raises ToolError when the program is missing, fails, or takes longer than timeout_s.
    """
    log.info("%s", quoted(command))
    if dry_run:
        return ""
    program = require(command.argv[0])
    try:
        done = subprocess.run(
            [program, *command.argv[1:]],
            cwd=command.cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ToolError(
            f"'{_title(command)}' did not finish within {timeout_s:g} s",
            hint=f"run it yourself to see why: {quoted(command)}",
        ) from error
    except OSError as error:
        raise ToolError(f"'{program}' cannot be started: {error.strerror or error}") from error
    output = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        raise ToolError(
            f"'{_title(command)}' failed with exit code {done.returncode}:\n{last_lines(output)}",
            hint=f"the command was: {quoted(command)}",
        )
    if output.strip():
        log.info("%s", output.rstrip())
    return output


@contextmanager
def running(command: Command) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """A command that goes on running: its standard input, and its stdout and stderr as one pipe.

    It is ended on leaving. Raises ToolError when the program is missing or cannot be started.
    """
    log.info("%s", quoted(command))
    program = require(command.argv[0])
    try:
        started = subprocess.Popen(
            [program, *command.argv[1:]],
            cwd=command.cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
        )
    except OSError as error:
        raise ToolError(f"'{program}' cannot be started: {error.strerror or error}") from error
    assert started.stdin is not None
    assert started.stdout is not None
    try:
        yield started.stdin, started.stdout
    finally:
        started.kill()
        started.wait()
        started.stdin.close()
        started.stdout.close()


def run_all(
    commands: Sequence[Command], *, jobs: int = 2, dry_run: bool = False
) -> tuple[str, ...]:
    """Runs independent commands, ``jobs`` at a time; returns what each printed.

    The first failure in the order given is raised, once all that had started are done.
    """
    if jobs == 1 or len(commands) < 2:
        return tuple(run(command, dry_run=dry_run) for command in commands)
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        futures = [pool.submit(run, command, dry_run=dry_run) for command in commands]
        try:
            return tuple(future.result() for future in futures)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def last_lines(text: str, count: int = LAST_LINES) -> str:
    """The last lines of a program's output, saying how many were left out."""
    lines = text.rstrip().splitlines()
    if len(lines) <= count:
        return "\n".join(lines)
    return "\n".join([f"... ({len(lines) - count} lines left out)", *lines[-count:]])


def _title(command: Command) -> str:
    return command.message or Path(command.argv[0]).name
