"""What all workers share: networks trained once, and frameworks imported once."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.running.warm import warm_python

SUPPORT = Path(__file__).parent.parent / "support" / "nets"
TRAINERS = {
    "keras": (
        "nets_keras.py",
        ("tensorflow", "tf_keras", "sklearn"),
        ("cnn", "lstm", "gru", "both_ways"),
    ),
    "torch": ("nets_torch.py", ("torch", "onnx", "sklearn"), ()),
}
IMPORTED = {"keras": ("tensorflow", "keras", "tf_keras"), "torch": ("torch", "litert_torch")}
WAIT_S = 900

Warm = Callable[[str], Path]


def need(*packages: str) -> None:
    """Skips a test where a package is missing; imports none of them."""
    for name in packages:
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"the package {name} is missing: pip install '.[test-convert]'")


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this session; workers of xdist have folders of their own below it."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if base.name.startswith("popen-") else base


@pytest.fixture(scope="session")
def warm(shared: Path) -> Warm:
    """The Python of a framework, which need not be imported again.

    Tests of importers have one run of each with the interpreter as users have it.
    """
    session = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    return lambda framework: warm_python(shared, session, framework, IMPORTED[framework])


@pytest.fixture(scope="session")
def nets(shared: Path, warm: Warm) -> Callable[[str], Path]:
    """The folder with the trained networks of a framework."""

    def trained(framework: str) -> Path:
        script, packages, names = TRAINERS[framework]
        need(*packages)
        # TINYML_TEST_NETS keeps them from one run to the next.
        folder = Path(os.environ.get("TINYML_TEST_NETS", shared)) / f"nets-{framework}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            return _waited(folder)
        command = [str(warm(framework)), str(SUPPORT / script), str(folder), *names]
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
