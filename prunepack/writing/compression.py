"""Compression of one stream by the compressor that makes it smallest."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, TypeAlias

from prunepack.coding.compressors import COMPRESSORS
from prunepack.format.header import Stream

if TYPE_CHECKING:
    from prunepack.coding.dtypes import Array


__all__ = ["StoredStream", "compress_stream"]


COMPRESSOR_MARGIN = 1.1
"""A compressor is run thoroughly if its quick result is at most this factor above the best."""


StoredStream: TypeAlias = tuple[Stream, bytes]
"""The header of a stream, and its stored bytes."""


def compress_stream(array: Array, *, thorough: bool) -> StoredStream:
    """Run each compressor on ``array`` and, if ``thorough``, the best of them once more."""
    results = {name: compressor.encode(array) for name, compressor in COMPRESSORS.items()}
    if thorough:
        limit = COMPRESSOR_MARGIN * min(map(len, results.values()))
        for name in [name for name, data in results.items() if len(data) <= limit]:
            again = COMPRESSORS[name].encode(array, thorough=True)
            results[name] = min(results[name], again, key=len)
    name = min(results, key=lambda name: len(results[name]))
    data = results[name]
    return Stream(name, array.dtype.name, array.size, len(data), zlib.crc32(data)), data
