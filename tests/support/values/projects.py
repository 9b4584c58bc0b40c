"""Projects of a small model, made from every template for a board that it suits."""

from __future__ import annotations

from pathlib import Path

from tests.support.values.plans import MODEL_BYTES, planned_on, sine_plan
from tinyml.codegen.generate import generate
from tinyml.project.create import create, load_template
from tinyml.project.fingerprint import DIGITS
from tinyml.target.boards import load_board
from tinyml.target.limits import for_template
from tinyml.values.project import Project

CHOSEN = {  # template: board of the golden copy
    "arduino": "nicla_vision",
    "baremetal": "nucleo_f446re",
    "cmake": "nucleo_f446re",
    "cubemx": "nucleo_h743zi2",
    "esp_idf": "esp32s3",
    "platformio": "nucleo_h743zi2",
    "platformio_idf": "esp32s3",
    "zephyr": "nucleo_l4r5zi",
}


def make_project(
    template: str, dest: Path, *, board: str | None = None, agent: bool = True
) -> Project:
    """The project of the sine model in ``dest``."""
    target = for_template(load_board(board or CHOSEN[template]), template)
    plan = sine_plan(target.ram[0].region, target.name)
    sources = generate(plan, target, model_bytes=MODEL_BYTES)
    return create(planned_on(plan, target, template, agent=agent), sources, dest)


def rendered(template: str) -> tuple[str, ...]:
    """The files that come from the template itself, not from model or firmware."""
    return tuple(made for _, made in load_template(template).named("sine").files)


def listing(folder: Path) -> str:
    """Every file below a folder, one a line."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return "".join(f"{path.relative_to(folder).as_posix()}\n" for path in sorted(files))


def golden_text(project: Project, name: str) -> str:
    """A file of a project; 0 stands for the fingerprint, which any file of firmware/ changes."""
    text = (project.directory / name).read_text(encoding="utf-8")
    return text.replace(project.fingerprint, "0" * DIGITS)
