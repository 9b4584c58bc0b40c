"""The only module that starts programs.

Every command is logged as one could type it, its output is captured, and a failure becomes a
ToolError with the last lines and the way to get a program that is missing. Dry runs only log.
Whatever ends a command early (a signal, a timeout) also ends all that it has started.
"""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tinyml.base.errors import ToolError, ToolMissing
from tinyml.base.programs import how_to_get

log = logging.getLogger("tinyml")

LAST_LINES = 30
GRACE_S = 3.0  # for a program that is asked to end
SLICE_S = 0.2  # of waiting


@dataclass(frozen=True, slots=True)
class Command:
    """One program run: argv, working directory, what to say while it runs."""

    argv: tuple[str, ...]
    cwd: Path | None = None
    message: str = ""


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
    return _run(command, _Children(), dry_run=dry_run, timeout_s=timeout_s)


def feed(command: Command, data: bytes, *, timeout_s: float = 600.0) -> bytes:
    """Runs a command that gets ``data`` on its standard input; what it printed, as it is.

    Raises ToolError like ``run``.
    """
    log.info("%s", quoted(command))
    with _Children().started(command, stdin=subprocess.PIPE) as child:
        return _finished(command, child, timeout_s, data)


async def outcome(argv: Sequence[str]) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a program; ended when its task is cancelled.

    For servers, beside which anyio is installed.
    """
    import anyio

    done = await anyio.run_process(list(argv), check=False, stdin=subprocess.DEVNULL)
    return (
        done.returncode,
        done.stdout.decode(errors="replace"),
        done.stderr.decode(errors="replace"),
    )


def _run(command: Command, children: _Children, *, dry_run: bool, timeout_s: float = 600.0) -> str:
    log.info("%s", quoted(command))
    if dry_run:
        return ""
    with children.started(command, stdin=subprocess.DEVNULL) as child:
        output = _finished(command, child, timeout_s).decode(errors="replace")
    if output.strip():
        log.info("%s", output.rstrip())
    return output


def _finished(
    command: Command, child: subprocess.Popen[bytes], timeout_s: float, data: bytes | None = None
) -> bytes:
    """What a program printed that has done its work; raises ToolError when it has not."""
    printed = _printed(child, timeout_s, data)
    if printed is None:
        raise ToolError(
            f"'{_title(command)}' did not finish within {timeout_s:g} s",
            hint=f"run it yourself to see why: {quoted(command)}",
        )
    if child.returncode != 0:
        output = last_lines(printed.decode(errors="replace"))
        raise ToolError(
            f"'{_title(command)}' failed with exit code {child.returncode}:\n{output}",
            hint=f"the command was: {quoted(command)}",
        )
    return printed


def _printed(
    child: subprocess.Popen[bytes], timeout_s: float, data: bytes | None = None
) -> bytes | None:
    """What a program prints until it ends; None when it takes longer.

    Waits in slices: Python hears a signal that comes just before a wait only after it.
    """
    end = time.monotonic() + timeout_s
    if data is not None and child.stdin is not None:
        # Not by communicate(): what it has not written in the first slice it forgets.
        stdin, child.stdin = child.stdin, None
        threading.Thread(target=_write, args=(stdin, data), daemon=True).start()
    while True:
        try:
            left = max(end - time.monotonic(), 0.0)
            return child.communicate(timeout=min(SLICE_S, left))[0]
        except subprocess.TimeoutExpired:
            if time.monotonic() >= end:
                return None


def _write(stdin: IO[bytes], data: bytes) -> None:
    """All of the input, then its end; a program that is gone or has read enough ends that too."""
    with suppress(OSError), stdin:
        stdin.write(data)


def _result(future: Future[str]) -> str:
    """What a future gives, waited for in slices."""
    while not wait((future,), timeout=SLICE_S).done:
        pass
    return future.result()


class _Children:
    """Programs that run now, each with those that it started: they end with us in any case."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._is_ended = False

    @contextmanager
    def started(
        self, command: Command, *, stdin: int, bufsize: int = -1
    ) -> Iterator[subprocess.Popen[bytes]]:
        """A program in a process group of its own, which is ended on leaving.

        Raises ToolError when it is missing or cannot be started.
        """
        held: list[subprocess.Popen[bytes]] = []
        try:
            self._start(held, command, stdin, bufsize)
            yield held[0]
        except BaseException:
            for child in held:
                _signal(child, signal.SIGTERM)  # also what it has left behind, should it be gone
            raise
        finally:
            for child in held:
                self._running.discard(child)
                _end(child)
                for stream in (child.stdin, child.stdout):
                    if stream is not None:
                        with suppress(OSError):
                            stream.close()

    def _start(
        self, held: list[subprocess.Popen[bytes]], command: Command, stdin: int, bufsize: int
    ) -> None:
        """Starts a program and puts it into ``held``."""
        program = require(command.argv[0])

        def begin() -> None:
            with self._lock:
                if self._is_ended:
                    raise ToolError(f"'{_title(command)}' was not started: stopped")
                child = subprocess.Popen(
                    [program, *command.argv[1:]],
                    cwd=command.cwd,
                    stdin=stdin,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    bufsize=bufsize,
                    start_new_session=True,  # Ctrl-C is for us, who end the whole group
                )
                held.append(child)
                self._running.add(child)

        try:
            # Signals interrupt the main thread only: elsewhere, no program is lost between its
            # start and our knowing of it.
            with ThreadPoolExecutor(max_workers=1) as pool:
                pool.submit(begin).result()
        except OSError as error:
            reason = error.strerror or error
            raise ToolError(f"'{program}' cannot be started: {reason}") from error

    def end(self) -> None:
        """Ends all that run, and lets no other begin."""
        with self._lock:
            self._is_ended = True
            for child in tuple(self._running):
                _end(child)


def _end(child: subprocess.Popen[bytes]) -> None:
    """Ends a program that still runs, and what it started: politely first, so that it tidies up."""
    try:
        if child.poll() is None:
            _signal(child, signal.SIGTERM)
            child.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        pass
    finally:
        if child.poll() is None:
            _signal(child, getattr(signal, "SIGKILL", signal.SIGTERM))
            child.wait()


def _signal(child: subprocess.Popen[bytes], number: int) -> None:
    with suppress(OSError):  # it has just ended
        if hasattr(os, "killpg"):
            os.killpg(child.pid, number)
        else:
            child.send_signal(number)


@contextmanager
def beside(command: Command, *, timeout_s: float = 600.0) -> Iterator[Future[str]]:
    """What ``run`` will give or raise; the command runs beside the block and ends with it."""
    children = _Children()
    with ThreadPoolExecutor(max_workers=1) as pool:
        try:
            yield pool.submit(_run, command, children, dry_run=False, timeout_s=timeout_s)
        finally:
            children.end()


@contextmanager
def running(command: Command) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """A command that goes on running: its standard input, and its stdout and stderr as one pipe.

    It is ended on leaving. Raises ToolError when the program is missing or cannot be started.
    """
    log.info("%s", quoted(command))
    with _Children().started(command, stdin=subprocess.PIPE, bufsize=0) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        yield child.stdin, child.stdout


def run_all(
    commands: Sequence[Command], *, jobs: int = 2, dry_run: bool = False
) -> tuple[str, ...]:
    """Runs independent commands, ``jobs`` at a time; returns what each printed.

    The first failure in the order given is raised, once all that had started are done.
    """
    if jobs == 1 or len(commands) < 2:
        return tuple(run(command, dry_run=dry_run) for command in commands)
    children = _Children()
    pool = ThreadPoolExecutor(max_workers=jobs)
    try:
        futures = [pool.submit(_run, item, children, dry_run=dry_run) for item in commands]
        return tuple(map(_result, futures))
    except KeyboardInterrupt:  # the threads wait for programs that must not go on
        children.end()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def last_lines(text: str, count: int = LAST_LINES) -> str:
    """The last lines of a program's output, saying how many were left out."""
    lines = text.rstrip().splitlines()
    if len(lines) <= count:
        return "\n".join(lines)
    return "\n".join([f"... ({len(lines) - count} lines left out)", *lines[-count:]])


def _title(command: Command) -> str:
    return command.message or Path(command.argv[0]).name
