"""Images for tests hold lines instead of all debug information: a compiler takes a third less.

The code is the same (tests/sim/test_debug_information.py), but not on a Cortex-M0+, where clang
puts an instruction elsewhere: there, and in commands that tests run as programs, images have what
those of users have.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tinyml.backends.toolchains import ArmGcc, Zig
from tinyml.base.process import Command
from tinyml.values.project import Project

OTHER_CODE = ("cortex-m0plus",)
_COMPILE = {chain: chain.compile for chain in (Zig, ArmGcc)}


@contextmanager
def lines_only() -> Iterator[None]:
    """Within it, compilers keep lines alone, but for the cores in OTHER_CODE."""
    with pytest.MonkeyPatch.context() as patch:
        for chain, compile_ in _COMPILE.items():

            def shorter(
                self: Zig | ArmGcc,
                project: Project,
                source: str,
                output: Path,
                of_users: object = compile_,
            ) -> Command:
                command: Command = of_users(self, project, source, output)  # type: ignore[operator]
                if project.board.chip.core.name in OTHER_CODE:
                    return command
                argv = tuple("-g1" if word == "-g" else word for word in command.argv)
                return replace(command, argv=argv)

            patch.setattr(chain, "compile", shorter)
        yield


@contextmanager
def as_users() -> Iterator[None]:
    """Within it, they keep what they keep for users."""
    with pytest.MonkeyPatch.context() as patch:
        for chain, compile_ in _COMPILE.items():
            patch.setattr(chain, "compile", compile_)
        yield
