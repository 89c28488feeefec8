"""Copies: tensors whose elements another tensor has, in the same order or transposed."""

from __future__ import annotations

import hashlib
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np

from prunepack.coding.dtypes import bits
from prunepack.format.header import Copy
from prunepack.format.limits import Limits
from prunepack.model_files.spans import iter_small

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from prunepack.coding.dtypes import Array
    from prunepack.model_files.discovery import Source
    from prunepack.model_files.spans import TensorSpan

__all__ = ["find_copies"]

SMALL_BYTES = 2**18
"""Tensors with no more bytes are read together."""

MIN_TRANSPOSED_BYTES = 256
"""A smaller tensor is not worth the search for a transposed one."""

MAX_AXES = 4
MAX_COMPARED = 4
"""Number of tensors that a tensor is compared with in full."""


def find_copies(sources: Sequence[Source]) -> tuple[list[TensorSpan], list[Copy]]:
    """Return the tensors to be stored, in the order of the sources, and the copies."""
    spans = [span for source in sources for span in source.spans]
    keys = dict(_iter_keys(spans))
    first: dict[object, str] = {}
    of = {span.name: first.setdefault(keys[span.name], span.name) for span in spans}
    copies = [Copy(s.name, of[s.name], s.shape) for s in spans if of[s.name] != s.name]
    copies += [
        Copy(duplicate.name, of[name], duplicate.shape)
        for source in sources
        for name, duplicate in source.duplicates
    ]
    originals = {copy.of for copy in copies}
    stored = [span for span in spans if of[span.name] == span.name]
    transposed = list(_find_transposed(stored, originals))
    removed = {copy.name for copy in transposed}
    return [span for span in stored if span.name not in removed], [*copies, *transposed]


def _iter_keys(spans: Sequence[TensorSpan]) -> Iterator[tuple[str, object]]:
    """Yield the name of each tensor, and a key that only tensors with the same elements share."""
    for span, items in iter_small(s for s in spans if s.stop - s.start <= SMALL_BYTES):
        yield span.name, (span.dtype.name, span.elements, hashlib.sha256(items.data).digest())
    for span in spans:
        if span.stop - span.start > SMALL_BYTES:
            digest = span.file.hash_range(span.start, span.stop)
            yield span.name, (span.dtype.name, span.elements, digest)


def _find_transposed(stored: Iterable[TensorSpan], originals: set[str]) -> Iterator[Copy]:
    """Yield the tensors that are an earlier tensor transposed.

    A tensor that has copies itself stays, since a copy of a copy does not exist.
    """
    earlier: dict[object, list[TensorSpan]] = {}
    for span in stored:
        if not _can_be_transposed(span):
            continue
        alike = earlier.setdefault(_make_transposed_key(span), [])
        copies = (_compare(span, other) for other in alike[:MAX_COMPARED])
        copy = None if span.name in originals else next(filter(None, copies), None)
        if copy is None:
            alike.append(span)
        else:
            yield copy


def _can_be_transposed(span: TensorSpan) -> bool:
    size = span.stop - span.start
    dimensions = sum(d > 1 for d in span.shape)
    is_right_size = MIN_TRANSPOSED_BYTES <= size <= Limits().transposed_bytes
    return (
        span.dtype.packed == 1 and 2 <= dimensions <= len(span.shape) <= MAX_AXES and is_right_size
    )


def _make_transposed_key(span: TensorSpan) -> object:
    """Return form, first and last item, which a tensor shares with itself transposed."""
    size = span.dtype.itemsize
    ends = (
        span.file.read(span.start, span.start + size),
        span.file.read(span.stop - size, span.stop),
    )
    return span.dtype.name, tuple(sorted(span.shape)), *map(bytes, ends)


def _compare(span: TensorSpan, other: TensorSpan) -> Copy | None:
    """Return ``span`` as a transposed copy of ``other``, or None if it is another."""
    mine, others = _read(span), _read(other)
    for axes in permutations(range(len(span.shape))):
        is_shape = tuple(other.shape[axis] for axis in axes) == span.shape
        if is_shape and np.array_equal(mine, others.transpose(axes)):
            return Copy(span.name, other.name, span.shape, axes)
    return None


def _read(span: TensorSpan) -> Array:
    return bits(np.concatenate(list(span.iter_items()))).reshape(span.shape)
