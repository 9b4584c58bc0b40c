"""Commands that need a board on the desk."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tinyml.base import console
from tinyml.cli import options
from tinyml.cli.help import examples
from tinyml.cli.show import meant, show_next

if TYPE_CHECKING:
    from tinyml.target.board import Board


@examples(
    "tinyml ports",
)
@click.command(short_help="List the serial ports and what is on them.")
@options.JSON
def ports(as_json: bool) -> None:
    """List the serial ports of this computer, with their USB ids and the board they look like."""
    from tinyml.device.ports import driver_hint, list_ports
    from tinyml.target.boards import all_boards

    found = list_ports(all_boards())
    if as_json:
        console.document([asdict(port) for port in found])
        return
    columns = ("port", "usb", "what it is", "looks like", "note")
    rows = [
        (port.device, port.usb, port.description, ", ".join(port.boards), port.problem)
        for port in found
    ]
    if rows:
        console.table("Serial ports", columns, rows, ("usb", "what it is"))
    else:
        console.note("this computer has no serial port; is the board plugged in?")
    if hint := driver_hint():
        console.note(f"hint: {hint}")


@examples(
    "tinyml flash",
    "tinyml flash build/model-esp32s3 --port /dev/ttyUSB0 --yes",
    "tinyml flash --dry-run",
)
@click.command(short_help="Write the image to the board.")
@click.argument("build", type=click.Path(path_type=Path), required=False)
@options.board_option(required=False)
@options.PORT
@options.FLASHER
@click.option("--only-changed", is_flag=True, help="Leave parts alone that are there already.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("--yes", is_flag=True, help="Do not ask before erasing.")
def flash(
    build: Path | None,
    board: Board | None,
    port: str | None,
    flasher: str | None,
    only_changed: bool,
    dry_run: bool,
    yes: bool,
) -> None:
    """Write the image in BUILD (a build directory or a model file) to a board, verify, reset."""
    from tinyml.measure import flash as flashing

    build = meant(build, board)
    image, target = flashing.find_build(build, board)
    what = flashing.title(build, board)
    if dry_run:
        console.note(f"would write {what}")
        job = flashing.job_of(image, target, port, only_changed=only_changed)
        planned = flashing.outline(job, flasher)
        for reason in planned.passed_over:
            console.note(f"not from here as things are: {reason}")
        console.raw("".join(f"{step}\n" for step in planned.steps))
        return
    ready = flashing.prepare(image, target, port=port, flasher=flasher, only_changed=only_changed)
    for reason in ready.passed_over:
        console.note(f"passed over {reason}")
    console.note(f"{what}:")
    console.note(f"{ready.flasher.name} will erase {ready.erases} on {target.name}")
    if not yes:
        console.confirm("go on? (--yes leaves out this question)")
    with console.progress_bar() as progress:
        done = flashing.flash(ready, progress)
    console.verdict(True, f"{target.name}: {done}")
    show_next("tinyml", "profile", *([str(build)] if build else []))
