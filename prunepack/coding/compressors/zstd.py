"""Zstandard: for arrays that repeat as bytes rather than as numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunepack.coding.compressor import Compressor
from prunepack.coding.zstd_frames import compress, decompress

if TYPE_CHECKING:
    from prunepack.coding.dtypes import Array, ArraySpec

__all__ = ["Zstd"]

QUICK, THOROUGH = 1, 19


class Zstd(Compressor):
    """One frame of the little-endian bytes of the array."""

    def encode(self, array: Array, *, thorough: bool = False) -> bytes:
        """Compress at level 1 or 19."""
        return compress(array.data.cast("B"), level=THOROUGH if thorough else QUICK)

    def decode(self, stored: bytes, spec: ArraySpec) -> Array:
        """Decompress and view as the declared type."""
        return np.frombuffer(decompress(stored, spec.nbytes), spec.dtype)
