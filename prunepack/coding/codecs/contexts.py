"""Masks, signs and magnitudes predicted from neighbours: the smallest codec, and slow."""

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

MAX_TOP_BITS = 12
LEVEL_BITS = 3
EXPONENT_BITS = {2: 5, 4: 8, 8: 11}
CODE_BYTES_PER_ELEMENT, CODE_BYTES_EXTRA = 4, 64
"""Limit of the length of a code: this many bytes per element, and this many more."""

MIN_TINY = 0.02
"""With a smaller fraction of tiny values, a stream of their own costs more than it saves."""


class Contexts(Codec):
    """Stream ``code``: mask, signs and top bits of magnitudes, in a context-modelling code.

    Stream ``rest``, if the elements are wide enough: the other bits of the nonzero elements, as
    unsigned integers of the same width. Elements whose top bits are all zero, which are negative
    zeros and denormals, may have these bits in a stream ``tiny`` of their own, because their bits
    are not evenly distributed. The model is in :mod:`prunepack.coding.native.context_model`.
    """

    def encode(self, chunk: ChunkElements) -> Mapping[str, Array] | None:
        """Return the streams, or None if every element is zero."""
        if not chunk.places.size:
            return None
        kept = _to_sign_and_magnitude(chunk.values)
        top, low, level_shift = _split_widths(chunk.values.dtype)
        symbols = np.zeros(chunk.elements.size, np.uint16)
        symbols[chunk.places] = 1 + (kept >> low).astype(np.uint16)
        code = np.frombuffer(encode(symbols, chunk.spans, top, level_shift), np.uint8)
        if not low:
            return {"code": code}
        rest, is_tiny = kept & ((1 << low) - 1), _find_tiny(symbols[chunk.places], top)
        if not MIN_TINY * rest.size <= np.count_nonzero(is_tiny) < rest.size:
            return {"code": code, "rest": rest}
        return {"code": code, "rest": rest[~is_tiny], "tiny": rest[is_tiny]}

    def check(self, streams: Mapping[str, ArraySpec], whole: ArraySpec) -> None:
        """Require a code within its limit, and a rest if the elements are wide."""
        low = _split_widths(whole.dtype)[1]
        names = ["rest", *(["tiny"] if "tiny" in streams else [])] if low else []
        check_names(streams, "code", *names)
        max_size = CODE_BYTES_PER_ELEMENT * whole.count + CODE_BYTES_EXTRA
        check_stream(streams, "code", ArraySpec(STREAM_DTYPES["uint8"], max_size), min_count=1)
        words = np.dtype(f"<u{whole.dtype.itemsize}")
        for name in names:
            check_stream(streams, name, ArraySpec(words, whole.count), min_count=1)

    def decode(self, streams: Mapping[str, Array], chunk: ChunkElements) -> None:
        """Decode the symbols, then join both parts of each nonzero element."""
        words = bits(chunk.elements)
        top, low, level_shift = _split_widths(chunk.elements.dtype)
        symbols, used = decode(streams["code"], chunk.spans, top, level_shift)
        places = np.flatnonzero(symbols)
        rest = streams.get("rest", np.zeros(places.size, words.dtype))
        if "tiny" in streams:
            rest = _merge(rest, streams["tiny"], _find_tiny(symbols[places], top))
        if used != streams["code"].size or rest.size != places.size or (rest >> low).any():
            raise _refuse(streams["code"].size, rest.size, low, used, places.size)
        kept = (symbols[places] - 1).astype(words.dtype) << low | rest
        if not kept.all():
            raise CorruptArtifactError("a zero among the nonzero values")
        words[places] = _to_twos_complement(kept, chunk.elements.dtype)


def _find_tiny(symbols: Array, top: int) -> Array:
    """Tell which symbols of nonzero elements have top bits that are all zero."""
    is_tiny: Array = symbols - 1 & ((1 << top) - 1) == 0
    return is_tiny


def _merge(rest: Array, tiny: Array, is_tiny: Array) -> Array:
    """Return both kinds of rests in the order of the elements."""
    count = int(np.count_nonzero(is_tiny))
    if (tiny.size, rest.size) != (count, is_tiny.size - count):
        raise CorruptArtifactError(
            "code, rest and tiny contradict each other",
            expected=f"{is_tiny.size - count} and {count} values",
            found=f"{rest.size} and {tiny.size}",
        )
    merged = np.empty(is_tiny.size, rest.dtype)
    merged[is_tiny], merged[~is_tiny] = tiny, rest
    return merged


def _split_widths(dtype: np.dtype[Any]) -> tuple[int, int, int]:
    """Return the bits of a magnitude's modelled top, of its rest, and of its top below the level.

    The level is the part of a neighbour's top that serves as context: low bits of the exponent.
    """
    magnitude = dtype.itemsize * 8 - 1
    top = min(MAX_TOP_BITS, magnitude)
    exponent = EXPONENT_BITS[dtype.itemsize] if dtype.kind == "f" else 1
    return top, magnitude - top, max(top - exponent - LEVEL_BITS + 1, 0)


def _to_sign_and_magnitude(elements: Array) -> Array:
    """Return unsigned words: the sign in the highest bit, the magnitude below it.

    Floats have this form already, and unsigned integers stay as they are. The least signed
    integer, whose magnitude needs one bit more, becomes the word of a negative zero.
    """
    words = bits(elements)
    if elements.dtype.kind != "i":
        return words
    sign = words.dtype.type(1 << (elements.itemsize * 8 - 1))
    return np.where(words & sign, -words | sign, words)


def _to_twos_complement(words: Array, dtype: np.dtype[Any]) -> Array:
    """Undo :func:`_to_sign_and_magnitude`."""
    if dtype.kind != "i":
        return words
    sign = words.dtype.type(1 << (dtype.itemsize * 8 - 1))
    return np.where(words & sign, -(words ^ sign) | sign, words)


def _refuse(code: int, rest: int, low: int, used: int, places: int) -> CorruptArtifactError:
    return CorruptArtifactError(
        "code and rest contradict each other",
        expected=f"{code} bytes for {rest} values below 2^{low}",
        found=f"{used} bytes for {places} values",
    )
