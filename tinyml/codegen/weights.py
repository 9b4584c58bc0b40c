"""The constant arrays of a model: which exist, and what each is called."""

from __future__ import annotations

from dataclasses import replace

from tinyml.codegen.layers import (
    ConstantView,
    array_declaration,
    constant_symbols,
    constant_views,
)
from tinyml.codegen.literals import c_array, shape_text, wrap_comment
from tinyml.ir.graph import Array
from tinyml.ir.kernel import Constant
from tinyml.plan.values import Plan, Step


class Weights:
    """The constant arrays, each distinct content once; those of ``copied`` steps go to RAM."""

    def __init__(self, plan: Plan, names: tuple[str, ...]) -> None:
        self.views: list[ConstantView] = []
        self.nbytes = 0
        self.names = names
        self._graph = plan.graph
        self._known: dict[tuple[str, bytes], tuple[str, int]] = {}
        calls = (plan.steps[i].call for i in plan.copied_steps)
        constants = (item for call in calls if call is not None for item in call.constants)
        self._copied = {_content(item) for item in constants}

    def layer(self, index: int, step: Step, title: str) -> dict[str, str]:
        """The symbols of a layer's constants, which are added unless their bytes exist."""
        assert step.call is not None
        symbols = constant_symbols(step.call, f"{self._graph.name}_l{index}")
        for view, item in zip(
            constant_views(step.call, symbols, title), step.call.constants, strict=True
        ):
            key = _content(item)
            symbol, alignment = self._known.setdefault(key, (view.symbol, view.alignment))
            if symbol != view.symbol and alignment >= view.alignment:
                symbols[item.name] = symbol
                continue
            self.views.append(self._placed(view, key))
            self.nbytes += item.data.nbytes
        return symbols

    def _placed(self, view: ConstantView, key: tuple[str, bytes]) -> ConstantView:
        if key not in self._copied:
            return view
        return replace(view, is_copied=True, comment=(*view.comment, "in RAM, copied at start"))

    def tensor(self, index: int) -> str:
        """The symbol of a constant tensor that a kernel reads as an ordinary input."""
        data = self._graph.tensors[index].data
        assert data is not None
        return self._array(index, data, "constant")

    def first_values(self) -> dict[int, str]:
        """The symbols of what variables are after a reset that begin with a value of their own."""
        tensors = self._graph.tensors
        known = (i for i in self._graph.variables if tensors[i].initial is not None)
        return {i: self.first_value(i) for i in known}

    def first_value(self, index: int) -> str:
        """The symbol of what a variable is after a reset."""
        data = self._graph.tensors[index].initial
        assert data is not None
        return self._array(index, data, "first value of")

    def _array(self, index: int, data: Array, what: str) -> str:
        tensor = self._graph.tensors[index]
        symbol = f"{self._graph.name}_t_{self.names[index]}"
        comment = f'{what} "{tensor.name}", {tensor.dtype} {shape_text(tensor.shape)}'
        self.views.append(
            ConstantView(
                symbol=symbol,
                declaration=array_declaration(data, symbol),
                alignment=max(4, data.dtype.itemsize),
                comment=wrap_comment(comment),
                initialiser=c_array(data),
            )
        )
        self.nbytes += tensor.nbytes
        return symbol


def _content(constant: Constant) -> tuple[str, bytes]:
    """What two constants have in common of which one array is kept."""
    return constant.data.dtype.name, constant.data.tobytes()
