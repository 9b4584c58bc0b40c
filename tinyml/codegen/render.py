"""The one Jinja set-up for C, linker scripts and build files.

``[[ x ]]``, ``[% ... %]`` and ``[# ... #]`` instead of Jinja's own delimiters, which occur in C
initialisers; line statements start with ``//%``. Unknown names are errors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment


@lru_cache(maxsize=32)  # it keeps templates compiled, as long as their files stay as they are
def environment(*folders: Path, escape: Callable[[str], str] | None = None) -> Environment:
    """A Jinja environment for the templates in these folders; the first one with a name wins.

    ``escape`` is applied to all text that is placed; None for values that are finished.
    """
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def placed(value: object) -> object:
        return escape(value) if escape is not None and isinstance(value, str) else value

    return ImmutableSandboxedEnvironment(
        loader=jinja2.FileSystemLoader(folders),
        undefined=jinja2.StrictUndefined,
        variable_start_string="[[",
        variable_end_string="]]",
        block_start_string="[%",
        block_end_string="%]",
        comment_start_string="[#",
        comment_end_string="#]",
        line_statement_prefix="//%",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
        finalize=placed,
    )


def render(env: Environment, template: str, values: Mapping[str, object]) -> str:
    """A template's text with values placed in it."""
    return env.get_template(template).render(**values)
