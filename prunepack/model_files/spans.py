"""Which of the tensors of a model are worth coding, and what they are called."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from prunepack.format.names import MAX_TENSOR_NAME_BYTES, is_tensor_name, normalize_name
from prunepack.format.validation import MAX_DIMENSIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prunepack.coding.dtypes import DType

__all__ = ["FEWEST_ELEMENTS", "FoundTensor", "Span", "make_spans"]

FEWEST_ELEMENTS = 17
"""Smaller tensors cost more in the header than they save."""

ROOM = 20
"""Bytes that a long name leaves for what tells it from its like."""


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes ``start`` to ``stop`` of a file are this tensor."""

    start: int
    stop: int
    name: str
    dtype: DType
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FoundTensor:
    """A tensor as a model describes it, which may not be true.

    Attributes:
        home: Name of the file that holds its bytes.
        start: Offset of the first of them.
        stop: Offset after the last.
        label: What a person would call it.
        own: Whether the label is the very name by which the model knows it.
        dtype: Its type, or None if that has no fixed width.
        shape: Its dimensions.
    """

    home: str
    start: int
    stop: int
    label: str
    own: bool
    dtype: DType | None
    shape: tuple[int, ...]

    def span(self) -> Span | None:
        """Return its span, or None if its bytes are in doubt or too few."""
        size = self.stop - self.start
        if self.dtype is None or size < self.dtype.nbytes(FEWEST_ELEMENTS):
            return None
        if len(self.shape) > MAX_DIMENSIONS or min(self.shape, default=0) < 0:
            return None
        if self.dtype.nbytes(math.prod(self.shape)) != size:
            return None
        return Span(self.start, self.stop, self.label, self.dtype, self.shape)


def make_spans(tensors: Sequence[FoundTensor]) -> Iterator[tuple[str, Span]]:
    """Yield the spans of all files of a model and the file of each; no two have the same name.

    Names that the model gives are kept if they are fit and no other tensor has them already,
    and no other tensor gets them, even if the one that they belong to is not coded.
    """
    names = _Names()
    owners = [tensor.own and names.claim(tensor.label) for tensor in tensors]
    for tensor, is_owner in zip(tensors, owners, strict=True):
        if span := tensor.span():
            name = tensor.label if is_owner else names.make(tensor.label)
            yield tensor.home, replace(span, name=name)


class _Names:
    """The names that are taken."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._repeats: Counter[str] = Counter()

    def claim(self, name: str) -> bool:
        """Take a name; tell whether it was fit and free."""
        if not is_tensor_name(name) or (key := normalize_name(name)) in self._taken:
            return False
        self._taken.add(key)
        return True

    def make(self, label: str) -> str:
        """Take a name that is as much like ``label`` as may be."""
        stem = name = (
            label.encode()[: MAX_TENSOR_NAME_BYTES - ROOM].decode(errors="ignore") or "unnamed"
        )
        key = normalize_name(stem)
        while not self.claim(name):
            self._repeats[key] += 1
            name = f"{stem}#{self._repeats[key] + 1}"
        return name
