"""The report as one self-contained HTML page: nothing is fetched, nothing needs a server."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tinyml.base.files import write_atomic
from tinyml.report.around import ALONE, Around, around_of
from tinyml.report.history import keep
from tinyml.report.live import script as live_script
from tinyml.report.report import Report
from tinyml.report.view import view_of

if TYPE_CHECKING:
    from jinja2 import Template

FOLDER = Path(__file__).parent
FILE_NAME = "report.html"


def write_report(report: Report, directory: Path) -> Path:
    """Writes report.json and the page beside it; returns the path of the former.

    What was there before goes into the history when it says what the new one does not.
    """
    keep(directory, report)
    path = directory / "report.json"
    write_atomic(path, report.to_text())
    write_page(report, directory)
    return path


def write_page(report: Report, directory: Path) -> Path:
    """Writes report.html; returns its path."""
    path = directory / FILE_NAME
    write_atomic(path, render(report, around_of(report, directory)))
    return path


def render(report: Report, around: Around = ALONE) -> str:
    """The page of a report; style, script and the report itself as JSON are part of it."""
    from markupsafe import Markup

    live = around.live
    scripts = [(FOLDER / "page.js").read_text(encoding="utf-8")]
    scripts += [live_script()] if live else []
    return _template().render(
        r=report,
        v=view_of(report),
        a=around,
        style=Markup((FOLDER / "page.css").read_text(encoding="utf-8")),
        scripts=[Markup(script) for script in scripts],
        allowed=Markup(_allowed(scripts, has_module=bool(live and live.module))),
        document=Markup(_json_in_html(report.to_json())),
        live_document=Markup(_json_in_html(live.document())) if live else "",
    )


def _allowed(scripts: Sequence[str], *, has_module: bool) -> str:
    """What a page lets run: its own scripts, by their hashes, and WebAssembly where it has some."""
    hashes = (hashlib.sha256(script.encode()).digest() for script in scripts)
    words = [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in hashes]
    return " ".join([*words, *(["'wasm-unsafe-eval'"] if has_module else [])])


@cache
def _template() -> Template:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"count": _count, "percent": _percent, "ms": _ms, "cell": _cell}
    return environment.get_template("page.html.j2")


def _json_in_html(document: object) -> str:
    """JSON that cannot end the script element that it stands in."""
    text = json.dumps(document, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _percent(value: float | None, digits: int = 1) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _ms(time_us: float | None) -> str:
    return "" if time_us is None else f"{time_us / 1000:,.3f}"


def _cell(value: object) -> str:
    """A cell of a table that the terminal shows as well."""
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else str(value)
