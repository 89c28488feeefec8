"""The stored form of a header: raw DEFLATE (RFC 1951) with a preset dictionary.

A small model has a small header, in which the words of the format are most of the text. The
dictionary, which is part of the format, has these words, so that a header consists of its names
and numbers.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from prunepack.errors import CorruptArtifactError

if TYPE_CHECKING:
    from prunepack.format.limits import Limits

__all__ = ["DICTIONARY", "compress_header", "decompress_header"]

RAW_WINDOW_BITS = -15

DICTIONARY = (
    b'"bool""uint64""int16""float64""bfloat16""float16""int8""int64""int32""uint32""constant"'
    b'"palette":{"indices":{"groups"patterns"bitmap"steps":{"signs"magnitudes":{"zeros","streams":{'
    b'"fixed","skip":"varint","skip":"fields","skip":{"axes":[1,0],"name":"","of":"","shape":['
    b'.weight","shape":[{"name":".bias","shape":[{"codec":"contexts","streams":{"code":{"coder":"'
    b'lzma","count":"dtype":"uint8","size":},"rest":{"coder":"pcodec","count":"dtype":"uint32","s'
    b'ize":}}}],"dtype":"float32","tensors":[{"name":"{"chunk":1048576,"chunks":[{"codec":"gaps",'
    b'"streams":{"gaps":{"coder":"zstd","count":"dtype":"uint16","size":},"values":{"coder":"pcode'
    b'c","count":"dtype":"float32","size":}}}],"dtype":"float32","tensors":[{"name":"'
    b'{"lists":[{"codec":"dense","count":"dtype":"float32","form":"fixed","skip":"streams":{"eleme'
    b'nts":{"coder":"pcodec","count":"dtype":"float32","size":}}}],"text":{"coder":"{"copies":[],"f'
    b'iles":[{"name":"model.onnx","segments":[],"size":}],"literals":{"chunk":4194304,"chunks":[{"l'
    b'ists":[],"text":{"coder":"lzma","count":"dtype":"uint8","size":}}]},"pools":[],"required":[]}'
)
"""Text that frequent parts of headers are copied from, the most frequent last."""


def compress_header(text: bytes) -> bytes:
    """Return the stored form of the header ``text``."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, RAW_WINDOW_BITS, 9, zdict=DICTIONARY)
    return compressor.compress(text) + compressor.flush()


def decompress_header(stored: bytes, limits: Limits) -> tuple[bytes, bytes]:
    """Return the header text at the start of ``stored``, and the bytes after it.

    Raises:
        CorruptArtifactError: If the text is damaged or incomplete.
        LimitExceededError: If it is larger than ``limits`` allow.
    """
    decompressor = zlib.decompressobj(RAW_WINDOW_BITS, zdict=DICTIONARY)
    try:
        text = decompressor.decompress(stored, limits.header_bytes + 1)
    except zlib.error as error:
        raise CorruptArtifactError(f"DEFLATE cannot read the header ({error})") from error
    limits.check("header_bytes", len(text))
    if not decompressor.eof:
        raise CorruptArtifactError(
            "the header ends early", expected="a last block", found=f"{len(stored)} bytes"
        )
    return text, decompressor.unused_data
