"""The files of a project as texts: the model's, those of firmware/, what a template makes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from tinyml.base.errors import BoardError, TinymlError
from tinyml.codegen.escape import escape_for
from tinyml.codegen.generate import Sources
from tinyml.codegen.render import environment, render
from tinyml.ops.outside import firmware_folders
from tinyml.target.template import FILE, Template, own_files

Content = dict[str, str | bytes]  # by name, relative to the project

MODEL_DIR = "model"
FIRMWARE_DIR = "firmware"


def model_files(sources: Sources, template: Template) -> Content:
    """What was generated for the model, as far as the template wants it."""
    return {
        template.place(f"{MODEL_DIR}/{name}"): text
        for name, text in sources.files
        if name not in template.omit
    }


def firmware_files(names: Sequence[str], template: Template) -> Content:
    """Copies of files below firmware/."""
    folders = firmware_folders()
    found = {
        name: next(folder / name for folder in folders if (folder / name).is_file())
        for name in names
    }
    return {
        template.place(f"{FIRMWARE_DIR}/{name}"): path.read_bytes() for name, path in found.items()
    }


def template_files(template: Template, values: Mapping[str, Any]) -> Content:
    """What a template makes of these values, and its files that hold none.

    BoardError when the board's files do not say what it wants. TinymlError when a template of the
    user's own cannot be rendered, or wants more than values.
    """
    content: Content = {
        made: _rendered(item, made, values, template) for item, made in template.files
    }
    known = {item for item, _ in template.files} | {FILE}
    for path in own_files(template):
        name = path.relative_to(template.folder).as_posix()
        if name not in known:
            content[name] = path.read_bytes()
    return content


def _rendered(item: str, made: str, values: Mapping[str, Any], template: Template) -> str:
    from jinja2 import TemplateError, UndefinedError

    env = environment(*template.folders, escape=escape_for(made))
    env.filters["below"] = _below
    try:
        return render(env, item, values)
    except UndefinedError as error:
        raise BoardError(
            f"the files of the board and its chip do not say all that {item.removesuffix('.j2')} "
            f"wants: {error.message}",
            hint=f"compare [template.{template.name}] and [flasher] with those of a board of ours",
            where=values["board"].name,
        ) from error
    except (TemplateError, TypeError, ValueError, ArithmeticError, OSError) as error:
        raise TinymlError(
            f"the template file {item} cannot be rendered: {error}",
            hint="templates run in Jinja's sandbox: they see values, not Python (docs/security.md)",
            where=str(template.folder),
        ) from error


def _below(paths: Iterable[str], folder: str) -> list[str]:
    """Those of the paths that lie below a folder, relative to it: what its own build file lists."""
    inside = (PurePosixPath(path) for path in paths if PurePosixPath(path).is_relative_to(folder))
    return [path.relative_to(folder).as_posix() for path in inside]
