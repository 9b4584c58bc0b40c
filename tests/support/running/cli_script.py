"""Does what ``python -m tinyml`` does, for a Python that has imported it already."""

import os
import runpy
import sys

sys.path.pop(0)  # this folder
_ADDED = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
sys.path[:0] = [path for path in _ADDED if path not in sys.path]
runpy.run_module("tinyml", run_name="__main__", alter_sys=True)
