"""Zstandard: for what repeats as bytes rather than as numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunepack.coder import Coder
from prunepack.frames import compress, decompress

if TYPE_CHECKING:
    from prunepack.dtypes import Array, ArraySpec

__all__ = ["Zstd"]

SMALL = 128 * 1024


class Zstd(Coder):
    """One frame over the little-endian bytes of the array."""

    def encode(self, array: Array) -> bytes:
        """Compress small arrays hard and large ones fast: there it is only a second opinion."""
        return compress(array.data.cast("B"), level=19 if array.nbytes <= SMALL else 3)

    def decode(self, stored: bytes, spec: ArraySpec) -> Array:
        """Decompress and view as the declared type."""
        return np.frombuffer(decompress(stored, spec.nbytes), spec.dtype)
