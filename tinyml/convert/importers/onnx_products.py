"""ONNX matrix products, of values with weights and of two values; attention."""

from __future__ import annotations

import math

import numpy as np

from tinyml.convert.importers.onnx_elementwise import scalar, two
from tinyml.convert.importers.onnx_protos import Attributes, Node, Unknown
from tinyml.convert.importers.onnx_values import Handler, Reader
from tinyml.ir.graph import Array


def gemm(reader: Reader, node: Node, attrs: Attributes) -> int:
    """Gemm: a dense layer when the second matrix is constant, else BATCH_MATMUL, and the addend."""
    weights = reader.constants.get(node.input[1])
    alpha, beta = attrs.number("alpha", 1.0), attrs.number("beta", 1.0)
    value, name = reader.value(node.input[0]), node.output[0]
    if attrs.integer("transA", 0):
        value = reader.new.transpose(value, (1, 0))
    has_bias = len(node.input) > 2 and bool(node.input[2])
    bias = reader.constants.get(node.input[2]) if has_bias else None
    if weights is None:
        right = reader.value(node.input[1])
        if attrs.integer("transB", 0):
            right = reader.new.transpose(right, (1, 0))
        made = product(reader, value, right, f"{name}/product")
        made = made if alpha == 1 else scalar(reader, "MUL", made, alpha, f"{name}/scaled")
        return _plus(reader, made, node, beta) if has_bias else made
    held = (weights if attrs.integer("transB", 0) else weights.T) * np.float32(alpha)
    flat: Array = np.zeros(held.shape[0], np.float32)
    if bias is not None and bias.size in (1, len(flat)):
        flat = flat + np.float32(beta) * bias.reshape(-1)
        return dense(reader, value, held, flat, name)
    made = dense(reader, value, held, flat, f"{name}/product" if has_bias else name)
    return _plus(reader, made, node, beta) if has_bias else made


def _plus(reader: Reader, value: int, node: Node, beta: float) -> int:
    addend, name = reader.value(node.input[2]), node.output[0]
    if beta != 1:
        addend = scalar(reader, "MUL", addend, beta, f"{name}/beta")
    return two(reader, "ADD", (value, addend), name)


def matmul(reader: Reader, node: Node, attrs: Attributes) -> int:
    """MatMul: a dense layer when the second matrix is constant, else BATCH_MATMUL."""
    weights = reader.constants.get(node.input[1])
    left = reader.value(node.input[0])
    if weights is not None and weights.ndim == 2:
        zeros = np.zeros(weights.shape[1], np.float32)
        return dense(reader, left, weights.T, zeros, node.output[0])
    return product(reader, left, reader.value(node.input[1]), node.output[0])


def product(reader: Reader, left: int, right: int, name: str) -> int:
    """A matrix product with leading axes that broadcast; vectors are matrices for a while."""
    a, b = reader.new.shape(left), reader.new.shape(right)
    shape = [*np.broadcast_shapes(a[:-2], b[:-2]), *a[-2:-1], *(b[-1:] if len(b) > 1 else ())]
    if len(a) == 1:
        left, a = reader.new.reshape(left, (1, *a)), (1, *a)
    if len(b) == 1:
        right, b = reader.new.reshape(right, (*b, 1)), (*b, 1)
    whole = (*np.broadcast_shapes(a[:-2], b[:-2]), a[-2], b[-1])
    made = reader.new.op("BATCH_MATMUL", (left, right), whole, name)
    return made if tuple(shape) == whole else reader.new.reshape(made, shape)


def dense(reader: Reader, value: int, weights: Array, bias: Array, name: str) -> int:
    """FULLY_CONNECTED on the last axis; ``weights`` are [outputs, inputs]."""
    shape = (*reader.new.shape(value)[:-1], weights.shape[0])
    inputs = (
        value,
        reader.new.constant(f"{name}/weights", weights.astype(np.float32)),
        reader.new.constant(f"{name}/bias", bias.astype(np.float32)),
    )
    return reader.new.op("FULLY_CONNECTED", inputs, shape, name, KeepNumDims=len(shape) != 2)


def attention(reader: Reader, node: Node, attrs: Attributes) -> int:
    """Attention (opset 23) of [1, heads, length, width], or of [1, length, heads x width]."""
    if any(name for name in node.input[4:]) or attrs.number("softcap", 0.0):
        raise Unknown("what was before, or softcap")
    heads = [attrs.integer(f"{word}_num_heads", 0) for word in ("q", "kv", "kv")]
    parts = [reader.value(name) for name in node.input[:3]]
    is_flat = len(reader.new.shape(parts[0])) == 3
    if is_flat:
        parts = [_by_heads(reader, v, n) for v, n in zip(parts, heads, strict=True)]
    query, key, value = parts
    shape, name = reader.new.shape(query), node.output[0]
    if reader.new.shape(key)[1] != shape[1]:
        raise Unknown("heads that share keys")
    scale = attrs.number("scale", 1 / math.sqrt(shape[-1]))
    scores = product(reader, query, reader.new.transpose(key, (0, 1, 3, 2)), f"{name}/scores")
    scores = scalar(reader, "MUL", scores, scale, f"{name}/scaled")
    rows, columns = reader.new.shape(scores)[2:]
    if attrs.integer("is_causal", 0):
        later = np.triu(np.full((rows, columns), -1e4, np.float32), 1)
        mask = reader.new.constant(f"{name}/later", later)
        scores = two(reader, "ADD", (scores, mask), f"{name}/causal")
    if len(node.input) > 3 and node.input[3]:
        scores = two(reader, "ADD", (scores, reader.value(node.input[3])), f"{name}/masked")
    weights = reader.new.op(
        "SOFTMAX", (scores,), reader.new.shape(scores), f"{name}/softmax", Beta=1.0
    )
    made = product(reader, weights, value, name)
    if not is_flat:
        return made
    moved = reader.new.transpose(made, (0, 2, 1, 3))
    batch, length, count, width = reader.new.shape(moved)
    return reader.new.reshape(moved, (batch, length, count * width))


def _by_heads(reader: Reader, value: int, heads: int) -> int:
    if not heads:
        raise Unknown("the number of heads")
    batch, length, width = reader.new.shape(value)
    split = reader.new.reshape(value, (batch, length, heads, width // heads))
    return reader.new.transpose(split, (0, 2, 1, 3))


HANDLERS: dict[str, Handler] = {
    "Attention": attention,
    "Gemm": gemm,
    "MatMul": matmul,
}
