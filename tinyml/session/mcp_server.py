"""tinyml for assistants in editors: a server of the Model Context Protocol over standard input.

Each tool is a command of tinyml in a process of its own, so that a long build can be cancelled and
nothing but the protocol is written to the standard output. Results are what ``--json`` prints;
errors are tinyml's own sentence and hint. Nothing is flashed: that needs a person at the board.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import cache
from typing import Protocol

from tinyml import __version__
from tinyml.base import process
from tinyml.base.errors import ToolError
from tinyml.base.programs import pip_command

Tool = Callable[..., Awaitable[object]]

INSTRUCTIONS = (
    "tinyml compiles neural networks to firmware and runs the image on an emulated core. "
    "Begin with 'check' (does it fit, how fast, on which board), then 'build' and 'simulate'. "
    "Every time that is not measured on a board is an estimate; say so, with its error."
)
_LEFT_OUT = ("alternatives", "rejected")  # of layers: long, and of use to nobody but their authors


def serve() -> None:
    """Answers until the standard input ends; raises ToolError where the SDK is missing."""
    server = _sdk()[0]("tinyml", instructions=INSTRUCTIONS)
    inner = getattr(server, "_mcp_server", None)
    if inner is not None:  # of the first version of the SDK, which says its own version otherwise
        inner.version = __version__
    for tool in (check, build, simulate, report, compare, convert, inspect, boards, ops):
        server.tool()(tool)
    server.run("stdio")


async def check(
    model: str,
    board: str | None = None,
    optimize: str = "balanced",
    ram_budget: str = "",
    flash_budget: str = "",
    memory: str = "",
) -> object:  # as many as people ask about: a client knows no other way to ask
    """Whether a model (.tflite, .keras, .onnx, .pt2) fits a board, with RAM, flash and time.

    Without a board: all known boards, the fastest first. Budgets are sizes such as 64K; ``memory``
    is a profile of the board such as wifi.
    """
    options = _options(
        board=board,
        optimize=optimize,
        ram_budget=ram_budget,
        flash_budget=flash_budget,
        memory=memory,
    )
    return await _document("check", model, options=options, or_code=1)


async def build(
    model: str, board: str, optimize: str = "balanced", output: str = "", inputs: str = ""
) -> object:
    """Compile an integer .tflite to C for a board and link a firmware image; returns the report.

    ``inputs``: an .npz or .npy file, of which a few samples are compiled in for the application.
    The image lies in ``output`` (build/<model>-<board> by default). Where the vendor's tools are
    missing the project is written all the same, and ``not_built`` says why.
    """
    options = _options(board=board, optimize=optimize, output=output, inputs=inputs)
    code, text, said = await _answer("build", model, options=(*options, "--json"), or_code=3)
    return _shorter(json.loads(text)) | ({"not_built": said} if code else {})


async def simulate(
    model: str, board: str, optimize: str = "balanced", inputs: str = "", samples: int = 0
) -> object:
    """Build when needed and run the image on an emulated board: cycles per layer, accuracy.

    Every output element is compared with the integer reference.
    """
    options = _options(board=board, optimize=optimize, inputs=inputs, samples=samples)
    return _shorter(await _document("simulate", model, options=options))


async def report(build: str = "") -> str:
    """The report of a build (the last by default) as Markdown; its page lies beside it."""
    return (await _answer("report", *([build] if build else []), options=("--markdown",)))[1]


async def compare(before: str, after: str = "") -> object:
    """Hold one build directory against another: totals, memory, layers.

    ``before`` may be the word last: what ``after`` (the last build by default) was before.
    """
    return await _document("compare", before, *([after] if after else []))


async def convert(
    model: str,
    calibration: str,
    output: str = "",
    evaluate: str = "",
    quantization: str = "int8",
) -> object:
    """Quantise a float model; returns what that cost, layer by layer.

    ``calibration`` and ``evaluate``: .npz, .npy, .csv, a folder of images or .wav files.
    """
    options = _options(
        calibration=calibration,
        output=output,
        evaluate=evaluate,
        quantization=quantization,
    )
    return await _document("convert", model, options=options)


async def inspect(model: str) -> object:
    """Layers, shapes, quantisation, MACs and weights of a .tflite; also of one that is refused."""
    return await _document("inspect", model)


async def boards() -> object:
    """The known boards: memory, clock, how each is built for, flashed and simulated."""
    return await _document("boards")


async def ops(kind: str = "") -> object:
    """The supported operators by name; of one of them the forms, constraints and kernels."""
    found = await _document("ops")
    assert isinstance(found, list)
    if not kind:
        return [record["operator"] for record in found]
    for record in found:
        if record["operator"] == kind.upper():
            return record
    raise _sdk()[1](f"there is no operator '{kind}'; without 'kind' all of them are listed")


class Server(Protocol):
    """What is used of the SDK's class."""

    def tool(self) -> Callable[[Tool], Tool]:
        """A decorator that offers a function to clients, with its signature and docstring."""

    def run(self, transport: str) -> None:
        """Answers until the client goes."""


@cache
def _sdk() -> tuple[Callable[..., Server], Callable[[str], Exception]]:
    """The class of servers and the exception that a client is told, of either version of the SDK.

    Raises ToolError when there is none.
    """
    with suppress(ImportError):
        from mcp.server import MCPServer
        from mcp.server.mcpserver import exceptions
        from mcp.server.mcpserver.utilities import func_metadata

        func_metadata.ArgModelBase.model_config["extra"] = "forbid"
        return MCPServer, exceptions.ToolError
    try:
        from mcp.server.fastmcp import FastMCP
        from mcp.server.fastmcp import exceptions as older
        from mcp.server.fastmcp.utilities import func_metadata as older_metadata
    except ImportError as error:
        raise ToolError(
            "the Model Context Protocol needs the package mcp", hint=pip_command("mcp")
        ) from error
    # A guessed argument that is left out would be an answer to another question.
    older_metadata.ArgModelBase.model_config["extra"] = "forbid"
    return FastMCP, older.ToolError


def _options(**given: str | int | None) -> tuple[str, ...]:
    return tuple(f"--{name.replace('_', '-')}={value}" for name, value in given.items() if value)


async def _document(
    command: str, *names: str, options: tuple[str, ...] = (), or_code: int = 0
) -> object:
    """What a command prints as JSON; ``or_code``: an exit code that is an answer too."""
    options = (*options, "--json")
    return json.loads((await _answer(command, *names, options=options, or_code=or_code))[1])


async def _answer(
    command: str, *names: str, options: tuple[str, ...] = (), or_code: int = 0
) -> tuple[int, str, str]:
    """Exit code, output and remarks; raises the SDK's error, for clients, with the command's."""
    called = (sys.executable, "-m", "tinyml", command, *options, "--", *names)
    code, text, said = await process.outcome(called)
    if code not in (0, or_code) or not text:
        raise _sdk()[1](said.strip() or f"exit code {code}")
    return code, text, said.strip()


def _shorter(document: object) -> dict[str, object]:
    assert isinstance(document, dict)
    for layer in document["layers"]:
        for name in _LEFT_OUT:
            layer.pop(name)
    return {"tinyml": __version__, **document}
