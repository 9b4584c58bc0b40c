"""What one damaged model does to tinyml: nothing, or what a user must never see."""

from __future__ import annotations

import resource
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from tests.support.values.small_boards import small_board
from tinyml.base.errors import TinymlError
from tinyml.convert import flatfile
from tinyml.model.arithmetic import is_float
from tinyml.model.file import model_file
from tinyml.plan.fit import fit
from tinyml.report.listing import model_tables
from tinyml.runtimes import runtime_of
from tinyml.values.goal import Goal

LONGEST_S = 10
MOST_BYTES = 1 << 30
BOARD = small_board(sram=65_536, isa=("dsp",))
RUNTIMES = ("aot", "tflm")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be."""

    number: int  # of the mutated model
    stage: str  # "aot", "tflm" or "build"
    what: str  # the exception and where it was raised, or "took … s"


class TooSlow(BaseException):
    """Not an Exception, so that nobody takes it for one of his own."""


def findings(data: bytes, number: int) -> list[Finding]:
    """Everything that is wrong with how tinyml takes the bytes."""
    found = []
    for stage in (*RUNTIMES, "build"):
        try:
            with _at_most(LONGEST_S):
                _run(stage, data)
        except TinymlError as error:
            if "internal" in error.message:
                found.append(Finding(number, stage, error.message))
        except TooSlow:
            found.append(Finding(number, stage, f"took more than {LONGEST_S} s"))
        except BaseException:
            last = traceback.format_exc().strip().splitlines()
            found.append(Finding(number, stage, " | ".join(line.strip() for line in last[-5:])))
    if peak_bytes() > MOST_BYTES:
        found.append(Finding(number, "", f"took {peak_bytes():,} bytes, or one before it did"))
    return found


def peak_bytes() -> int:
    """The most memory that this process has held."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _run(stage: str, data: bytes) -> None:
    """What ``check``, ``inspect`` and ``build`` do with a model before they write anything."""
    file = model_file("damaged.tflite", data)
    if stage == "build":  # asks what it is before it reads it
        is_float(flatfile.read("damaged.tflite", data))
        return
    runtime = runtime_of(stage)
    graph = runtime.load(file)
    if stage == "aot":
        model_tables(graph)
    plan = runtime.plan(file, graph, BOARD, Goal())
    fit(plan, BOARD)
    runtime.generate(file, plan, BOARD, Goal())


@contextmanager
def _at_most(seconds: int) -> Iterator[None]:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
