"""UNIDIRECTIONAL_SEQUENCE_LSTM for cores with Helium (MVE)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinyml.ir.dtype import INT8
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Struct
from tinyml.ops import unidirectional_sequence_lstm as lstm
from tinyml.ops.lstm_layer import GATES, LstmLayer
from tinyml.ops.lstm_walk import extent
from tinyml.ops.weighted import WeightedSum
from tinyml.variants import Variant
from tinyml.variants.mve_rescale import LANES, IntArray

_STEP = 60  # instructions around all units
_UNIT = 45  # of a unit besides its blocks
_BLOCK = 10  # of 16 values and four gates
_EIGHT = 220  # of eight units, from their gates on


def lower(op: Op, graph: Graph, numbers: LstmLayer) -> KernelCall:
    """A call of ``tml_mve_unidirectional_sequence_lstm_s8``."""
    plain = lstm.lower(op, graph, numbers)
    parts = (numbers.inputs, numbers.hidden)
    blocks = tuple(-(-part.weights.shape[1] // LANES) for part in parts)
    weights = np.concatenate([_blocks(part) for part in parts], axis=1)
    held = Constant(
        "weights", weights.reshape(-1).astype(np.int8), "unit, 16 inputs or outputs, gate"
    )
    runs = lstm.macs(op, graph) // (GATES * (numbers.features + numbers.units) * numbers.units)
    eights = -(-numbers.units // 8)
    work = _STEP + numbers.units * (_UNIT + _BLOCK * sum(blocks)) + _EIGHT * eights
    return replace(
        plain,
        function="tml_mve_unidirectional_sequence_lstm_s8",
        header="kernels/mve/unidirectional_sequence_lstm_s8.h",
        params=Struct(
            "tml_mve_lstm_params",
            (
                ("blocks", blocks),
                ("shifts_left", any(bool(part.c_shift().max() > 0) for part in parts)),
                ("layer", plain.params),
            ),
        ),
        arguments=(*plain.arguments, Arg("scratch", dtype=INT8)),
        constants=(held, *plain.constants[1:]),
        scratch_bytes=LANES * sum(blocks) + 2 * GATES * 8 * eights,
        cost=Cost(runs * work, code_bytes=1200),
        isa="mve",
    )


def _blocks(part: WeightedSum) -> IntArray:
    """The weights of each unit: blocks of 16 values, of the gates in turn."""
    values = part.weights.shape[1]
    filled = np.pad(part.weights, ((0, 0), (0, -values % LANES)))
    shaped = filled.reshape(-1, GATES, filled.shape[1] // LANES, LANES)
    made: IntArray = shaped.transpose(0, 2, 1, 3).reshape(len(shaped), -1)
    return made


EXTENTS = {"tml_mve_lstm_params": lambda f: extent(f["layer"])}

VARIANTS = (Variant("mve/lstm", "UNIDIRECTIONAL_SEQUENCE_LSTM", "s8", "mve", lower),)
