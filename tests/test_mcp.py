"""The server for assistants, asked by the client of the protocol's own SDK."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tinyml.base.errors import ToolError
from tinyml.base.programs import pip_command
from tinyml.session import mcp_server

pytest.importorskip("mcp.client.stdio", reason="the package mcp is missing (tinyml-firmware[mcp])")

import anyio
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

ROOT = Path(__file__).parents[1]
DIGITS = ROOT / "examples" / "digits"
TOOLS = ["check", "build", "simulate", "report", "compare", "convert", "inspect", "boards", "ops"]


def asked(folder: Path, *calls: tuple[str, dict[str, Any]]) -> tuple[list[str], list[Any]]:
    """The names of the tools, and what each call gave: a text, or the text of its error."""
    found: list[Any] = []
    names: list[str] = []
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "tinyml", "mcp"], env=environment, cwd=str(folder)
    )

    async def session() -> None:
        async with stdio_client(server) as (read, write), ClientSession(read, write) as client:
            await client.initialize()
            names.extend(tool.name for tool in (await client.list_tools()).tools)
            for name, arguments in calls:
                found.append(await client.call_tool(name, arguments))

    anyio.run(session)
    return names, found


def text_of(result: Any) -> str:
    return "".join(item.text for item in result.content)


@pytest.mark.sim
def test_an_assistant_checks_builds_and_simulates(tmp_path: Path) -> None:
    for name in ("digits.tflite", "test.npz"):
        shutil.copy(DIGITS / name, tmp_path)
    given = {"model": "digits.tflite", "board": "nucleo_l4r5zi"}
    names, found = asked(
        tmp_path,
        ("check", {"model": "digits.tflite"}),
        ("build", given),
        ("simulate", {**given, "inputs": "test.npz", "samples": 20}),
        ("report", {}),
        ("ops", {"kind": "softmax"}),
        ("check", {**given, "flash_budget": "4K"}),
        ("check", {"model": "none.tflite"}),
        ("check", {"model": "--help"}),
        ("check", {**given, "ram_budget": "3K"}),
        ("check", {**given, "cores": 2}),
        ("ops", {"kind": "nope"}),
        ("build", {**given, "board": "esp32c3"}),
    )
    assert names == TOOLS
    assert [bool(getattr(item, "isError", getattr(item, "is_error", None))) for item in found] == [
        *[False] * 6,
        *[True] * 2,
        *[False, True, True, False],
    ]
    assert (tmp_path / "build" / "digits-nucleo_l4r5zi" / "firmware.elf").is_file()
    built, run = (json.loads(text_of(item)) for item in found[1:3])
    assert built["fits"] is True
    assert "alternatives" not in built["layers"][0]
    assert run["run"]["equal_to_reference"] == run["run"]["samples"] == 20
    assert text_of(found[3]).startswith("### digits.tflite on nucleo_l4r5zi\n\n**Fits.**")
    assert json.loads(text_of(found[4]))["operator"] == "SOFTMAX"
    assert '"fits": false' in text_of(found[5])
    assert "none.tflite: no such file or folder" in text_of(found[6])
    assert "models there: digits.tflite" in text_of(found[6])
    assert "--help: no such file" in text_of(found[7])
    assert '"fits": false' in text_of(found[8])
    assert "cores" in text_of(found[9]), "a guessed argument was ignored"
    assert "there is no operator 'nope'" in text_of(found[10])
    project = json.loads(text_of(found[11]))
    assert project["board"]["name"] == "esp32c3"
    assert shutil.which("idf.py") or "the program 'idf.py' is not there" in project["not_built"]


def test_the_server_ends_without_a_word() -> None:
    """Every session ended with 'this is a bug in tinyml'."""
    done = subprocess.run(
        [sys.executable, "-m", "tinyml", "mcp"],
        **{"input": "", "capture_output": True, "text": True, "check": False, "cwd": ROOT},
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert "bug" not in done.stderr


def test_without_the_sdk_the_hint_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("mcp.server", "mcp.server.fastmcp"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ToolError) as caught:
        mcp_server.serve()
    assert caught.value.hint == pip_command("mcp")
