"""LZMA: for arrays that repeat at any distance, in units of their items."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunepack.coding.compressor import Compressor
from prunepack.errors import CorruptArtifactError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, ClassVar

    from prunepack.coding.dtypes import Array, ArraySpec

__all__ = ["Lzma"]

MIN_DICTIONARY = 4096


class Lzma(Compressor):
    """A raw LZMA2 stream of the little-endian bytes of the array, with its end marker.

    The dictionary has the size of the array, so that a stream cannot ask for more memory than the
    header declares. All other parameters are in the stream itself.
    """

    has_quick_setting: ClassVar[bool] = False

    def encode(self, array: Array, *, thorough: bool = False) -> bytes:  # noqa: ARG002 -- there is only one setting
        """Compress with the positions and contexts of text, then with those of the items."""
        import lzma  # takes as long to load as a small model

        data = array.data.cast("B")
        results = (
            lzma.compress(data, lzma.FORMAT_RAW, filters=[_make_filter(array.nbytes) | tuning])
            for tuning in _tunings(array.itemsize)
        )
        return min(results, key=len)

    def decode(self, stored: bytes, spec: ArraySpec) -> Array:
        """Decompress no more than the declared size, and view as the declared type."""
        import lzma

        decompressor = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[_make_filter(spec.nbytes)])
        try:
            data = decompressor.decompress(stored, max_length=spec.nbytes + 1)
        except lzma.LZMAError as error:
            raise CorruptArtifactError(f"LZMA cannot read the stream ({error})") from error
        if len(data) != spec.nbytes or not decompressor.eof or decompressor.unused_data:
            raise CorruptArtifactError(
                "the stream has the wrong length",
                expected=f"{spec.nbytes} bytes and an end marker in {len(stored)} bytes",
                found=f"{len(data)}{'' if len(data) <= spec.nbytes else ' or more'} bytes",
            )
        return np.frombuffer(data, spec.dtype)


def _make_filter(nbytes: int) -> dict[str, Any]:
    import lzma

    size = max(nbytes, MIN_DICTIONARY)
    return {"id": lzma.FILTER_LZMA2, "preset": 9, "nice_len": 273, "depth": 32, "dict_size": size}


def _tunings(itemsize: int) -> Iterator[dict[str, int]]:
    """Yield the numbers of bits of contexts: of earlier bytes, of places, of places of matches."""
    bits = min(itemsize.bit_length() - 1, 3)
    if bits == 0:
        yield {"lc": 3, "lp": 0, "pb": 0}
    yield {"lc": 0 if bits == 0 else 1, "lp": bits, "pb": bits}
