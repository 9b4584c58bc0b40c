"""Networks trained once for all tests and all workers, each framework in a process of its own."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

SUPPORT = Path(__file__).parent.parent / "support" / "nets"
TRAINERS = {
    "keras": (
        "nets_keras.py",
        ("tensorflow", "tf_keras", "sklearn"),
        ("cnn", "lstm", "gru", "both_ways"),
    ),
    "torch": ("nets_torch.py", ("torch", "onnx", "sklearn"), ()),
}
WAIT_S = 900


def need(*packages: str) -> None:
    """Skips a test where a package is missing; imports none of them."""
    for name in packages:
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"the package {name} is missing: pip install '.[test-convert]'")


@pytest.fixture(scope="session")
def nets(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder with the trained networks of a framework."""
    base = tmp_path_factory.getbasetemp()
    # Workers of xdist have folders of their own below one that they share.
    shared = base.parent if (base.name.startswith("popen-")) else base

    def trained(framework: str) -> Path:
        script, packages, names = TRAINERS[framework]
        need(*packages)
        # TINYML_TEST_NETS keeps them from one run to the next.
        folder = Path(os.environ.get("TINYML_TEST_NETS", shared)) / f"nets-{framework}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            return _waited(folder)
        command = [sys.executable, str(SUPPORT / script), str(folder), *names]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        (folder / "done").write_text(done.stderr[-3000:] if done.returncode else "")
        return _waited(folder)

    return trained


def _waited(folder: Path) -> Path:
    """The folder, once the worker that trains is done."""
    begun = time.monotonic()
    while not (folder / "done").is_file():
        if time.monotonic() - begun > WAIT_S:
            pytest.fail(f"nobody finished training in {folder}")
        time.sleep(0.2)
    problem = (folder / "done").read_text()
    if problem:
        pytest.fail(f"training failed:\n{problem}")
    return folder
