"""Attention, recurrent layers with states, and one network in each opset."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.zoo.onnx_graphs import IMAGE, Node, graph_of, held, ints, recurrent, stepped


def cnn(opset: int) -> Any:
    """One network as each version of the operators writes it."""
    slope = {"axis": 1, "broadcast": 1} if opset < 7 else {}
    nodes: list[Node] = [("Conv", "x w", "a", {"pads": [1, 1, 1, 1]})]
    constants: dict[str, Any] = {"w": held(6, 4, 3, 3), "d": held(6, 6, 3, 3), "m": held(24, 3)}
    constants["k"] = held(6) if opset < 7 else held(6, 1, 1)
    nodes.append(("Add", "a k", "b", slope))
    constants |= {"s": held(6) + 1, "t": held(6), "u": held(6), "v": np.abs(held(6)) + 0.5}
    nodes.append(("BatchNormalization", "b s t u v", "c", {"is_test": 1} if opset < 7 else {}))
    if opset < 11:
        nodes += [
            ("Clip", "c", "e", {"min": 0.0, "max": 6.0}),
            ("Pad", "e", "f", {"pads": [0, 0, 1, 0, 0, 0, 0, 1]}),
        ]
    else:
        constants |= {"lo": np.float32(0), "hi": np.float32(6), "p": ints(0, 0, 1, 0, 0, 0, 0, 1)}
        nodes += [("Clip", "c lo hi", "e", {}), ("Pad", "e p", "f", {})]
    nodes.append(("Conv", "f d", "g", {"strides": [2, 2]}))
    if opset < 10:
        nodes.append(("Slice", "g", "h", {"axes": [2, 3], "starts": [0, 1], "ends": [2, 3]}))
    else:
        constants |= {"s0": ints(0, 1), "s1": ints(2, 3), "s2": ints(2, 3)}
        nodes.append(("Slice", "g s0 s1 s2", "h", {}))
    nodes += [
        ("Flatten", "h", "i", {}),
        ("Gemm", "i m n", "j", {"broadcast": 1} if opset < 7 else {}),
    ]
    constants["n"] = held(3)
    nodes.append(("Softmax", "j", "y", {}))
    return graph_of([("x", IMAGE)], nodes, constants, opset=opset)


def attention(scaled: bool) -> Callable[[], Any]:
    """Heads by hand, as exporters write them."""
    nodes: list[Node] = []
    constants: dict[str, Any] = {"split": ints(1, 6, 2, 4), "join": ints(1, 6, 8), "o": held(8, 3)}
    for letter in "qkv":
        constants[f"w{letter}"] = held(8, 8)
        perm = [0, 2, 3, 1] if letter == "k" else [0, 2, 1, 3]
        nodes += [
            ("MatMul", f"a w{letter}", f"{letter}0", {}),
            ("Reshape", f"{letter}0 split", f"{letter}1", {}),
            ("Transpose", f"{letter}1", letter, {"perm": perm}),
        ]
    nodes += [
        ("MatMul", "q k", "s", {}),
        ("Div" if scaled else "Mul", "s two", "t", {}),
        ("Softmax", "t", "p", {"axis": -1}),
        ("MatMul", "p v", "z", {}),
        ("Transpose", "z", "zz", {"perm": [0, 2, 1, 3]}),
        ("Reshape", "zz join", "zzz", {}),
        ("MatMul", "zzz o", "y", {}),
    ]
    constants["two"] = np.float32(2 if scaled else 0.5)
    return stepped(*nodes, **constants)


def networks() -> dict[str, Callable[[], Any]]:
    """Attention, recurrent layers with states, each opset."""
    found: dict[str, Callable[[], Any]] = {
        "heads_divided": attention(True),
        "heads_multiplied": attention(False),
        "attention_23": lambda: graph_of(
            [("q", (1, 2, 6, 4)), ("k", (1, 2, 6, 4)), ("v", (1, 2, 6, 4))],
            [("Attention", "q k v", "y", {})],
            opset=23,
        ),
        "lstm_states": recurrent("LSTM"),
        "gru_states": recurrent("GRU", linear_before_reset=1),
        "rnn_states": recurrent("RNN"),
        "lstm_both": recurrent("LSTM", direction="bidirectional"),
        "gru_both": recurrent("GRU", direction="bidirectional"),
        "lstm_functions": recurrent("LSTM", activations=["Sigmoid", "Softsign", "Tanh"]),
    }
    for opset in (6, 7, 8, 9, 10, 11, 13, 15, 18, 21, 23):
        found[f"opset_{opset}"] = lambda opset=opset: cnn(opset)  # type: ignore[misc]
    return found
