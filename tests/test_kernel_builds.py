"""Kernels for DSP instructions are short, explained, and build with both compilers at any level."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.models.cases import merge
from tests.support.models.random_layers import preferred
from tests.support.models.suited_layers import suited
from tests.support.values.plans import planned_on
from tinyml import api, variants
from tinyml.backends import toolchain_of
from tinyml.base import resources
from tinyml.codegen.generate import generate
from tinyml.project.create import create
from tinyml.values.project import Project
from tinyml.variants import dsp_depthwise

HEADERS = sorted(resources.path("firmware").glob("kernels/dsp/*.h"))
VARIANTS = tuple(item for item in variants.all_variants() if item.isa == "dsp")
_LEVELS = ("-O2", "-O3", "-Os")


@pytest.mark.parametrize("header", HEADERS, ids=lambda path: path.stem)
def test_a_kernel_is_short_and_says_what_it_costs(header: Path) -> None:
    lines = header.read_text(encoding="utf-8").splitlines()
    assert len(lines) < 200
    assert lines[0].startswith("/*")
    introduction = lines[: next(i for i, line in enumerate(lines) if line.endswith("*/"))]
    assert 5 <= len(introduction) <= 30
    text = " ".join(introduction)
    assert "nstructions" in text or "Cost" in text


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project of a model with one layer for each kernel."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dsp_depthwise, "LEAST_SHARE", 0)
        cases = [suited(variant, 1, seed)[0] for seed, variant in enumerate(VARIANTS)]
        own = tuple(preferred(item, f"g{seed}_0/") for seed, item in enumerate(VARIANTS))
        patch.setattr(variants, "all_variants", lambda: own)
        board = api.load_board("nucleo_l4r5zi")
        plan = api.plan(merge(cases, "kernels").graph, board, api.Settings("speed")).plan
        used = {step.call.function for step in plan.steps if step.call}
        words = ("_dsp_", "_depthwise_", "_portable_")
        assert all(any(word in name for word in words) for name in used), used
        folder = tmp_path_factory.mktemp("kernels")
        return create(
            planned_on(plan, board, "baremetal"), generate(plan, board), folder / "project"
        )


@pytest.mark.parametrize("level", _LEVELS)
@pytest.mark.parametrize("name", ["zig", "arm_gcc"])
def test_kernels_build(name: str, level: str, project: Project, tmp_path: Path) -> None:
    if name == "arm_gcc" and shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc is not on PATH")
    chain = toolchain_of(name)
    command = chain.compile(project, "model/kernels.c", tmp_path / "kernels.o")
    argv = [level if word in _LEVELS else word for word in command.argv]
    assert level in argv
    done = subprocess.run(
        [*argv, "-Werror"], cwd=command.cwd, capture_output=True, check=False, text=True
    )
    assert done.returncode == 0, done.stderr
