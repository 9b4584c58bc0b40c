"""Which ONNX operator is read by which function, and what operators say of the axes they read."""

from __future__ import annotations

from tinyml.convert.importers import onnx_axes as axes
from tinyml.convert.importers import onnx_choices as choices
from tinyml.convert.importers import onnx_einsum
from tinyml.convert.importers import onnx_elementwise as elementwise
from tinyml.convert.importers import onnx_functions as functions
from tinyml.convert.importers import onnx_ml as ml
from tinyml.convert.importers import onnx_moves as moves
from tinyml.convert.importers import onnx_norms as norms
from tinyml.convert.importers import onnx_pooling as pooling
from tinyml.convert.importers import onnx_products as products
from tinyml.convert.importers import onnx_recurrent as recurrent
from tinyml.convert.importers import onnx_reductions as reductions
from tinyml.convert.importers import onnx_resize as resize
from tinyml.convert.importers import onnx_transposed as transposed
from tinyml.convert.importers import onnx_weighted as weighted
from tinyml.convert.importers.onnx_values import Handler

HANDLERS: dict[str, Handler] = dict(
    sorted(
        {
            **axes.HANDLERS,
            **choices.HANDLERS,
            **elementwise.HANDLERS,
            **onnx_einsum.HANDLERS,
            **functions.HANDLERS,
            **moves.HANDLERS,
            **norms.HANDLERS,
            **pooling.HANDLERS,
            **products.HANDLERS,
            **recurrent.HANDLERS,
            **reductions.HANDLERS,
            **resize.HANDLERS,
            **transposed.HANDLERS,
            **weighted.HANDLERS,
        }.items()
    )
)

# Operators whose first operand is an image, or a line, with channels first.
ON_IMAGES = frozenset(
    {
        *("Conv", "ConvTranspose", "GlobalAveragePool", "GlobalMaxPool", "LRN"),
        *("DepthToSpace", "GroupNormalization", "InstanceNormalization", "SpaceToDepth"),
        *pooling.HANDLERS,
        *resize.HANDLERS,
    }
)
# Operators whose result has its axes in the order of their operands.
KEEPS_AXES = frozenset(
    {
        *(set(elementwise.HANDLERS) - {"Softmax", "LogSoftmax"}),
        *functions.HANDLERS,
        *(
            "BatchNormalization",
            "Cast",
            "Concat",
            "CumSum",
            "MeanVarianceNormalization",
            "Pad",
            "Slice",
        ),
        *("Split", "Tile", "Where"),
    }
)
RECURRENT = frozenset(recurrent.HANDLERS)
HANDLERS_OF = {"": HANDLERS, "ai.onnx": HANDLERS, ml.DOMAIN: ml.HANDLERS}  # by domain
