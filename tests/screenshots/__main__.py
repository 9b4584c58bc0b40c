"""Pictures of the report for docs/report.md: python -m tests.screenshots [FOLDER]

Simulates the digits example, completes its report, and takes it in headless Chromium: wide, dark,
on a phone, and with the styles of paper. Needs chromium and pillow.
"""

from __future__ import annotations

import html
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import click

ROOT = Path(__file__).parents[2]
DIGITS = ROOT / "examples" / "digits"
PICTURES = ROOT / "docs" / "pictures"
BOARD = "nucleo_l4r5zi"
FRAME = '<!doctype html><body style="margin:0"><iframe srcdoc="%s" style="border:0;%s"></iframe>'
COLOURS = 96  # of a picture: the page is flat, and files stay small
LEAST_WIDTH = 500  # of a window of Chromium; a narrower page is in a frame


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture."""

    name: str
    width: int  # pixels
    height: int  # of the top of the page, as much as is shown
    is_dark: bool = False
    is_paper: bool = False


SHOTS = (
    Shot("report", 1280, 2300),
    Shot("report-dark", 1280, 1250, is_dark=True),
    Shot("report-400", 400, 1800),
    Shot("report-print", 794, 1600, is_paper=True),  # A4 at 96 dpi
)


def page_of_digits(folder: Path) -> str:
    """The report of the digits example, simulated on all its test samples."""
    build = folder / "digits"
    inputs = str(DIGITS / "test.npz")
    model = str(DIGITS / "digits.tflite")
    run("simulate", model, "--board", BOARD, "--inputs", inputs, "--output", str(build))
    run("report", str(build))
    return (build / "report.html").read_text(encoding="utf-8")


def run(*words: str) -> None:
    """A command of tinyml."""
    subprocess.run([sys.executable, "-m", "tinyml", *words], check=True, stdout=subprocess.DEVNULL)


def take(page: str, shot: Shot, folder: Path) -> Path:
    """The picture, in few colours; returns its path."""
    from PIL import Image

    shown = page.replace("@media print", "@media all") if shot.is_paper else page
    frame, picture = folder / f"{shot.name}.html", folder / f"{shot.name}.png"
    size = f"width:{shot.width}px;height:{shot.height}px"
    frame.write_text(FRAME % (html.escape(shown), size), encoding="utf-8")
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
    command += [f"--user-data-dir={folder / 'profile'}", "--hide-scrollbars"]
    command += ["--force-dark-mode"] if shot.is_dark else []
    command += [f"--window-size={max(shot.width, LEAST_WIDTH)},{shot.height}"]
    command += [f"--screenshot={picture}", frame.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    with Image.open(picture) as image:
        cut = image.convert("RGB").crop((0, 0, shot.width, shot.height))
    cut.quantize(COLOURS, Image.Quantize.MAXCOVERAGE).save(picture, optimize=True)
    return picture


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=PICTURES)
def main(folder: Path) -> None:
    """Writes the pictures of docs/report.md into FOLDER."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        page = page_of_digits(work)
        for shot in SHOTS:
            target = folder / f"{shot.name}.png"
            target.write_bytes(take(page, shot, work).read_bytes())
            click.echo(f"wrote {target}")


if __name__ == "__main__":
    main()
