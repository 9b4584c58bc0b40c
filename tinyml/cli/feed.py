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
_INPUTS = click.option(
    "--inputs",
    metavar="DATA",
    help="Samples (and 'labels'): .npz, .npy, .csv, a folder of images or .wav files, "
    "module:function; random ones by default.",
)


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

    def samples(self, graph: Graph, limit: int | None = None) -> Samples:
        """What a model takes of them; raises TinymlError for what does not suit it."""
        from tinyml import api
        from tinyml.convert.data.values import DataOptions

        options = DataOptions(image_fit=self.image_fit, features=self.features)
        found = api.samples_of(graph, self.inputs, limit, options)
        for note in found.notes:
            console.note(f"note: {note}")
        return found


def feed_option(command: Command) -> Command:
    """Adds ``--inputs`` and how its files become samples; the command gets ``feed``."""

    @functools.wraps(command)
    def gathered(*args: object, **given: Any) -> object:
        names = ("inputs", "image_fit", "features")
        return command(*args, feed=Feed(**{name: given.pop(name) for name in names}), **given)

    result: Command = gathered
    for option in (FEATURES, IMAGE_FIT, _INPUTS):
        result = option(result)
    return result
