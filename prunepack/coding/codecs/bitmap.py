"""A bit per element, and the nonzero elements: for about half zeros."""

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

LEAST = 0.25
"""With fewer nonzero elements, gaps are always as small, whatever the pattern."""


class Bitmap(Codec):
    """Stream ``bitmap``: a one for each nonzero element; stream ``values``: those elements.

    The first element is the lowest bit of the first byte; bits behind the last element are zero.
    """

    def encode(self, block: ChunkElements) -> Mapping[str, Array] | None:
        """Return both streams, or None if everything is zero, or so much that gaps are smaller."""
        if not block.is_mixed or block.places.size < LEAST * block.elements.size:
            return None
        bitmap = np.packbits(bits(block.elements) != 0, bitorder="little")
        return {"bitmap": bitmap, "values": block.values}

    def check(self, streams: Mapping[str, ArraySpec], whole: ArraySpec) -> None:
        """Require a bit per element, and no more values than elements."""
        check_names(streams, "bitmap", "values")
        check_stream(streams, "bitmap", ArraySpec(STREAM_DTYPES["uint8"], -(-whole.count // 8)))
        check_stream(streams, "values", whole, least=1)

    def decode(self, streams: Mapping[str, Array], block: ChunkElements) -> None:
        """Put a value where there is a one."""
        bitmap, values = streams["bitmap"], streams["values"]
        if expand(bitmap, values, block.elements):
            return
        if not bits(values).all():
            raise CorruptArtifactError("a zero among the nonzero values")
        ones = np.unpackbits(bitmap, bitorder="little")
        if ones[block.elements.size :].any():
            raise CorruptArtifactError("the bitmap has a bit behind the last element")
        raise CorruptArtifactError(
            "the bitmap has not as many bits as there are values",
            expected=values.size,
            found=int(ones.sum()),
        )
