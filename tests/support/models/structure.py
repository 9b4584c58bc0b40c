"""What a generated file is, without the text in it: equal for files that differ in texts only."""

from __future__ import annotations

import json
import re
from pathlib import Path, PurePosixPath

import yaml

# Comments, strings and characters, raw strings not being among what is generated; then anything.
_C = re.compile(
    r"""/\*.*?\*/|//[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[A-Za-z_]\w*|\d[\w.]*|\s+|.""",
    re.DOTALL,
)
_FREE = ("sentence", "paragraph")  # fields of library.properties that are prose


def structure(name: str, text: str) -> object:
    """The tokens, lines or values of a file by what its name says that it is."""
    suffix = PurePosixPath(name).suffix
    if suffix in (".c", ".h", ".cpp", ".ino", ".ld"):
        return _tokens(text)
    if suffix in (".yml", ".yaml"):
        return _shape(yaml.safe_load(text))
    if suffix == ".json":
        return _shape(json.loads(text))
    if suffix == ".md":
        return [
            (line.count("`"), line.count("|"), line.count("<"), line[:4].strip() if line else "")
            for line in text.split("\n")
        ]
    return [_code(line) for line in text.split("\n")]


def structures(folder: Path) -> dict[str, object]:
    """Of all files of a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    texts = {path.relative_to(folder).as_posix(): path.read_bytes().decode() for path in files}
    return {name: structure(name, text) for name, text in texts.items()}


def _tokens(text: str) -> list[str]:
    found: list[str] = []
    for token in _C.findall(text):
        if token[:2] in ("/*", "//") or token.isspace():
            continue
        is_text = token[0] == '"' and found[-1:] != ["include"]
        found.append('"…"' if is_text else token)
    return found


def _code(line: str) -> str:
    """A line without its comment, and without the prose that may stand in it."""
    line = re.sub(r"The model .* as plain C", "The model … as plain C", line)
    field = line.split("=")[0]
    if field in _FREE:
        return f"{field}=…"
    return re.split(r"(?:^|\s)[#;]", line, maxsplit=1)[0].rstrip()


def _shape(value: object) -> object:
    if isinstance(value, dict):
        return {key: _shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shape(item) for item in value]
    return type(value).__name__
