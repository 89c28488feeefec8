"""Tensors of a model that are worth a codec, with unique names."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from prunepack.format.names import MAX_TENSOR_NAME_BYTES, is_tensor_name, normalize_name
from prunepack.format.validation import MAX_DIMENSIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prunepack.coding.dtypes import Array, DType
    from prunepack.io.regular_file import RegularFile

__all__ = ["MIN_ELEMENTS", "DeclaredTensor", "TensorSpan", "make_spans"]

MIN_ELEMENTS = 17
"""A smaller tensor costs more in the header than its codec saves."""

SUFFIX_BYTES = 20
"""Bytes of a long name that are left free for a number."""


@dataclass(frozen=True, slots=True)
class TensorSpan:
    """A tensor whose elements are the bytes ``start`` to ``stop`` of a file."""

    file: RegularFile
    start: int
    stop: int
    name: str
    dtype: DType
    shape: tuple[int, ...]

    @property
    def elements(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def items(self) -> int:
        """Number of items of the carrier type."""
        return (self.stop - self.start) // self.dtype.itemsize

    def iter_items(self) -> Iterator[Array]:
        """Read the items of the carrier type, in 1-D arrays of some MB each."""
        for block in self.file.iter_blocks(self.start, self.stop):
            yield np.frombuffer(block, self.dtype.carrier)


@dataclass(frozen=True, slots=True)
class DeclaredTensor:
    """A tensor as a model declares it; the declaration may be wrong.

    Attributes:
        file: File that holds its bytes.
        start: Offset of the first byte.
        stop: Offset after the last byte.
        label: A name for people.
        has_own_name: Whether the label is the exact name that the model gives to the tensor.
        dtype: Its type, or None if its elements have no fixed width.
        shape: Its dimensions.
    """

    file: RegularFile
    start: int
    stop: int
    label: str
    has_own_name: bool
    dtype: DType | None
    shape: tuple[int, ...]

    def to_span(self) -> TensorSpan | None:
        """Return the span of the tensor; None if its bytes are in doubt or too few."""
        size = self.stop - self.start
        if self.dtype is None or size < self.dtype.nbytes(MIN_ELEMENTS):
            return None
        if len(self.shape) > MAX_DIMENSIONS or min(self.shape, default=0) < 0:
            return None
        if self.dtype.nbytes(math.prod(self.shape)) != size:
            return None
        return TensorSpan(self.file, self.start, self.stop, self.label, self.dtype, self.shape)


def make_spans(tensors: Sequence[DeclaredTensor]) -> Iterator[TensorSpan]:
    """Yield the spans of all files of a model; no two have the same name.

    A name from the model is kept if it is valid and not in use. No other tensor gets such a name,
    even if the tensor that owns it has no span.
    """
    names = _UniqueNames()
    owners = [tensor.has_own_name and names.claim(tensor.label) for tensor in tensors]
    for tensor, is_owner in zip(tensors, owners, strict=True):
        if span := tensor.to_span():
            yield span if is_owner else replace(span, name=names.make(tensor.label))


class _UniqueNames:
    """Names in use."""

    def __init__(self) -> None:
        self._used: set[str] = set()
        self._repeats: Counter[str] = Counter()

    def claim(self, name: str) -> bool:
        """Reserve ``name`` and return True, or return False if it is invalid or in use."""
        if not is_tensor_name(name) or (key := normalize_name(name)) in self._used:
            return False
        self._used.add(key)
        return True

    def make(self, label: str) -> str:
        """Reserve and return a name that is as close to ``label`` as possible."""
        stem = label.encode()[: MAX_TENSOR_NAME_BYTES - SUFFIX_BYTES].decode(errors="ignore")
        stem = name = stem or "unnamed"
        key = normalize_name(stem)
        while not self.claim(name):
            self._repeats[key] += 1
            name = f"{stem}#{self._repeats[key] + 1}"
        return name
