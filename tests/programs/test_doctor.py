from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from tinyml.base import programs
from tinyml.cli import cli
from tinyml.device.access import access_notes
from tinyml.device.ports import Port
from tinyml.session.doctor import Diagnosis, diagnose, look_for, state_of
from tinyml.target.boards import all_boards, load_board
from tinyml.target.template import toolchain_of
from tinyml.target.tools import NEEDS, TOOLS, Tool, range_text


def examined(board: str, versions: dict[str, str | None], *ports: Port) -> Diagnosis:
    """What is said when these tools are there."""

    def probe(tool: Tool) -> tuple[str | None, str | None]:
        return ("/bin/x", versions[tool.name]) if tool.name in versions else (None, None)

    return diagnose([load_board(board)], probe, ports)


@pytest.mark.parametrize(
    ("version", "state"),
    [("5.0", "too old"), ("5.1", "ok"), ("5.5.2", "ok"), ("7.0", "untested"), ("", "ok")],
)
def test_states_of_a_version(version: str, state: str) -> None:
    tool = Tool("idf.py", (5, 1), (7,))
    assert state_of(tool, "/bin/idf.py", version) == state
    assert range_text(tool) == "5.1 or newer, below 7"
    assert state_of(tool, None, None) == "missing"
    assert state_of(tool, "/bin/idf.py", None) == "broken"


def test_a_complete_board() -> None:
    found = examined("nucleo_l4r5zi", {"ziglang": "0.17.1", "unicorn": "2.1.4"})
    assert found.is_complete
    assert found.routes[0].steps == (
        "toolchain zig: ziglang 0.17.1",
        "flasher copy: needs nothing",
        "simulator unicorn: unicorn 2.1.4",
    )
    openocd = next(item for item in found.findings if item.tool == "openocd")
    assert (openocd.state, openocd.get) == (
        "missing",
        "apt install openocd, or brew install openocd",
    )
    assert openocd.used_for == ("flasher swd",)


def test_an_alternative_is_enough_and_a_missing_tool_is_named() -> None:
    assert examined("esp32s3", {"docker": "28", "esptool": "5.6.0"}).is_complete
    found = examined("esp32s3", {"idf.py": "4.4", "esptool": "5.6.0"})
    assert not found.is_complete
    assert found.routes[0].steps[0] == "toolchain esp_idf: idf.py (or docker) is too old"
    assert "idf.py: https" not in next(i for i in found.findings if i.tool == "idf.py").get


def test_a_port_without_permission_is_part_of_the_board() -> None:
    port = Port("/dev/ttyACM0", "", "0483:374b", "", ("nucleo_l4r5zi",), "no permission: join")
    versions: dict[str, str | None] = {"ziglang": "0.17.1", "unicorn": "2.1.4"}
    found = examined("nucleo_l4r5zi", versions, port)
    assert found.routes[0].steps[-1] == "port /dev/ttyACM0: no permission: join"
    assert not found.is_complete


def test_a_program_that_does_not_start_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "pio"
    program.write_text("#!/bin/sh\necho 'PlatformIO Core, version 6.1.18'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert look_for(TOOLS["pio"]) == (str(program), "6.1.18")
    program.write_text("#!/bin/sh\nexit 3\n")
    assert look_for(TOOLS["pio"]) == (str(program), None)
    assert look_for(Tool("no-such-program")) == (None, None)
    assert look_for(Tool("no-such-package", is_package=True)) == (None, None)


def test_every_tool_is_known_and_can_be_got() -> None:
    tools = {name for groups in NEEDS.values() for group in groups for name in group}
    assert tools == set(TOOLS)
    assert tools <= set(programs.HOW_TO_GET)


def test_rules_for_usb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000, raising=False)
    monkeypatch.setattr("tinyml.device.access._is_in_serial_group", lambda: False)
    boards = [load_board("nicla_vision"), load_board("nucleo_l4r5zi")]
    notes = access_notes(boards, (), (tmp_path,))
    assert notes[0].startswith("you are not in the group of serial ports: sudo usermod")
    assert notes[1].startswith("no udev rule names the USB vendor 0483, 2341: only root")
    (tmp_path / "60-openocd.rules").write_text('ATTRS{idVendor}=="0483"\nATTRS{idVendor}=="2341"')
    assert len(access_notes(boards, (), (tmp_path,))) == 1


def test_the_command_exits_with_the_tool_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tinyml.session.doctor.look_for", lambda tool: (None, None))
    monkeypatch.setattr("tinyml.session.doctor.list_ports", lambda boards: ())
    done = CliRunner().invoke(cli, ["doctor", "--board", "esp32s3"], standalone_mode=False)
    assert done.return_value == 3
    assert "esp32s3: incomplete; toolchain esp_idf: idf.py (or docker) is missing" in done.output
    assert "idf.py: https://docs.espressif.com/projects/esp-idf" in done.output
    done = CliRunner().invoke(cli, ["doctor", "--json"], standalone_mode=False)
    document = json.loads(done.output)
    assert document["is_complete"] is False
    assert [item["board"] for item in document["routes"]] == [b.name for b in all_boards()]


def test_what_every_board_and_template_needs_is_known() -> None:
    for board in all_boards():
        for name in board.templates:
            chain = toolchain_of(board, name)
            assert ("toolchain", chain) in NEEDS, f"{board.name}: {name} is built by {chain}"
