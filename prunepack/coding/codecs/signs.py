"""Signs and magnitudes in streams of their own; for sinusoids, and for zeros with both signs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunepack.coding.codec import ChunkElements, Codec, check_names, check_stream
from prunepack.coding.codecs.gaps import Gaps
from prunepack.coding.dtypes import STREAM_DTYPES, ArraySpec, bits
from prunepack.coding.repeats import is_repetitive
from prunepack.errors import CorruptArtifactError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prunepack.coding.dtypes import Array

__all__ = ["Signs"]

MIN_NEGATIVE_ZEROS = 0.1
"""With a greater fraction of elements that are -0.0, magnitudes are stored as gaps and values."""


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
        words = bits(chunk.elements)
        place = _find_sign(words)
        signs = words >> place
        if chunk.elements.dtype.kind != "f" or signs.min() == signs.max():
            return None
        packed = np.packbits(signs.astype(np.uint8), bitorder="little")
        magnitudes = words & ~(words.dtype.type(1) << place)
        negative_zeros = chunk.places.size - np.count_nonzero(magnitudes)
        if negative_zeros > MIN_NEGATIVE_ZEROS * words.size:
            split = Gaps().encode(ChunkElements(magnitudes, chunk.shapes, chunk.start))
            return None if split is None else {**split, "signs": packed}
        if not is_repetitive(magnitudes):
            return None
        return {"magnitudes": magnitudes, "signs": packed}

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


def _find_sign(words: Array) -> Array:
    """Return the place of the highest bit, in the type of the words."""
    place: Array = words.dtype.type(8 * words.itemsize - 1)
    return place
