"""Which operator a table of codes means: the one place that every reader of .tflite files asks.

The schema holds the code twice: ``deprecated_builtin_code``, a byte that files of today still fill,
and ``builtin_code``, which has room for codes above 127. A writer may fill either alone, so
TensorFlow Lite takes the larger. The ``tflite`` package's ``BuiltinCode()`` does not say what is in
its field: below 127 it gives the deprecated one, and so ADD (0) where that is left out.
Source: GetBuiltinCode, schema_utils.cc of TensorFlow Lite.
"""

from __future__ import annotations

from tinyml.model.protocols import OperatorCode
from tinyml.model.tensors import text

CUSTOM = 32  # the code of an operator that has only a name
CUSTOM_PREFIX = "CUSTOM "  # of its key, in front of the name
_BUILTIN_CODE_SLOT = 10  # in the table's list of fields


def opcode_of(code: OperatorCode) -> int:
    """The operator that an ``OperatorCode`` of the ``tflite`` package stands for."""
    from flatbuffers.number_types import Int32Flags

    table = code._tab
    offset = table.Offset(_BUILTIN_CODE_SLOT)
    wide = int(table.Get(Int32Flags, table.Pos + offset)) if offset else 0
    return max(int(code.DeprecatedBuiltinCode()), wide)


def kind_of(code: OperatorCode) -> str:
    """Its name: "CONV_2D", "CUSTOM TFLite_Detection_PostProcess", "OPERATOR_999" where unknown."""
    from tflite.utils import BUILTIN_OPCODE2NAME

    opcode = opcode_of(code)
    if opcode == CUSTOM:
        return f"{CUSTOM_PREFIX}{text(code.CustomCode(), 'without a name')}"
    return str(BUILTIN_OPCODE2NAME.get(opcode, f"OPERATOR_{opcode}"))
