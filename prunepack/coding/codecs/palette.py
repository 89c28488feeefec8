"""Few distinct elements, and which of them stands where: for quantized weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunepack.coding.codec import Codec, check_names, check_stream
from prunepack.coding.dtypes import STREAM_DTYPES, ArraySpec, bits
from prunepack.errors import CorruptArtifactError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prunepack.coding.codec import ChunkElements
    from prunepack.coding.dtypes import Array

__all__ = ["Palette"]

MOST = 256
SAMPLE = 4096
LEAST = 0.4
"""With fewer nonzero elements, coding the zeros one by one is never the smallest."""


class Palette(Codec):
    """Stream ``palette``: the distinct elements; stream ``indices``: for each element, which one.

    The palette is sorted by its bits, seen as unsigned integers, and has from 2 to 256 entries.
    """

    def encode(self, block: ChunkElements) -> Mapping[str, Array] | None:
        """Return both streams, or None if there are too many distinct elements, or mostly zeros."""
        words = bits(block.elements)
        if block.places.size < LEAST * words.size:
            return None
        if words.itemsize == 1 or np.unique(words[:SAMPLE]).size > MOST:
            return None
        palette, indices = np.unique(words, return_inverse=True)
        if not 2 <= palette.size <= MOST:
            return None
        return {"palette": palette.view(block.elements.dtype), "indices": indices.astype(np.uint8)}

    def check(self, streams: Mapping[str, ArraySpec], whole: ArraySpec) -> None:
        """Require an index per element, and a palette of the chunk's own type."""
        check_names(streams, "indices", "palette")
        check_stream(streams, "indices", ArraySpec(STREAM_DTYPES["uint8"], whole.count))
        most = ArraySpec(whole.dtype, min(MOST, whole.count))
        check_stream(streams, "palette", most, least=2)

    def decode(self, streams: Mapping[str, Array], block: ChunkElements) -> None:
        """Look every index up."""
        palette, indices = bits(streams["palette"]), streams["indices"]
        if (palette[1:] <= palette[:-1]).any():
            raise CorruptArtifactError("the palette is not sorted, or repeats an element")
        if indices.max() >= palette.size:
            raise CorruptArtifactError(
                "an index leads out of the palette",
                expected=f"below {palette.size}",
                found=int(indices.max()),
            )
        np.take(
            palette, indices, out=bits(block.elements), mode="clip"
        )  # checked above, and "raise" copies
