"""How a command builds: shared options, gathered into one ``Settings``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from tinyml.cli.limits import limit_options

if TYPE_CHECKING:
    from tinyml.target.limits import Limits

Command = Callable[..., object]
FIELDS = {"output": "directory", "docker": "container"}  # of options that are called otherwise


def settings_options(
    *chosen: Callable[[Command], Command], emulated: bool = False
) -> Callable[[Command], Command]:
    """Adds the options of limits and those given; the command gets ``settings``.

    ``emulated``: the field of that name.
    """

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def gathered(*args: object, limits: Limits, agent: str = "full", **given: Any) -> object:
            from tinyml.project.settings import Settings

            known = {field.name for field in fields(Settings)}
            own = {name for name in given if FIELDS.get(name, name) in known}
            settings = Settings(
                **{FIELDS.get(name, name): given.pop(name) for name in own},
                agent=agent != "none",
                benchmark=agent == "mlperf",
                limits=limits,
                emulated=emulated,
            )
            return command(*args, settings=settings, **given)

        result: Command = gathered
        for option in reversed(chosen):
            result = option(result)
        return limit_options(result)

    return decorate
