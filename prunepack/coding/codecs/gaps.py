"""Where the nonzero elements are, and what they are: for pruned weights."""

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

    Gaps are never negative, so positions cannot be unsorted or repeat. Zeros after the last
    nonzero element are not written down. They are ``uint16``, or ``uint32`` if one of them needs
    it. Run-length coding of positions is as old as the fax (ITU-T T.4); entropy coding the runs
    comes within 1 % of the entropy of a random mask.
    """

    def encode(self, block: ChunkElements) -> Mapping[str, Array] | None:
        """Return both streams, or None if nothing or everything is zero."""
        if not block.is_mixed:
            return None
        gaps = np.diff(block.places, prepend=-1) - 1
        width = NARROW if gaps.max() <= np.iinfo(NARROW).max else WIDE
        return {"gaps": gaps.astype(width), "values": block.values}

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

    def decode(self, streams: Mapping[str, Array], block: ChunkElements) -> None:
        """Scatter the values."""
        gaps, values = streams["gaps"], streams["values"]
        if scatter(gaps, values, block.elements):
            return
        if not bits(values).all():
            raise CorruptArtifactError("a zero among the nonzero values")
        raise CorruptArtifactError(
            "gaps lead past the end of the chunk",
            expected=f"a last index below {block.elements.size}",
            found=int(gaps.sum(dtype=np.int64)) + gaps.size - 1,
        )
