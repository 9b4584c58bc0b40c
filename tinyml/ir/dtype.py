"""The element types, each a value that knows all that anybody asks of a type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class DType:
    """One element type."""

    name: str  # "int8", as numpy calls it
    bits: int  # of one element in memory
    c_type: str  # "int8_t"
    tflite: int  # TensorType of the .tflite schema
    letter: str = ""  # on the serial line, as Python's struct module has it; "" never goes there
    is_quantised: bool = False  # holds real values by a scale and a zero point
    holder: str = ""  # numpy's name of what holds an element here, where it has no such type

    def __str__(self) -> str:
        """The name, as messages and comments have it."""
        return self.name

    @property
    def numpy(self) -> np.dtype[Any]:
        """numpy's type of the elements, one for each: it has none below 8 bits."""
        return np.dtype(self.holder or self.name)

    @property
    def short(self) -> str:
        """The name as tables of TFLM's kernels have it: "i8", "f32", "bool"."""
        return self.name if self.numpy.kind == "b" else f"{self.name[0]}{self.bits}"

    @property
    def limits(self) -> tuple[int, int]:
        """The least and the greatest integer; raises ValueError for other types."""
        if self.numpy.kind not in "iu":
            raise ValueError(f"{self.name} has no integers")
        least = -(1 << self.bits - 1) if self.numpy.kind == "i" else 0
        return least, least + (1 << self.bits) - 1

    def nbytes(self, elements: int) -> int:
        """Bytes of so many elements, packed."""
        return -(-elements * self.bits // 8)


BOOL = DType("bool", 8, "bool", 6, "?")
FLOAT32 = DType("float32", 32, "float", 0, "f")
INT8 = DType("int8", 8, "int8_t", 9, "b", is_quantised=True)
INT16 = DType("int16", 16, "int16_t", 7, "h", is_quantised=True)
INT32 = DType("int32", 32, "int32_t", 2, "i")
INT64 = DType("int64", 64, "int64_t", 4, "q")
UINT8 = DType("uint8", 8, "uint8_t", 3, "B", is_quantised=True)
UINT32 = DType("uint32", 32, "uint32_t", 15, "I")
INT4 = DType("int4", 4, "int8_t", 17, is_quantised=True, holder="int8")  # in files alone, as is:
FLOAT16 = DType("float16", 16, "float", 1)
CHAR = DType("char", 8, "char", -1)  # bytes of anything, in scratch: in C they may alias the rest
RESOURCE = DType("resource", 32, "int32_t", 13, holder="int32")  # which variable; no kernel sees it

ALL = (BOOL, FLOAT32, INT8, INT16, INT32, INT64, UINT8, UINT32)
BY_NAME = {dtype.name: dtype for dtype in ALL}
BY_SHORT = {dtype.short: dtype for dtype in ALL}
BY_LETTER = {dtype.letter: dtype for dtype in ALL if dtype.letter}
BY_TFLITE = {dtype.tflite: dtype for dtype in (*ALL, RESOURCE)}
NOT_KNOWN = {  # the other TensorType values, for messages
    **{1: "float16", 5: "string", 8: "complex64", 10: "float64", 11: "complex128", 12: "uint64"},
    **{14: "variant", 16: "uint16", 17: "int4", 18: "bfloat16"},
}


def dtype_of(elements: np.dtype[Any]) -> DType:
    """The type of a numpy array's elements, which is known to be one of these."""
    return BY_NAME[elements.name]


def type_title(tflite: int) -> str:
    """What a TensorType value means, for messages."""
    known = BY_TFLITE.get(tflite)
    return known.name if known is not None else NOT_KNOWN.get(tflite, f"number {tflite}")
