"""What is installed of that which boards use: tools, their versions, access to serial ports.

A board's own path is its toolchain, one of its flashers and its simulator. Everything else that is
listed is for other templates and other ways to flash.
"""

from __future__ import annotations

import importlib.metadata
import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tinyml.base import process, programs
from tinyml.base.errors import ToolError
from tinyml.base.process import Command
from tinyml.device.access import access_notes
from tinyml.device.ports import Port, list_ports
from tinyml.target.board import Board
from tinyml.target.template import toolchain_of
from tinyml.target.tools import NEEDS, TOOLS, Tool, range_text

QUERY_TIMEOUT_S = 60.0  # idf.py takes its time
NO_SIMULATOR = "none"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is there of a tool."""

    tool: str
    used_for: tuple[str, ...]  # "toolchain zig"
    path: str | None  # where the program is; "Python" for a package; None: it is missing
    version: str | None  # None: it does not say
    wanted: str  # which versions work, for people
    state: str  # "ok", "missing", "too old", "untested", "broken"
    get: str  # how to get it; "" when it is there


@dataclass(frozen=True, slots=True)
class Route:
    """Whether a board's own path from model to board is complete."""

    board: str
    is_complete: bool
    steps: tuple[str, ...]  # "toolchain zig: ziglang 0.17.1", or what is missing


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What ``tinyml doctor`` says."""

    findings: tuple[Finding, ...]
    routes: tuple[Route, ...]
    notes: tuple[str, ...]  # about access to serial ports and debug probes

    @property
    def is_complete(self) -> bool:
        """Whether every board can be built for, flashed and simulated as its file says."""
        return all(route.is_complete for route in self.routes)


Probe = Callable[[Tool], tuple[str | None, str | None]]  # tool to (place, version)


def examine(boards: Sequence[Board]) -> Diagnosis:
    """Looks for every tool that these boards use; starts each program that is there once."""
    ports = list_ports(boards)
    return diagnose(boards, look_for, ports, access_notes(boards, ports))


def diagnose(
    boards: Sequence[Board], probe: Probe, ports: Sequence[Port] = (), notes: Sequence[str] = ()
) -> Diagnosis:
    """What the probe's answers mean for the boards. Pure."""
    used = _used_tools(boards)
    findings = {name: _finding(TOOLS[name], used[name], probe) for name in used}
    return Diagnosis(
        tuple(findings.values()),
        tuple(_route(board, findings, ports) for board in boards),
        tuple(notes),
    )


def look_for(tool: Tool) -> tuple[str | None, str | None]:
    """Where a tool is and which version it says it has; (None, None) when it is not there."""
    if tool.is_package:
        try:
            return "Python package", importlib.metadata.version(tool.name)
        except importlib.metadata.PackageNotFoundError:
            return None, None
    path = shutil.which(tool.name)
    if path is None:
        return None, None
    try:
        text = process.run(Command((path, *tool.version_argv)), timeout_s=QUERY_TIMEOUT_S)
    except ToolError:
        return path, None
    found = re.search(r"\d+(?:\.\d+)+", text)
    return path, found.group() if found else ""


def state_of(tool: Tool, path: str | None, version: str | None) -> str:
    """One word or two: ok, missing, broken, too old, untested."""
    if path is None:
        return "missing"
    if version is None:
        return "broken"
    number = tuple(int(part) for part in version.split(".") if part.isdigit())
    if number and number < tool.minimum:
        return "too old"
    return "untested" if number and tool.below and number >= tool.below else "ok"


def _finding(tool: Tool, used_for: tuple[str, ...], probe: Probe) -> Finding:
    path, version = probe(tool)
    state = state_of(tool, path, version)
    get = {"ok": "", "untested": "", "broken": f"'{path} {' '.join(tool.version_argv)}' fails"}
    return Finding(
        tool=tool.name,
        used_for=used_for,
        path=path,
        version=version or None,
        wanted=range_text(tool),
        state=state,
        get=get.get(state, programs.how_to_get(tool.name)),
    )


def _own(board: Board) -> tuple[tuple[str, str], ...]:
    """The backends of a board's own path: kind and name; a board has several flashers."""
    template = board.backends["template"]
    own = [("toolchain", toolchain_of(board, template)), ("template", template)]
    own += [("flasher", name) for name in board.flashers]
    return (*own, ("simulator", board.backends["simulator"]))


def _others(board: Board) -> tuple[tuple[str, str], ...]:
    """What its other templates are built by."""
    return tuple(
        backend
        for name in board.templates[1:]
        for backend in (("toolchain", toolchain_of(board, name)), ("template", name))
    )


def _used_tools(boards: Iterable[Board]) -> dict[str, tuple[str, ...]]:
    """Per tool what it is for, in the order in which boards ask for them."""
    used: dict[str, dict[str, None]] = {}
    for board in boards:
        for kind, name in (*_own(board), *_others(board)):
            for tool in (item for group in NEEDS.get((kind, name), ()) for item in group):
                used.setdefault(tool, {})[f"{kind} {name}"] = None
    return {name: tuple(uses) for name, uses in used.items()}


def _route(board: Board, findings: dict[str, Finding], ports: Sequence[Port]) -> Route:
    flashers = [_step("flasher", name, findings) for name in board.flashers]
    flasher = next((step for step in flashers if step[0]), flashers[0])
    template = board.backends["template"]
    steps = [_step("toolchain", toolchain_of(board, template), findings)]
    if ("template", template) in NEEDS:
        steps.append(_step("template", template, findings))
    steps.append(flasher)
    if board.backends["simulator"] != NO_SIMULATOR:
        steps.append(_step("simulator", board.backends["simulator"], findings))
    steps += [
        (False, f"port {port.device}: {port.problem}")
        for port in ports
        if port.problem and board.name in port.boards
    ]
    return Route(board.name, all(ok for ok, _ in steps), tuple(text for _, text in steps))


def _step(kind: str, name: str, findings: dict[str, Finding]) -> tuple[bool, str]:
    """Whether a backend has what it needs, and with what, or what it lacks."""
    works: list[str] = []
    for group in NEEDS.get((kind, name), ()):
        found = [findings[tool] for tool in group if findings[tool].state in ("ok", "untested")]
        if not found:
            first = findings[group[0]]
            others = f" (or {', '.join(group[1:])})" if group[1:] else ""
            return False, f"{kind} {name}: {first.tool}{others} is {first.state}"
        works.append(f"{found[0].tool} {found[0].version or ''}".strip())
    return True, f"{kind} {name}: {', '.join(works) or 'needs nothing'}"
