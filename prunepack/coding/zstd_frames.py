"""Zstandard frames (RFC 8878): one form to write, and only this form to read."""

from __future__ import annotations

import zstandard

from prunepack.errors import CorruptArtifactError

__all__ = ["compress", "decompress", "measure_matches"]

MAGIC = b"\x28\xb5\x2f\xfd"
MIN_WINDOW = 1024


def compress(data: bytes | memoryview, *, level: int = 19) -> bytes:
    """Return one frame with its content size and a checksum, and no dictionary."""
    compressor = zstandard.ZstdCompressor(
        level=level, write_checksum=True, write_content_size=True, write_dict_id=False
    )
    return compressor.compress(data)


def measure_matches(data: bytes | memoryview) -> int:
    """Return the size of ``data`` after a quick search for matches of four bytes or more."""
    parameters = zstandard.ZstdCompressionParameters(
        window_log=24, hash_log=17, min_match=4, strategy=zstandard.STRATEGY_FAST
    )
    return len(zstandard.ZstdCompressor(compression_params=parameters).compress(data))


def decompress(stored: bytes, size: int) -> bytes:
    """Return the content of the only frame in ``stored``.

    Args:
        stored: The frame and nothing else.
        size: The content size that the header declares, within the reader limits.

    Raises:
        CorruptArtifactError: If the frame is damaged, is not the only one, or has another form
            than those of :func:`compress`.
    """
    _check_frame(stored, size)
    try:
        return zstandard.ZstdDecompressor().decompress(stored, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise CorruptArtifactError(f"zstd cannot read the frame ({error})") from error


def _check_frame(stored: bytes, size: int) -> None:
    """Check the frame's own header before zstd allocates what it says."""
    if stored[:4] != MAGIC:
        raise CorruptArtifactError("not a zstd frame", expected=MAGIC.hex(), found=stored[:4].hex())
    try:
        frame = zstandard.get_frame_parameters(stored)
    except zstandard.ZstdError as error:
        raise CorruptArtifactError(f"zstd cannot read the frame ({error})") from error
    unknown = frame.content_size == zstandard.CONTENTSIZE_UNKNOWN
    found = {
        "content size": "none" if unknown else frame.content_size,
        "dictionary id": frame.dict_id,
        "checksum": frame.has_checksum,
    }
    expected = {"content size": size, "dictionary id": 0, "checksum": True}
    for word, value in found.items():
        if value != expected[word]:
            raise CorruptArtifactError(
                f"wrong {word} of a zstd frame", expected=expected[word], found=value
            )
    if frame.window_size > max(size, MIN_WINDOW):
        raise CorruptArtifactError(
            "the zstd frame asks for a window larger than its content",
            expected=f"at most {max(size, MIN_WINDOW)}",
            found=frame.window_size,
        )
