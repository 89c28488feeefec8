"""Compression of one stream by the compressor that makes it smallest."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, TypeAlias

from prunepack.coding.compressors import COMPRESSORS
from prunepack.coding.repeats import WIDE_BYTES, is_repetitive
from prunepack.format.header import Stream
from prunepack.format.header_schema import Crc32

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prunepack.coding.dtypes import Array


__all__ = ["StoredStream", "compress_stream"]


COMPRESSOR_MARGIN = 1.1
"""A compressor is run thoroughly if its quick result is at most this factor above the best."""

SHORT_BYTES = 2**16
"""Every compressor is run thoroughly on a stream with no more bytes."""


SAMPLE_BYTES = 2**14
"""Bytes of a longer stream that every compressor is tried on."""


StoredStream: TypeAlias = tuple[Stream, bytes]
"""The header of a stream, and its stored bytes."""


def compress_stream(array: Array, *, thorough: bool) -> StoredStream:
    """Run each compressor on ``array`` and, if ``thorough``, those that may win once more.

    The thorough result is never larger than the quick one.
    """
    results = {
        name: compressor.encode(array)
        for name, compressor in COMPRESSORS.items()
        if compressor.has_quick_setting
    }
    if thorough:
        for name in _choose_promising(array, results):
            again = COMPRESSORS[name].encode(array, thorough=True)
            results[name] = min(results.get(name, again), again, key=len)
    name = min(results, key=lambda name: len(results[name]))
    data = results[name]
    return Stream(name, array.dtype.name, array.size, len(data), Crc32(zlib.crc32(data))), data


def _choose_promising(array: Array, quick: Mapping[str, bytes]) -> list[str]:
    """Return the compressors whose thorough result may be the smallest."""
    if array.nbytes <= SHORT_BYTES or is_repetitive(array):
        return list(COMPRESSORS)
    limit = COMPRESSOR_MARGIN * min(map(len, quick.values()))
    near = {name for name, data in quick.items() if len(data) <= limit}
    if array.itemsize < WIDE_BYTES:
        near |= _win_sample(array)
    return sorted(near)


def _win_sample(array: Array) -> set[str]:
    """Return the compressors that make the middle of a stream smaller than quick ones do."""
    start = (array.size - SAMPLE_BYTES // array.itemsize) // 2
    piece = array[start : start + SAMPLE_BYTES // array.itemsize]
    best = min(len(c.encode(piece)) for c in COMPRESSORS.values() if c.has_quick_setting)
    return {n for n, c in COMPRESSORS.items() if len(c.encode(piece, thorough=True)) < best}
