"""A bit per element, and the nonzero elements; for about half zeros."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunepack.coding.codec import Codec, check_names, check_stream
from prunepack.coding.dtypes import STREAM_DTYPES, ArraySpec, bits
from prunepack.coding.native.placing import expand
from prunepack.errors import CorruptArtifactError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prunepack.coding.codec import ChunkElements
    from prunepack.coding.dtypes import Array

__all__ = ["Bitmap"]

MIN_DENSITY = 0.25
"""With a smaller fraction of nonzero elements, gaps are never larger, whatever the pattern."""


class Bitmap(Codec):
    """Stream ``bitmap``: a one for each nonzero element; stream ``values``: those elements.

    The first element is the lowest bit of the first byte; bits after the last element are zero.
    """

    def encode(self, chunk: ChunkElements) -> Mapping[str, Array] | None:
        """Return both streams, or None if no or few elements are nonzero, or all of them."""
        if not chunk.is_mixed or chunk.places.size < MIN_DENSITY * chunk.elements.size:
            return None
        bitmap = np.packbits(bits(chunk.elements) != 0, bitorder="little")
        return {"bitmap": bitmap, "values": chunk.values}

    def check(self, streams: Mapping[str, ArraySpec], whole: ArraySpec) -> None:
        """Require a bit per element, and no more values than elements."""
        check_names(streams, "bitmap", "values")
        check_stream(streams, "bitmap", ArraySpec(STREAM_DTYPES["uint8"], -(-whole.count // 8)))
        check_stream(streams, "values", whole, min_count=1)

    def decode(self, streams: Mapping[str, Array], chunk: ChunkElements) -> None:
        """Put a value in the place of each one."""
        bitmap, values = streams["bitmap"], streams["values"]
        if expand(bitmap, values, chunk.elements):
            return
        if not bits(values).all():
            raise CorruptArtifactError("a zero among the nonzero values")
        ones = np.unpackbits(bitmap, bitorder="little")
        if ones[chunk.elements.size :].any():
            raise CorruptArtifactError("the bitmap has a one after the last element")
        raise CorruptArtifactError(
            "the bitmap does not have one bit per value",
            expected=values.size,
            found=int(ones.sum()),
        )
