"""Signs and magnitudes in streams of their own; for sinusoids, and for zeros with both signs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunepack.coding.codec import ChunkElements, Codec, check_names, check_stream
from prunepack.coding.codecs.gaps import Gaps
from prunepack.coding.dtypes import STREAM_DTYPES, ArraySpec, bits
from prunepack.coding.repeats import measure_repetition
from prunepack.errors import CorruptArtifactError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prunepack.coding.dtypes import Array

__all__ = ["Signs"]

MIN_NEGATIVE_ZEROS = 0.1
"""With a greater fraction of elements that are -0.0, magnitudes are stored as gaps and values."""

MIN_DENSITY = 0.4
MIN_REPEATED = 0.2
"""With smaller fractions of nonzero or of repeated magnitudes, another codec is smaller."""


class Signs(Codec):
    """Stream ``signs``: a one for each element whose highest bit is set.

    The other bits of all elements, as unsigned integers, are the stream ``magnitudes`` or, as the
    codec ``gaps`` stores them, the streams ``gaps`` and ``values``. The first element has the
    lowest bit of the first byte.

    The rows of a Fourier basis repeat numbers with both signs, which as whole elements are not
    equal. A product of weights and a mask has zeros with both signs.
    """

    def encode(self, chunk: ChunkElements) -> Mapping[str, Array] | None:
        """Return the streams, or None for integers, and if magnitudes neither repeat nor vanish."""
        if chunk.elements.dtype.kind != "f":
            return None
        words = bits(chunk.elements)
        place = _find_sign(words)
        sign = words.dtype.type(1) << place
        magnitudes = words & ~sign
        has_negative_zeros = np.count_nonzero(words == sign) > MIN_NEGATIVE_ZEROS * words.size
        if not has_negative_zeros and not _can_repeat(magnitudes):
            return None
        packed = np.packbits((words >> place).astype(np.uint8), bitorder="little")
        if not has_negative_zeros:
            return {"magnitudes": magnitudes, "signs": packed}
        split = Gaps().encode(ChunkElements(magnitudes, chunk.shapes, chunk.start))
        return None if split is None else {**split, "signs": packed}

    def check(self, streams: Mapping[str, ArraySpec], whole: ArraySpec) -> None:
        """Require a bit per element, and one of the forms of magnitudes."""
        words = ArraySpec(np.dtype(f"<u{whole.dtype.itemsize}"), whole.count)
        if "magnitudes" in streams:
            check_names(streams, "magnitudes", "signs")
            check_stream(streams, "magnitudes", words)
        else:
            check_names(streams, "gaps", "signs", "values")
            Gaps().check({name: streams[name] for name in ("gaps", "values")}, words)
        check_stream(streams, "signs", ArraySpec(STREAM_DTYPES["uint8"], -(-whole.count // 8)))

    def decode(self, streams: Mapping[str, Array], chunk: ChunkElements) -> None:
        """Put the magnitudes in their places, then add the signs."""
        words = bits(chunk.elements)
        if "magnitudes" in streams:
            words[:] = streams["magnitudes"]
        else:
            Gaps().decode(streams, ChunkElements(words, chunk.shapes, chunk.start))
        signs = np.unpackbits(streams["signs"], bitorder="little")
        place = _find_sign(words)
        if signs[words.size :].any():
            raise CorruptArtifactError("the signs have a one after the last element")
        if (words >> place).any():
            raise CorruptArtifactError("a magnitude has the bit of a sign")
        words |= signs[: words.size].astype(words.dtype) << place


def _can_repeat(magnitudes: Array) -> bool:
    """Tell whether most are nonzero, and enough of these occurred before."""
    count = int(np.count_nonzero(magnitudes))
    is_dense = count > MIN_DENSITY * magnitudes.size
    return is_dense and measure_repetition(magnitudes) > MIN_REPEATED


def _find_sign(words: Array) -> Array:
    """Return the place of the highest bit, in the type of the words."""
    place: Array = words.dtype.type(8 * words.itemsize - 1)
    return place
