"""Compression of one stream by the compressor that makes it smallest."""

from __future__ import annotations

import zlib
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from prunepack.coding.compressors import COMPRESSORS
from prunepack.coding.repeats import WIDE_BYTES, is_repetitive
from prunepack.format.header import Stream
from prunepack.format.header_schema import Crc32

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prunepack.coding.dtypes import Array


__all__ = ["StoredStream", "StreamDraft"]


COMPRESSOR_MARGIN = 1.1
"""A compressor is run thoroughly if its quick result is at most this factor above the best."""

SHORT_BYTES = 2**13
"""Every compressor is run thoroughly on a stream with no more bytes."""

SAMPLE_BYTES = 2**13
"""Bytes of a longer stream of narrow items on which LZMA is tried."""

SAMPLE_GAIN = 0.97
"""All compressors are run thoroughly on narrow items if LZMA leaves less of the sample."""


StoredStream: TypeAlias = tuple[Stream, bytes]
"""The header of a stream, and its stored bytes."""


class StreamDraft:
    """A stream to be compressed; no compressor does the same work twice.

    Args:
        array: Its items (1-D, contiguous).
    """

    def __init__(self, array: Array) -> None:
        self._array = array

    def store(self, *, thorough: bool) -> StoredStream:
        """Run each compressor quickly and, if ``thorough``, those that may win once more.

        The thorough result is never larger than the quick one.
        """
        results = {**self._quick, **self._thorough} if thorough else self._quick
        name = min(results, key=lambda name: len(results[name]))
        data, array = results[name], self._array
        return Stream(name, array.dtype.name, array.size, len(data), Crc32(zlib.crc32(data))), data

    @cached_property
    def hides_matches(self) -> bool:
        """Whether a thorough compressor may find matches that no quick one finds."""
        if self._array.nbytes <= SHORT_BYTES:
            return True
        if self._array.itemsize < WIDE_BYTES:
            return _matches_sample(self._array)
        return is_repetitive(self._array, min(map(len, self._quick.values())))

    @cached_property
    def _quick(self) -> Mapping[str, bytes]:
        return {
            name: compressor.encode(self._array)
            for name, compressor in COMPRESSORS.items()
            if compressor.has_quick_setting
        }

    @cached_property
    def _thorough(self) -> Mapping[str, bytes]:
        """The thorough results that are smaller than quick ones of the same compressor."""
        results = {
            name: COMPRESSORS[name].encode(self._array, thorough=True)
            for name in self._choose_promising()
        }
        quick = self._quick
        return {n: r for n, r in results.items() if n not in quick or len(r) < len(quick[n])}

    def _choose_promising(self) -> list[str]:
        """Return the compressors whose thorough result may be the smallest."""
        if self.hides_matches:
            return list(COMPRESSORS)
        limit = COMPRESSOR_MARGIN * min(map(len, self._quick.values()))
        return [name for name, data in self._quick.items() if len(data) <= limit]


def _matches_sample(array: Array) -> bool:
    """Tell whether LZMA leaves much less of the middle of a stream than quick compressors do."""
    start = (array.size - SAMPLE_BYTES // array.itemsize) // 2
    piece = array[start : start + SAMPLE_BYTES // array.itemsize]
    best = min(len(c.encode(piece)) for c in COMPRESSORS.values() if c.has_quick_setting)
    return len(COMPRESSORS["lzma"].encode(piece)) < SAMPLE_GAIN * best
