"""Pictures of the report for docs/report.md: python -m tests.screenshots [FOLDER]

Simulates the digits example, completes its report, and takes it in headless Chromium: wide, dark,
on a phone, with the styles of paper, and its live part after a digit was drawn. Needs chromium and
pillow.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import click
from PIL import Image

from tests.support.running.chromium import Page, chromium

ROOT = Path(__file__).parents[2]
DIGITS = ROOT / "examples" / "digits"
PICTURES = ROOT / "docs" / "pictures"
BOARD = "nucleo_l4r5zi"
COLOURS = 96  # of a picture: the page is flat, and files stay small
# A three on a square whose sides are 1.
THREE = (
    (0.3, 0.12),
    (0.5, 0.06),
    (0.65, 0.2),
    (0.62, 0.36),
    (0.42, 0.47),
    (0.62, 0.56),
    (0.7, 0.75),
)
DRAWN = (*THREE, (0.52, 0.92), (0.28, 0.86))


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture."""

    name: str
    width: int  # pixels
    height: int  # of the top of the page, as much as is shown
    is_dark: bool = False
    is_paper: bool = False
    is_live: bool = False  # the live part, drawn on, with what its layers compute


SHOTS = (
    Shot("report", 1280, 2300),
    Shot("report-dark", 1280, 1250, is_dark=True),
    Shot("report-400", 400, 1800),
    Shot("report-print", 794, 1600, is_paper=True),  # A4 at 96 dpi
    Shot("report-live", 1280, 1140, is_live=True),
)


def page_of_digits(folder: Path) -> Path:
    """The report of the digits example, simulated on all its test samples."""
    build = folder / "digits"
    inputs = str(DIGITS / "test.npz")
    model = str(DIGITS / "digits.tflite")
    run("simulate", model, "--board", BOARD, "--inputs", inputs, "--output", str(build))
    run("report", str(build), "--inputs", inputs)
    return build / "report.html"


def run(*words: str) -> None:
    """A command of tinyml."""
    subprocess.run([sys.executable, "-m", "tinyml", *words], check=True, stdout=subprocess.DEVNULL)


def take(browser: Page, page: Path, shot: Shot, target: Path) -> None:
    """Writes the picture, in few colours."""
    browser.open(page, width=shot.width, height=shot.height, dark=shot.is_dark)
    browser.ask("live.ready")
    if shot.is_live:
        draw(browser)
    media = "print" if shot.is_paper else ""
    features = [{"name": "prefers-color-scheme", "value": "dark" if shot.is_dark else "light"}]
    browser.call("Emulation.setEmulatedMedia", media=media, features=features)
    browser.picture(target)
    with Image.open(target) as image:
        few = image.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE)
    few.save(target, optimize=True)


def draw(browser: Page) -> None:
    """Draws a digit, and shows what the layers compute of it."""
    browser.ask("document.getElementById('live-layers').open = true")
    browser.ask("document.getElementById('live').scrollIntoView()")
    box = "document.querySelector('canvas.draw').getBoundingClientRect()"
    left, top, size = browser.ask(f"(({{ x, y, width }}) => [x, y, width])({box})")
    browser.drag([(left + x * size, top + y * size) for x, y in DRAWN])


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=PICTURES)
def main(folder: Path) -> None:
    """Writes the pictures of docs/report.md into FOLDER."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, chromium(Path(name)) as browser:
        page = page_of_digits(Path(name))
        for shot in SHOTS:
            target = folder / f"{shot.name}.png"
            take(browser, page, shot, target)
            click.echo(f"wrote {target}")


if __name__ == "__main__":
    main()
