"""The element types of stored tensors, and how numpy carries each."""

from __future__ import annotations

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
    """A fixed-width element type.

    Attributes:
        name: What the header calls it; the lower-case name of the ONNX type.
        onnx_code: Its number in ``TensorProto.DataType`` of the ONNX specification.
        carrier: The little-endian numpy type in which codecs and coders see the elements.
        array: The numpy type in which a decoded tensor is handed out; ``bfloat16``, which numpy
            lacks, comes as its bits in ``uint16``.
    """

    name: str
    onnx_code: int
    carrier: np.dtype[Any]
    array: np.dtype[Any]

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return self.carrier.itemsize


@dataclass(frozen=True, slots=True)
class ArraySpec:
    """What is promised about a 1-D array before it is decoded."""

    dtype: np.dtype[Any]
    count: int

    @property
    def nbytes(self) -> int:
        """Bytes of the decoded array."""
        return self.count * self.dtype.itemsize


def _dtype(name: str, onnx_code: int, carrier: str, array: str | None = None) -> DType:
    return DType(name, onnx_code, np.dtype(carrier), np.dtype(array or carrier))


_ALL = (
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

DTYPES: Mapping[str, DType] = MappingProxyType({d.name: d for d in _ALL})
"""Element types by their name in the header."""

BY_ONNX_CODE: Mapping[int, DType] = MappingProxyType({d.onnx_code: d for d in _ALL})
"""Element types by their number in an ONNX file."""

STREAM_DTYPES: Mapping[str, np.dtype[Any]] = MappingProxyType(
    {d.carrier.name: d.carrier for d in _ALL}
)
"""Types of stored streams: the eleven integers and floats that numpy and pcodec share."""


def bits(elements: Array) -> Array:
    """View ``elements`` as unsigned integers of the same width: zero means all bits zero."""
    return elements.view(f"<u{elements.dtype.itemsize}")
