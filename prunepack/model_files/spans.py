"""Tensors of a model that are worth a codec, with unique names."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from prunepack.format.limits import check_model
from prunepack.format.names import MAX_TENSOR_NAME_BYTES, is_tensor_name, normalize_name
from prunepack.format.validation import MAX_DIMENSIONS
from prunepack.io.regular_file import READ_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from prunepack.coding.dtypes import Array, DType
    from prunepack.format.limits import Limits
    from prunepack.io.regular_file import RegularFile

__all__ = ["MIN_ELEMENTS", "DeclaredTensor", "TensorSpan", "iter_small", "make_spans"]

MIN_ELEMENTS = 17
"""A smaller tensor costs more in the header than its codec saves."""

MAX_GAP = 4096
"""Bytes between two small tensors that are read with them rather than skipped."""

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


def iter_small(spans: Iterable[TensorSpan]) -> Iterator[tuple[TensorSpan, Array]]:
    """Read the items of many small tensors, those that are close in one file at once.

    Yields:
        Each tensor, and its items (1-D, of the carrier type, maybe not aligned).
    """
    batch: list[TensorSpan] = []
    for span in spans:
        if batch and not _are_close(batch, span):
            yield from _read_batch(batch)
            batch = []
        batch.append(span)
    yield from _read_batch(batch)


def _are_close(batch: Sequence[TensorSpan], span: TensorSpan) -> bool:
    first, last = batch[0], batch[-1]
    gap = span.start - last.stop
    return span.file is first.file and 0 <= gap <= MAX_GAP and span.stop - first.start <= READ_SIZE


def _read_batch(batch: Sequence[TensorSpan]) -> Iterator[tuple[TensorSpan, Array]]:
    if batch:
        start = batch[0].start
        data = batch[0].file.read(start, batch[-1].stop)
        for span in batch:
            content = data[span.start - start : span.stop - start]
            yield span, np.frombuffer(content, span.dtype.carrier)


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


def make_spans(tensors: Iterable[DeclaredTensor], limits: Limits) -> Iterator[TensorSpan]:
    """Yield the spans of all files of a model; no two have the same name.

    A name from the model is kept if it is valid and not in use. No other tensor gets such a name,
    even if the tensor that owns it has no span.

    Raises:
        LimitExceededError: If there are more spans than ``limits`` allow.
    """
    names = _UniqueNames()
    spans: list[tuple[TensorSpan, bool]] = []
    for tensor in tensors:
        is_owner = tensor.has_own_name and names.claim(tensor.label)
        if span := tensor.to_span():
            spans.append((span, is_owner))
            check_model(limits, "tensors", len(spans))
    for span, is_owner in spans:
        yield span if is_owner else replace(span, name=names.make(span.name))


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
