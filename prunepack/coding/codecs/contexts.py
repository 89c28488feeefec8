"""Elements whose mask, signs and sizes are foretold by their neighbours: the smallest, and slow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunepack.coding.codec import Codec, check_names, check_stream
from prunepack.coding.dtypes import STREAM_DTYPES, ArraySpec, bits
from prunepack.coding.native.context_coder import decode, encode
from prunepack.errors import CorruptArtifactError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from prunepack.coding.codec import ChunkElements
    from prunepack.coding.dtypes import Array

__all__ = ["Contexts"]

MOST_TOP = 12
LEVEL_BITS = 3
EXPONENT_BITS = {2: 5, 4: 8, 8: 11}
CODE_BYTES, CODE_BYTES_MORE = 4, 64
"""A code has no more bytes than so many an element, and so many more."""


class Contexts(Codec):
    """Stream ``code``: mask, signs and top bits of magnitudes, in a context-modelling code.

    Stream ``rest``, unless nothing is left for it: the other bits of the nonzero elements, as
    unsigned integers of the elements' width. The model is in
    :mod:`prunepack.coding.native.context_coder`.
    """

    def encode(self, block: ChunkElements) -> Mapping[str, Array] | None:
        """Return the streams, or None if everything is zero."""
        if not block.places.size:
            return None
        kept = _sign_and_magnitude(block.values)
        top, low, level_shift = _widths(block.values.dtype)
        symbols = np.zeros(block.elements.size, np.uint16)
        symbols[block.places] = 1 + (kept >> low).astype(np.uint16)
        code = np.frombuffer(encode(symbols, block.runs, top, level_shift), np.uint8)
        return {"code": code, **({"rest": kept & ((1 << low) - 1)} if low else {})}

    def check(self, streams: Mapping[str, ArraySpec], whole: ArraySpec) -> None:
        """Require a code, and a rest where the elements are wide, no longer than can be."""
        low = _widths(whole.dtype)[1]
        check_names(streams, "code", *(["rest"] if low else []))
        most = CODE_BYTES * whole.count + CODE_BYTES_MORE
        check_stream(streams, "code", ArraySpec(STREAM_DTYPES["uint8"], most), least=1)
        if low:
            words = np.dtype(f"<u{whole.dtype.itemsize}")
            check_stream(streams, "rest", ArraySpec(words, whole.count), least=1)

    def decode(self, streams: Mapping[str, Array], block: ChunkElements) -> None:
        """Decode the symbols, then put both parts of each nonzero element together."""
        words = bits(block.elements)
        top, low, level_shift = _widths(block.elements.dtype)
        symbols, used = decode(streams["code"], block.runs, top, level_shift)
        places = np.flatnonzero(symbols)
        rest = streams.get("rest", np.zeros(places.size, words.dtype))
        if used != streams["code"].size or rest.size != places.size or (rest >> low).any():
            raise CorruptArtifactError(
                "code and rest contradict each other",
                expected=f"{streams['code'].size} bytes for {rest.size} values below 2^{low}",
                found=f"{used} bytes for {places.size} values",
            )
        kept = (symbols[places] - 1).astype(words.dtype) << low | rest
        if not kept.all():
            raise CorruptArtifactError("a zero among the nonzero values")
        words[places] = _twos_complement(kept, block.elements.dtype)


def _widths(dtype: np.dtype[Any]) -> tuple[int, int, int]:
    """Return the width of a magnitude's modelled top, of its rest, and of its top below the level.

    The level is what is looked at of a neighbour: the low bits of the exponent.
    """
    magnitude = dtype.itemsize * 8 - 1
    top = min(MOST_TOP, magnitude)
    exponent = EXPONENT_BITS[dtype.itemsize] if dtype.kind == "f" else 1
    return top, magnitude - top, max(top - exponent - LEVEL_BITS + 1, 0)


def _sign_and_magnitude(elements: Array) -> Array:
    """Return unsigned words: the sign in the highest bit, the magnitude below it.

    Floats are so already, unsigned integers are left alone. The least signed integer, whose
    magnitude needs one bit more, becomes the word of a negative zero.
    """
    words = bits(elements)
    if elements.dtype.kind != "i":
        return words
    sign = words.dtype.type(1 << (elements.itemsize * 8 - 1))
    return np.where(words & sign, -words | sign, words)


def _twos_complement(words: Array, dtype: np.dtype[Any]) -> Array:
    """Undo :func:`_sign_and_magnitude`."""
    if dtype.kind != "i":
        return words
    sign = words.dtype.type(1 << (dtype.itemsize * 8 - 1))
    return np.where(words & sign, -(words ^ sign) | sign, words)
