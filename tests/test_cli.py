"""The command line as a user meets it: results on stdout, errors with a next step, exit codes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from tests.support.running.cli import run_tinyml
from tinyml.cli import cli
from tinyml.cli.options import BoardType

ROOT = Path(__file__).parent.parent
DIGITS = ROOT / "examples" / "digits"
MODEL = str(DIGITS / "digits.tflite")


def tinyml(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    env = {"PATH": "/usr/bin:/bin", "HOME": str(Path.home()), "PYTHONPATH": str(ROOT)}
    return run_tinyml(*arguments, cwd=cwd, env=env)


def test_boards_lists_every_board() -> None:
    result = tinyml("boards", "--json")
    names = {record["name"] for record in json.loads(result.stdout)}
    assert {"nucleo_l4r5zi", "nicla_vision", "esp32s3", "rpi_pico2"} <= names


def keys_of(document: Any) -> set[str]:
    """Every key in a JSON document."""
    if isinstance(document, list):
        return {key for item in document for key in keys_of(item)}
    if isinstance(document, dict):
        return set(document) | {key for item in document.values() for key in keys_of(item)}
    return set()


@pytest.mark.parametrize(
    "arguments",
    [
        ("boards",),
        ("ops",),
        ("inspect", MODEL),
        ("check", MODEL, "--board", "rpi_pico", "--explore"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_keys_of_json_are_words_for_programs(arguments: tuple[str, ...]) -> None:
    found = json.loads(tinyml(*arguments, "--json").stdout)
    assert {key for key in keys_of(found) if not re.fullmatch(r"[a-z][a-z0-9_]*", key)} == set()


def test_report_of_the_last_build(tmp_path: Path) -> None:
    result = tinyml("report", cwd=tmp_path)
    assert result.returncode == 1
    assert "there is no report below build/" in result.stderr
    for name in ("a", "b"):
        folder = tmp_path / "build" / name
        words = ("build", MODEL, "--board", "nucleo_l4r5zi", "--library", "--output", str(folder))
        assert tinyml(*words).returncode == 0
        result = tinyml("report", cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        assert f"wrote build/{name}/report.html" in result.stdout
    assert result.stderr == "the last of 2 reports: build/b\n"


def test_inspect_as_json_holds_numbers() -> None:
    found = json.loads(tinyml("inspect", MODEL, "--json").stdout)
    assert found["inputs"][0]["shape"] == [1, 8, 8, 1]
    assert found["outputs"][0]["scale"] == 1 / 256
    assert found["layers"][0]["weights"] == "per_channel"
    assert found["macs"] == sum(layer["macs"] for layer in found["layers"]) == 82304


def test_inspect_shows_the_layers() -> None:
    result = tinyml("inspect", MODEL)
    assert result.returncode == 0
    assert "DEPTHWISE_CONV_2D" in result.stdout
    assert "0.00392157 * (q +128)" in result.stdout


def test_check_says_where_ram_peaks() -> None:
    result = tinyml("check", MODEL, "--board", "nucleo_l4r5zi", "--board", "esp32s3")
    assert result.returncode == 0
    assert "RAM peaks at layer" in result.stdout
    assert "esp32s3: fits" in result.stdout


def test_check_without_a_board_compares_all() -> None:
    result = tinyml("check", MODEL, "--sort", "flash")
    assert result.returncode == 0, result.stderr
    names = {record["name"] for record in json.loads(tinyml("boards", "--json").stdout)}
    rows = [line.split() for line in result.stdout.splitlines()]
    sizes = [int(row[4].replace(",", "")) for row in rows if row and row[0] in names]
    assert len(sizes) == len(names)
    assert sizes == sorted(sizes)
    assert f"fits {len(names)} of {len(names)} boards; the smallest of them is" in result.stdout


def test_check_without_a_board_fails_where_none_fits() -> None:
    result = tinyml("check", MODEL, "--flash-budget", "1K", "--json")
    assert result.returncode == 1
    assert not any(record["fits"] for record in json.loads(result.stdout))


def test_check_leaves_out_boards_that_have_not_what_is_named() -> None:
    result = tinyml("check", MODEL, "--kernels", "esp_nn")
    assert result.returncode == 0, result.stderr
    assert "esp32s3" in result.stdout
    assert "nucleo_l4r5zi" not in result.stdout
    assert "left out: arduino_nano33ble: there is no kernel library 'esp_nn'" in result.stdout
    assert "boards; --board NAME says why" in result.stdout
    result = tinyml("check", MODEL, "--memory", "nonsense")
    assert result.returncode == 1
    assert "has no memory profile 'nonsense'" in result.stderr


def test_check_reads_a_model_by_what_is_in_it(tmp_path: Path) -> None:
    """It said that the model is quantised already, and that 'check' takes it as it is."""
    other = tmp_path / "digits.bin"
    other.write_bytes(Path(MODEL).read_bytes())
    result = tinyml("check", str(other), "--board", "nucleo_l4r5zi")
    assert result.returncode == 0, result.stderr
    assert "random samples" not in result.stdout


def test_check_explores() -> None:
    result = tinyml("check", MODEL, "--board", "nucleo_l4r5zi", "--explore")
    assert result.returncode == 0
    assert "balanced" in result.stdout
    assert "instructions" in result.stdout


def test_check_explains_what_does_not_fit(tmp_path: Path) -> None:
    board = (ROOT / "boards" / "nucleo_l4r5zi.toml").read_text()
    small = tmp_path / "small.toml"
    assert 'region = "sram"' in board
    small.write_text(board.replace('region = "sram"', 'region = "sram", max_bytes = 3_072'))
    result = tinyml("check", MODEL, "--board", str(small))
    assert result.returncode == 1
    assert "DOES NOT FIT: sram is" in result.stdout
    assert "it would fit: " in result.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (("inspect", "absent.tflite"), 1, "absent.tflite: no such file or folder"),
        (("inspect", str(DIGITS / "test.npz")), 1, "test.npz"),
        (("check", MODEL, "--board", "nucleo_l4r5z"), 1, "did you mean 'nucleo_l4r5zi'"),
        (("check", MODEL, "--explore"), 2, "name it with --board"),
        (("build", MODEL, "--board", "nucleo_l4r5zi", "--optimize", "fast"), 2, "'fast' is not"),
        (("bild",), 2, "No such command 'bild'"),
        (
            ("run", MODEL, "--board", "nucleo_l4r5zi", "--kernels", "esp_nn"),
            1,
            "there is no kernel library 'esp_nn' for the STM32L4R5",
        ),
        (
            ("simulate", MODEL, "--board", "nucleo_l4r5zi", "--inputs", "absent.npz"),
            1,
            "no such file",
        ),
    ],
)
def test_mistakes_get_one_clear_error(
    arguments: tuple[str, ...], code: int, expected: str, tmp_path: Path
) -> None:
    result = tinyml(*arguments, cwd=tmp_path)
    assert result.returncode == code, result.stderr
    assert expected in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_a_truncated_model_is_one_error(tmp_path: Path) -> None:
    damaged = tmp_path / "half.tflite"
    damaged.write_bytes(Path(MODEL).read_bytes()[:7000])
    result = tinyml("build", str(damaged), "--board", "nucleo_l4r5zi", cwd=tmp_path)
    assert result.returncode == 1
    assert "half.tflite" in result.stderr
    assert not (tmp_path / "build").exists()


@pytest.mark.sim
def test_simulate_reports_accuracy_and_equality(tmp_path: Path) -> None:
    result = tinyml(
        *("simulate", MODEL, "--board", "nucleo_l4r5zi"),
        *("--inputs", str(DIGITS / "test.npz"), "--samples", "20", "--outputs", "out.npz"),
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stderr
    assert "outputs equal to the reference on all 20 samples" in result.stdout
    report = json.loads((tmp_path / "build/digits-nucleo_l4r5zi/report.json").read_text())
    assert report["format"] == 1
    assert report["run"]["samples"] == 20
    assert (tmp_path / "out.npz").exists()


def test_outputs_that_cannot_be_written(tmp_path: Path) -> None:
    """It used to be a traceback, after the simulation."""
    (tmp_path / "file").write_text("")
    result = tinyml(
        *("simulate", MODEL, "--board", "rpi_pico", "--samples", "1", "--outputs", "file/x.npz"),
        cwd=tmp_path,
    )
    assert result.returncode == 1
    assert "file" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
@pytest.mark.parametrize("arguments", [("boards",), ("boards", "--json"), ("completion", "bash")])
def test_a_full_disk_is_no_bug(arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [sys.executable, "-m", "tinyml", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={"PATH": "/usr/bin:/bin", "HOME": str(Path.home()), "PYTHONPATH": str(ROOT)},
        )
    assert result.returncode == 1
    assert result.stderr == "error: cannot write the result: No space left on device\n"


def test_the_toolchain_of_the_board_file_is_used(tmp_path: Path) -> None:
    text = (ROOT / "boards" / "rpi_pico.toml").read_text()
    (tmp_path / "mine.toml").write_text(text.replace('toolchain = "zig"', 'toolchain = "zigg"'))
    result = tinyml("build", MODEL, "--board", "./mine.toml", cwd=tmp_path)
    assert result.returncode == 1
    assert "mine.toml: in [backends], there is no toolchain 'zigg': did you mean 'zig'?" in (
        result.stderr
    )


def test_boards_complete_by_name_and_by_path() -> None:
    context = click.Context(click.Command("check"))

    def complete(text: str) -> list[tuple[str, str]]:
        found = BoardType().shell_complete(context, click.Option(["--board"]), text)
        return [(item.type, item.value) for item in found]

    assert complete("nicla") == [("plain", "nicla_vision")]
    assert complete("./mi") == [("file", "./mi")]


@pytest.mark.parametrize(
    "command",
    # conformance asks the same of many targets, each with the budgets of its own file
    [command for command in cli.commands.values() if command.name != "conformance"],
    ids=lambda command: command.name,
)
def test_commands_that_plan_take_the_same_limits(command: click.Command) -> None:
    names = {item.name for item in command.params}
    if "optimize" in names:
        assert {"memory", "ram_budget", "flash_budget", "kernels"} <= names
