"""Tensors of an ONNX file, and the rest of it as bytes, by the onnx package."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    Array = npt.NDArray[Any]

__all__ = ["OnnxFile", "view_bits"]


@dataclass(frozen=True)
class OnnxFile:
    """A model whose weights are in the file itself."""

    path: Path

    @cached_property
    def data(self) -> bytes:
        """The bytes of the file."""
        return self.path.read_bytes()

    @cached_property
    def tensors(self) -> tuple[Array, ...]:
        """The initializers with elements, each as a contiguous 1-D array."""
        return self._parts[0]

    @cached_property
    def rest(self) -> bytes:
        """The model without the data of its initializers."""
        return self._parts[1]

    @cached_property
    def _parts(self) -> tuple[tuple[Array, ...], bytes]:
        import onnx

        model = onnx.load_from_string(self.data)
        arrays = []
        for tensor in model.graph.initializer:
            arrays.append(np.ascontiguousarray(onnx.numpy_helper.to_array(tensor)).ravel())
            for field in ("raw_data", "float_data", "int32_data", "int64_data", "double_data"):
                tensor.ClearField(field)
        rest = model.SerializeToString(deterministic=True)
        return tuple(array for array in arrays if array.size), rest


def view_bits(array: Array) -> Array:
    """View ``array`` as unsigned integers of the same width: zero means all bits zero."""
    return array.view(f"u{array.dtype.itemsize}")
