"""The options of an operator that an importer or a fix-up makes.

Names of tables do not follow from those of operators (RELU_N1_TO_1 has none, BATCH_MATMUL has
BatchMatMulOptions): operators say theirs (``tinyml.ops``), and one that is unknown cannot be made.
"""

from __future__ import annotations

from dataclasses import replace

from tinyml.base.errors import InternalError
from tinyml.ir.graph import Op
from tinyml.model.options import Options, Value, options
from tinyml.ops import all_ops
from tinyml.ops.others import others


def tables() -> dict[str, str]:
    """The table of options of each operator that can be made; "" for one that has none."""
    ours = {kind: spec.table.name for kind, spec in all_ops().items()}
    return ours | {kind: item.table for kind, item in others().items() if not item.is_inner}


def options_of(kind: str, **changes: Value) -> Options:
    """The options of an operator with their defaults, some fields changed.

    Raises InternalError for an operator that nobody declares, KeyError for an unknown field.
    """
    spec, other = all_ops().get(kind), others().get(kind)
    if spec is not None:
        return replace(options(spec.table.name, **changes), version=spec.version)
    if other is None:
        raise InternalError(f"{kind} is neither in tinyml.ops nor in tinyml.ops.others")
    return replace(options(other.table, **changes), version=other.version)


def with_attrs(op: Op) -> Op:
    """An op of the converter as the compiler has it: with the attrs of its operator."""
    table = all_ops()[op.kind].table
    held = op.attrs if op.attrs.table else options(table.name)
    return replace(op, attrs=table.read(dict(held.values)))
