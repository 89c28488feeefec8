"""Digests of samples, which tell distinct samples from repeated ones."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from prunepack.stages.contract.arrays import Array, Arrays

__all__ = ["SampleDigests"]


class SampleDigests:
    """Digests of the inputs of all samples that were added."""

    def __init__(self) -> None:
        self._known: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._known)

    def add(self, arrays: Arrays) -> npt.NDArray[np.bool_]:
        """Add the samples of a batch, (n, …) per input; return which were not known, bool (n,)."""
        fresh = []
        for digest in _hash_samples(arrays):
            fresh.append(digest not in self._known)
            self._known.add(digest)
        return np.array(fresh, bool)

    def find(self, arrays: Arrays) -> list[bytes]:
        """Return the digests of the samples of a batch that are known."""
        return [digest for digest in _hash_samples(arrays) if digest in self._known]


def _hash_samples(arrays: Arrays) -> list[bytes]:
    count = len(next(iter(arrays.values())))
    digests = [hashlib.blake2b(digest_size=16) for _ in range(count)]
    for array in arrays.values():
        for digest, sample in zip(digests, array, strict=True):
            digest.update(_read_bytes(np.asarray(sample)))
    return [digest.digest() for digest in digests]


def _read_bytes(sample: Array) -> bytes:
    """Return the bytes of a sample; of an array of Python objects those of their text."""
    if sample.dtype.kind == "O":
        return "\0".join(map(str, sample.ravel().tolist())).encode("utf-8", "surrogatepass")
    return f"{sample.dtype.str}{sample.shape}".encode() + sample.tobytes()
