"""Places where elements change, and the changes; for sorted and repeated integers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunepack.coding.codec import ChunkElements, Codec
from prunepack.coding.codecs.gaps import Gaps
from prunepack.coding.dtypes import bits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prunepack.coding.dtypes import Array, ArraySpec

__all__ = ["Steps"]

MAX_DENSITY = 0.5
"""With a greater fraction of changes, pcodec finds the differences by itself."""


class Steps(Codec):
    """Streams ``gaps`` and ``values`` as of the codec ``gaps``, for the steps of integers.

    The step of an element is its difference to the element before it, the first to zero, without
    regard to overflow. Node numbers in decision trees are such lists.
    """

    def encode(self, chunk: ChunkElements) -> Mapping[str, Array] | None:
        """Return both streams, or None for floats, or if most elements change, or none does."""
        words = bits(chunk.elements)
        if chunk.elements.dtype.kind == "f" or not chunk.places.size:
            return None
        steps = np.diff(words, prepend=words.dtype.type(0)).view(chunk.elements.dtype)
        if np.count_nonzero(steps) > MAX_DENSITY * steps.size:
            return None
        return Gaps().encode(ChunkElements(steps, chunk.shapes, chunk.start))

    def check(self, streams: Mapping[str, ArraySpec], whole: ArraySpec) -> None:
        """Require the streams of ``gaps``."""
        Gaps().check(streams, whole)

    def decode(self, streams: Mapping[str, Array], chunk: ChunkElements) -> None:
        """Put each step in its place, and add them up."""
        Gaps().decode(streams, chunk)
        words = bits(chunk.elements)
        np.cumsum(words, out=words, dtype=words.dtype)
