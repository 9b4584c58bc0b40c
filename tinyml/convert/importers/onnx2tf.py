"""ONNX through onnx2tf; runs in the child process, in an environment that has it."""

from __future__ import annotations

import importlib.metadata
import os
import runpy
import sys
import tempfile
from pathlib import Path

from tinyml.base.errors import ModelError
from tinyml.convert.importers.values import Imported, ImportOptions, Source

PACKAGES = ("onnx2tf", "onnx", "numpy")
_CALIBRATION = "calibration_image_sample_data_20x128x128x3_float32.npy"  # it would download that


def import_model(source: Source, options: ImportOptions) -> Imported:
    """The model as a float .tflite.

    Raises ModelError when onnx2tf fails.
    """
    import numpy as np

    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / _CALIBRATION, np.zeros((20, 128, 128, 3), np.float32))
        os.chdir(folder)
        sys.argv = ["onnx2tf", "-i", str(source.path), "-o", "out", "-n", "-b", "1"]
        try:
            runpy.run_module("onnx2tf", run_name="__main__", alter_sys=True)
        except SystemExit as error:
            if error.code:
                raise ModelError(f"onnx2tf fails with exit code {error.code}") from error
        except Exception as error:  # it has a hundred types
            raise ModelError(f"onnx2tf fails: {' '.join(str(error).split())[-400:]}") from error
        made = sorted((Path(folder) / "out").glob("*_float32.tflite"))
        if not made:
            raise ModelError("onnx2tf writes no model")
        data = made[0].read_bytes()
    version = importlib.metadata.version("onnx2tf")
    return Imported(data, f"onnx2tf {version}")
