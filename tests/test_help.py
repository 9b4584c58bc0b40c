"""Help: every command is in one group and has examples that can be typed; exit codes are told."""

from __future__ import annotations

import shlex
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from tinyml.base import errors
from tinyml.cli import EXIT_BUG, cli
from tinyml.device.ports import Port

COMMANDS = [command for commands in cli.groups.values() for command in commands]


def asked(*arguments: str) -> str:
    done = CliRunner().invoke(cli, arguments, prog_name="tinyml")
    assert done.exit_code == 0, done.output
    return done.output


def test_every_command_is_in_one_group() -> None:
    names = [command.name for command in COMMANDS]
    assert len(set(names)) == len(names)
    assert list(cli.commands) == names
    shown = asked("help")
    assert all(f"\n  {name} " in shown for name in names)
    assert shown == asked("--help")


def known_options(command: click.Command) -> set[str]:
    return {name for item in command.params for name in (*item.opts, *item.secondary_opts)}


@pytest.mark.parametrize("command", [cli, *COMMANDS], ids=lambda command: command.name)
def test_examples_are_commands_as_they_are_typed(
    command: click.Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing runs: each names its command, options that it has, and parses."""
    monkeypatch.chdir(tmp_path)
    root = click.Context(cli, info_name="tinyml", **cli.context_settings)
    if command.name == "help":
        return
    assert command.epilog, f"'tinyml {command.name}' has no example"
    lines = [line.strip() for line in command.epilog.splitlines()[2:]]
    assert lines
    for line in lines:
        if line.startswith("eval"):
            continue
        program, name, *rest = shlex.split(line)
        assert program == "tinyml"
        called = cli.commands[name]
        assert command in (cli, called)
        assert {word for word in rest if word.startswith("-")} <= known_options(called)
        for word in rest:
            if word.endswith("/"):
                Path(word).mkdir()
            elif "." in word:
                Path(word).touch()
        called.make_context(name, list(rest), parent=root)


def test_help_on_one_command_is_its_own_help() -> None:
    assert asked("help", "check") == asked("check", "--help")


def test_an_unknown_topic_names_those_that_are_near() -> None:
    done = CliRunner().invoke(cli, ["help", "exit-code"])
    assert done.exit_code == 2
    assert "did you mean 'exit-codes'" in done.output


def test_every_exit_code_of_an_error_is_told() -> None:
    def below(kind: type[errors.TinymlError]) -> set[int]:
        return {kind.exit_code}.union(*(below(each) for each in kind.__subclasses__()))

    raised = below(errors.TinymlError) | {0, 2, EXIT_BUG, 128 + 2}
    assert {int(code) for code in errors.EXIT_CODES} == raised
    shown = asked("help", "exit-codes")
    assert all(meaning in shown for meaning in errors.EXIT_CODES.values())


def completed(words: str, incomplete: str) -> list[str]:
    """What a shell offers behind these words."""
    complete = ShellComplete(cli, {}, "tinyml", "_TINYML_COMPLETE")
    return [item.value for item in complete.get_completions(words.split(), incomplete)]


@pytest.mark.parametrize(
    ("words", "incomplete", "offered"),
    [
        ("build m.tflite --template", "esp_", ["esp_idf", "esp_idf_tflm"]),
        ("build m.tflite --template", "./mi", ["./mi"]),
        ("build m.tflite --board esp32s3 --memory", "w", ["wifi", "wifi_ota"]),
        ("build m.tflite --board nucleo_l4r5zi --memory", "w", []),
        ("check m.tflite --kernels", "esp", ["esp_nn"]),
        ("flash --flasher", "st", ["stm32_uart"]),
        ("build m.tflite --toolchain", "z", ["zig"]),
        ("help", "exit", ["exit-codes"]),
    ],
)
def test_values_complete(words: str, incomplete: str, offered: list[str]) -> None:
    assert completed(words, incomplete) == offered


def test_ports_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    there = Port("/dev/ttyACM7", "ST-Link", "0483:374b", "", ("nucleo_l4r5zi",), "")
    monkeypatch.setattr("tinyml.device.ports.list_ports", lambda boards: (there,))
    assert completed("flash --port", "/dev/tty") == ["/dev/ttyACM7"]
