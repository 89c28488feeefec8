"""Element types of stored tensors, and the numpy type that carries each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    Array = npt.NDArray[Any]

__all__ = ["BY_ONNX_CODE", "DTYPES", "STREAM_DTYPES", "ArraySpec", "DType", "bits"]


@dataclass(frozen=True, slots=True)
class DType:
    """An element type of a fixed width, of a whole byte or less.

    Attributes:
        name: Its name in the header: the ONNX name in lower case.
        onnx_code: Its number in ``TensorProto.DataType`` of the ONNX specification.
        carrier: The little-endian numpy type of the items that codecs and compressors process.
        array: The numpy type of a decoded tensor. A type that numpy does not have comes as bits;
            if it is narrower than a byte, each element has a byte of its own.
        packed: Number of elements that share one item, the first in its lowest bits.
    """

    name: str
    onnx_code: int
    carrier: np.dtype[Any]
    array: np.dtype[Any]
    packed: int = 1

    @property
    def itemsize(self) -> int:
        """Bytes of one item, which holds ``packed`` elements."""
        return self.carrier.itemsize

    def items(self, elements: int) -> int:
        """Return the number of items for that many elements; the last may be padded."""
        return -(-elements // self.packed)

    def nbytes(self, elements: int) -> int:
        """Return the number of bytes for that many elements."""
        return self.items(elements) * self.itemsize

    def to_array(self, items: Array, shape: tuple[int, ...]) -> Array:
        """Return a tensor of these items: a view or, if elements share items, a new array.

        Args:
            items: All items of the tensor (1-D, of the carrier type).
            shape: Shape of the tensor.
        """
        if self.packed == 1:
            return items.view(self.array).reshape(shape)
        width = 8 // self.packed
        shifts = np.arange(0, 8, width, dtype=np.uint8)
        parts = (items[:, None] >> shifts & (1 << width) - 1).astype(np.uint8)
        elements = parts.reshape(-1)[: math.prod(shape)].reshape(shape)
        if self.array.kind == "i":  # moved to the top and back, the sign fills the rest
            return (elements << 8 - width).view(np.int8) >> 8 - width
        return elements


@dataclass(frozen=True, slots=True)
class ArraySpec:
    """Declared type and length of a 1-D array, before it is decoded."""

    dtype: np.dtype[Any]
    count: int

    @property
    def nbytes(self) -> int:
        """Bytes of the decoded array."""
        return self.count * self.dtype.itemsize


def _dtype(
    name: str, onnx_code: int, carrier: str, array: str | None = None, *, packed: int = 1
) -> DType:
    return DType(name, onnx_code, np.dtype(carrier), np.dtype(array or carrier), packed)


_PLAIN = (
    _dtype("float32", 1, "<f4"),
    _dtype("uint8", 2, "<u1"),
    _dtype("int8", 3, "<i1"),
    _dtype("uint16", 4, "<u2"),
    _dtype("int16", 5, "<i2"),
    _dtype("int32", 6, "<i4"),
    _dtype("int64", 7, "<i8"),
    _dtype("bool", 9, "<u1", "?"),
    _dtype("float16", 10, "<f2"),
    _dtype("float64", 11, "<f8"),
    _dtype("uint32", 12, "<u4"),
    _dtype("uint64", 13, "<u8"),
    _dtype("bfloat16", 16, "<u2"),
)
_NARROW = (
    _dtype("float8e4m3fn", 17, "<u1"),
    _dtype("float8e4m3fnuz", 18, "<u1"),
    _dtype("float8e5m2", 19, "<u1"),
    _dtype("float8e5m2fnuz", 20, "<u1"),
    _dtype("uint4", 21, "<u1", packed=2),
    _dtype("int4", 22, "<u1", "<i1", packed=2),
    _dtype("float4e2m1", 23, "<u1", packed=2),
    _dtype("float8e8m0", 24, "<u1"),
    _dtype("uint2", 25, "<u1", packed=4),
    _dtype("int2", 26, "<u1", "<i1", packed=4),
)
_ALL = _PLAIN + _NARROW

DTYPES: Mapping[str, DType] = MappingProxyType({d.name: d for d in _ALL})
"""Element types by their name in the header."""

BY_ONNX_CODE: Mapping[int, DType] = MappingProxyType({d.onnx_code: d for d in _ALL})
"""Element types by their number in an ONNX file."""

STREAM_DTYPES: Mapping[str, np.dtype[Any]] = MappingProxyType(
    {d.carrier.name: d.carrier for d in _ALL}
)
"""Types of stored streams: the eleven integer and float types of both numpy and pcodec."""


def bits(elements: Array) -> Array:
    """View ``elements`` as unsigned integers of the same width: zero means all bits zero."""
    return elements.view(f"<u{elements.dtype.itemsize}")
