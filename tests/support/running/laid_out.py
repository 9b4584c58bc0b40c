"""Plans of many layers side by side, with the first layout of the arena that is found.

Such programs are made to run kernels. Their layers are alive all at once, for which the search for
a better layout takes seconds and finds little; tests/unit/test_allocate.py and plans of models show
what it does. Outputs move over inputs here, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from tinyml.plan import arena
from tinyml.plan.allocate import quick_layout


@contextmanager
def first_layout() -> Iterator[None]:
    """Within it, the planner takes the first layout of an arena."""
    with patch.object(arena, "allocate", quick_layout):
        yield
