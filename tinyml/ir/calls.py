"""Kernel calls, and those that they make themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from tinyml.ir.kernel import KernelCall, Ref, Struct, Value


def leaves(calls: Iterable[KernelCall]) -> Iterator[KernelCall]:
    """Calls, each followed by those of the graphs that it runs."""
    for call in calls:
        yield call
        if call.control is not None:
            yield from leaves(inner.call for inner in call.control.inner())


def renamed(call: KernelCall, prefix: str) -> KernelCall:
    """The call with constants whose names begin with ``prefix``: so they differ from others."""
    control = call.control
    if control is not None:
        routines = tuple(
            replace(
                item,
                calls=tuple(replace(c, call=renamed(c.call, prefix)) for c in item.calls),
            )
            for item in control.routines
        )
        control = replace(control, routines=routines)
    return replace(
        call,
        constants=tuple(replace(item, name=prefix + item.name) for item in call.constants),
        arguments=tuple(
            replace(arg, constant=prefix + arg.constant) if arg.kind == "constant" else arg
            for arg in call.arguments
        ),
        params=_renamed(call.params, prefix),
        control=control,
    )


def _renamed(struct: Struct, prefix: str) -> Struct:
    def rename(value: Value) -> Value:
        if isinstance(value, Struct):
            return _renamed(value, prefix)
        return Ref(prefix + value.constant) if isinstance(value, Ref) else value

    return Struct(struct.type, tuple((name, rename(value)) for name, value in struct.fields))
