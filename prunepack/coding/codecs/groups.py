"""N:M sparsity, such as 2:4: N nonzero elements in each group of M."""

from __future__ import annotations

from functools import cache
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING

import numpy as np

from prunepack.coding.codec import Codec, check_names
from prunepack.coding.dtypes import STREAM_DTYPES, bits
from prunepack.coding.native.placing import expand
from prunepack.errors import CorruptArtifactError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prunepack.coding.codec import ChunkElements
    from prunepack.coding.dtypes import Array, ArraySpec

__all__ = ["Groups"]

SIZES = (4, 8)
"""Elements of a group, the M of N:M; a byte can number all patterns of a group."""


class Groups(Codec):
    """Stream ``patterns``: the places of the N nonzero elements of each group; stream ``values``.

    The values are those elements. Each pattern stands for M elements, where M is 4 or 8; N of them
    are nonzero. A pattern (``uint8``) is the rank of its places among all choices of N from M, in
    lexicographic order.
    The masks of NVIDIA's sparse tensor cores are 2:4 (Mishra et al., "Accelerating Sparse Deep
    Neural Networks", 2021); six patterns cost log2(6) / 4 bits per weight.
    """

    def encode(self, chunk: ChunkElements) -> Mapping[str, Array] | None:
        """Return both streams for the smallest M that fits, or None if no M does."""
        for size in SIZES:
            groups, rest = divmod(chunk.elements.size, size)
            kept = chunk.places.size // max(groups, 1)
            if rest or not 0 < kept < size or kept * groups != chunk.places.size:
                continue
            mask = (bits(chunk.elements) != 0).reshape(-1, size)
            if (np.count_nonzero(mask, axis=1) == kept).all():
                weights = (1 << np.arange(size)).astype(np.uint8)
                return {"patterns": _ranks(kept, size)[mask @ weights], "values": chunk.values}
        return None

    def check(self, streams: Mapping[str, ArraySpec], whole: ArraySpec) -> None:
        """Require M elements and N values for every pattern."""
        check_names(streams, "patterns", "values")
        patterns, values = streams["patterns"], streams["values"]
        if patterns.dtype != STREAM_DTYPES["uint8"] or values.dtype != whole.dtype:
            raise CorruptArtifactError(
                "wrong types of streams patterns and values",
                expected=f"uint8 and {whole.dtype}",
                found=f"{patterns.dtype} and {values.dtype}",
            )
        _check_lengths(patterns.count, values.count, whole.count)

    def decode(self, streams: Mapping[str, Array], chunk: ChunkElements) -> None:
        """Put N values into each group."""
        patterns, values = streams["patterns"], streams["values"]
        kept, size = values.size // patterns.size, chunk.elements.size // patterns.size
        if patterns.max() >= comb(size, kept):
            raise CorruptArtifactError(
                f"a pattern that is not {kept}:{size}",
                expected=f"patterns below {comb(size, kept)}",
                found=int(patterns.max()),
            )
        masks = _masks(kept, size)[patterns]
        if size == 4:
            masks = np.pad(masks, (0, masks.size % 2))
            masks = masks[::2] | masks[1::2] << 4
        if not expand(masks, values, chunk.elements):
            raise CorruptArtifactError("a zero among the nonzero values")


def _check_lengths(patterns: int, values: int, elements: int) -> None:
    are_groups = elements in {patterns * size for size in SIZES}
    if not are_groups or values % patterns or not 0 < values < elements:
        raise CorruptArtifactError(
            "wrong lengths of streams patterns and values",
            expected=f"groups of 4 or 8 in {elements}, with equally many values",
            found=f"{patterns} and {values}",
        )


@cache
def _masks(kept: int, size: int) -> Array:
    """Return the bits of each pattern, the first place lowest, in lexicographic order: uint8."""
    choices = combinations(range(size), kept)
    return np.array([sum(1 << place for place in choice) for choice in choices], np.uint8)


@cache
def _ranks(kept: int, size: int) -> Array:
    """Return the rank of each pattern by its bits: (2 ** size,), uint8."""
    ranks = np.zeros(2**size, np.uint8)
    ranks[_masks(kept, size)] = np.arange(comb(size, kept))
    return ranks
