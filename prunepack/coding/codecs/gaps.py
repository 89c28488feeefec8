"""Gaps between the nonzero elements, and these elements; for pruned weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunepack.coding.codec import Codec, check_names
from prunepack.coding.dtypes import bits
from prunepack.coding.native.placing import scatter
from prunepack.errors import CorruptArtifactError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prunepack.coding.codec import ChunkElements
    from prunepack.coding.dtypes import Array, ArraySpec

__all__ = ["Gaps"]

NARROW, WIDE = np.dtype("<u2"), np.dtype("<u4")


class Gaps(Codec):
    """Stream ``gaps``: zeros before each nonzero element; stream ``values``: those elements.

    Gaps are never negative, so that positions are always in order and never repeat. Zeros after
    the last nonzero element have no gap. The gaps are ``uint16``, or ``uint32`` if one of them is
    too large for that. Run lengths of positions are as old as the fax (ITU-T T.4); with entropy
    coding they come within 1 % of the entropy of a random mask.
    """

    def encode(self, chunk: ChunkElements) -> Mapping[str, Array] | None:
        """Return both streams, or None if no element or every element is zero."""
        if not chunk.is_mixed:
            return None
        gaps = np.diff(chunk.places, prepend=-1) - 1
        width = NARROW if gaps.max() <= np.iinfo(NARROW).max else WIDE
        return {"gaps": gaps.astype(width), "values": chunk.values}

    def check(self, streams: Mapping[str, ArraySpec], whole: ArraySpec) -> None:
        """Require one gap per value, and no more values than elements."""
        check_names(streams, "gaps", "values")
        gaps, values = streams["gaps"], streams["values"]
        if gaps.dtype not in (NARROW, WIDE) or values.dtype != whole.dtype:
            raise CorruptArtifactError(
                "wrong types of streams gaps and values",
                expected=f"uint16 or uint32, and {whole.dtype}",
                found=f"{gaps.dtype} and {values.dtype}",
            )
        if gaps.count != values.count or not 0 < values.count <= whole.count:
            raise CorruptArtifactError(
                "wrong lengths of streams gaps and values",
                expected=f"equal, from 1 to {whole.count}",
                found=f"{gaps.count} and {values.count}",
            )

    def decode(self, streams: Mapping[str, Array], chunk: ChunkElements) -> None:
        """Put each value after its gap."""
        gaps, values = streams["gaps"], streams["values"]
        if scatter(gaps, values, chunk.elements):
            return
        if not bits(values).all():
            raise CorruptArtifactError("a zero among the nonzero values")
        raise CorruptArtifactError(
            "gaps lead past the end of the chunk",
            expected=f"a last index below {chunk.elements.size}",
            found=int(gaps.sum(dtype=np.int64)) + gaps.size - 1,
        )
