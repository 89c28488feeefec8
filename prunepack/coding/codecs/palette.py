"""A palette of few distinct elements, and an index per element; for quantized weights."""

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

MAX_ENTRIES = 256
SAMPLE = 4096
MIN_DENSITY = 0.4
"""With a smaller fraction of nonzero elements, this codec is never the smallest."""


class Palette(Codec):
    """Stream ``palette``: the distinct elements; stream ``indices``: an entry for each element.

    The palette has 2 to 256 entries, sorted by their bits as unsigned integers.
    """

    def encode(self, chunk: ChunkElements) -> Mapping[str, Array] | None:
        """Return both streams, or None if too many elements are distinct, or most are zero."""
        words = bits(chunk.elements)
        if chunk.places.size < MIN_DENSITY * words.size:
            return None
        if words.itemsize == 1 or np.unique(words[:SAMPLE]).size > MAX_ENTRIES:
            return None
        palette, indices = np.unique(words, return_inverse=True)
        if not 2 <= palette.size <= MAX_ENTRIES:
            return None
        return {"palette": palette.view(chunk.elements.dtype), "indices": indices.astype(np.uint8)}

    def check(self, streams: Mapping[str, ArraySpec], whole: ArraySpec) -> None:
        """Require an index per element, and a palette of the chunk's own type."""
        check_names(streams, "indices", "palette")
        check_stream(streams, "indices", ArraySpec(STREAM_DTYPES["uint8"], whole.count))
        largest = ArraySpec(whole.dtype, min(MAX_ENTRIES, whole.count))
        check_stream(streams, "palette", largest, min_count=2)

    def decode(self, streams: Mapping[str, Array], chunk: ChunkElements) -> None:
        """Look up each index."""
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
            palette, indices, out=bits(chunk.elements), mode="clip"
        )  # checked above, and "raise" copies
