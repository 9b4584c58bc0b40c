"""The option for data that a model runs on, and what commands get of it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tinyml.base import console

if TYPE_CHECKING:
    from tinyml.evaluate.samples import Samples
    from tinyml.ir.graph import Graph

Command = Callable[..., object]
Option = Callable[[Command], Command]

IMAGE_FIT = click.option(
    "--image-fit",
    type=click.Choice(["stretch", "crop", "pad"]),
    default="stretch",
    show_default=True,
    help="For images of other proportions.",
)
FEATURES = click.option(
    "--features", default="", metavar="MODULE:FUNCTION", help="From (sound, rate) to input."
)
_KINDS = ".npz, .npy, .csv, a folder of images or .wav files, module:function"


def _inputs(text: str) -> Option:
    return click.option("--inputs", metavar="DATA", help=text)


@dataclass(frozen=True, slots=True)
class Feed:
    """Data by name; None: random samples."""

    inputs: str | None
    image_fit: str = "stretch"
    features: str = ""

    @property
    def path(self) -> Path | None:
        """The file or folder, if there is one of that name."""
        return Path(self.inputs) if self.inputs is not None else None

    @property
    def words(self) -> tuple[str, ...]:
        """The same as options of a command line."""
        if self.inputs is None:
            return ()
        fit = ("--image-fit", self.image_fit) if self.image_fit != "stretch" else ()
        return (
            "--inputs",
            self.inputs,
            *fit,
            *(("--features", self.features) if self.features else ()),
        )

    def samples(self, graph: Graph, limit: int | None = None) -> Samples:
        """What a model takes of them; raises TinymlError for what does not suit it."""
        from tinyml import api
        from tinyml.convert.data.values import DataOptions

        options = DataOptions(image_fit=self.image_fit, features=self.features)
        found = api.samples_of(graph, self.inputs, limit, options)
        for note in found.notes:
            console.note(f"note: {note}")
        return found


def _with_feed(inputs: Option) -> Option:
    """Adds an option for data and how files become samples; the command gets ``feed``."""

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def gathered(*args: object, **given: Any) -> object:
            names = ("inputs", "image_fit", "features")
            return command(*args, feed=Feed(**{name: given.pop(name) for name in names}), **given)

        result: Command = gathered
        for option in (FEATURES, IMAGE_FIT, inputs):
            result = option(result)
        return result

    return decorate


feed_option = _with_feed(_inputs(f"Samples (and 'labels'): {_KINDS}; random ones by default."))
compiled_feed_option = _with_feed(
    _inputs(f"A few samples of these are compiled in, for the application to run on: {_KINDS}.")
)
