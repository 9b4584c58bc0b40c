from __future__ import annotations

import logging
import sys
import time
from pathlib import Path

import pytest

from tinyml.base.errors import ToolError
from tinyml.base.process import Command, beside, last_lines, quoted, require, run, run_all


def python(code: str, **kwargs: object) -> Command:
    return Command((sys.executable, "-c", code), **kwargs)  # type: ignore[arg-type]


def test_output_of_both_streams_is_returned() -> None:
    code = "import sys; print('out', flush=True); print('err', file=sys.stderr)"
    assert run(python(code)).split() == ["out", "err"]


def test_command_is_logged_quoted(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    command = Command(("cc", "a b.c"), cwd=tmp_path)
    with caplog.at_level(logging.INFO, "tinyml"):
        assert run(command, dry_run=True) == ""
    assert caplog.messages == [f"(cd {tmp_path} && cc 'a b.c')"]
    assert quoted(Command(("cc", "x"))) == "cc x"


def test_missing_program_says_how_to_get_it() -> None:
    with pytest.raises(ToolError) as caught:
        run(Command(("/nowhere/arm-none-eabi-gcc", "x.c")))
    assert "is not there or not on PATH" in caught.value.message
    assert "gcc-arm-none-eabi" in str(caught.value.hint)
    with pytest.raises(ToolError, match="make sure that it is on PATH"):
        require("no-such-program-of-ours")


def test_failure_carries_the_last_lines_and_the_command() -> None:
    code = "for i in range(100): print('line', i)\nraise SystemExit(3)"
    with pytest.raises(ToolError) as caught:
        run(python(code, message="compiling x.c"))
    lines = caught.value.message.splitlines()
    assert lines[0] == "'compiling x.c' failed with exit code 3:"
    assert lines[1] == "... (70 lines left out)"
    assert lines[-1] == "line 99"
    assert sys.executable in str(caught.value.hint)


def test_timeout_is_a_tool_error() -> None:
    with pytest.raises(ToolError, match="did not finish within"):
        run(python("import time; time.sleep(30)"), timeout_s=0.2)


def test_a_command_beside_others_ends_with_them() -> None:
    begun = time.monotonic()
    with beside(python("print('said')")) as running:
        assert running.result().strip() == "said"
    with (
        pytest.raises(ToolError, match="failed with exit code"),
        beside(python("1 / 0")) as running,
    ):
        running.result()
    with beside(python("import time; time.sleep(60)")) as running:
        pass
    assert running.done()
    assert time.monotonic() - begun < 30


def test_independent_commands_keep_their_order() -> None:
    commands = [python(f"print({i})") for i in range(5)]
    assert [text.strip() for text in run_all(commands)] == ["0", "1", "2", "3", "4"]


def test_first_failure_in_order_is_raised() -> None:
    commands = [python("print(1)"), python("raise SystemExit(7)"), python("raise SystemExit(8)")]
    with pytest.raises(ToolError, match="exit code 7"):
        run_all(commands)


def test_last_lines_of_a_short_text_is_the_text() -> None:
    assert last_lines("a\nb\n") == "a\nb"
