"""Tensors that differ between two models, and the size of the differences."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from prunepack.diff.values import compare_values
from prunepack.io.progress import ignore_progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from prunepack.diff.content import Content, TensorSpec
    from prunepack.diff.values import ValueChange
    from prunepack.io.progress import Progress

__all__ = ["Differences", "FormalChange", "compare"]


@dataclass(frozen=True, slots=True)
class FormalChange:
    """A tensor that was added, removed, or has another name, type or shape.

    Attributes:
        name: Its name; its new name, if it was renamed.
        kind: ``added``, ``removed``, ``renamed`` (with the same elements), ``retyped`` or
            ``reshaped``.
        before: Its former type and shape; None if it was added.
        after: Its new type and shape; None if it was removed.
        was: Its former name, if it was renamed.
    """

    name: str
    kind: str
    before: TensorSpec | None = None
    after: TensorSpec | None = None
    was: str | None = None


@dataclass(frozen=True, slots=True)
class Differences:
    """All differences between two models.

    Attributes:
        literals: Whether bytes outside of the tensors differ: the graph, its metadata, and tensors
            that are too small for a codec.
        formal: Tensors that were added, removed or changed in form, in the order of the models.
        values: Changes of elements by tensor name, the largest first.
        same: Number of equal tensors.
    """

    literals: bool
    formal: tuple[FormalChange, ...]
    values: Mapping[str, ValueChange]
    same: int

    def __bool__(self) -> bool:
        """Tell whether anything differs."""
        return self.literals or bool(self.formal) or bool(self.values)


class _Digests(NamedTuple):
    """SHA-256 of each tensor, and of all other bytes."""

    tensors: Mapping[str, bytes]
    literals: bytes


def compare(before: Content, after: Content, progress: Progress = ignore_progress) -> Differences:
    """Compare two models: all of their bytes, but not the names of their files.

    Both models are read once to find the tensors that differ, and these tensors once more to
    measure the differences. Only one piece of each model is in memory at a time.

    Args:
        before: The former model.
        after: The new model.
        progress: Called with bytes done and bytes in total, for both passes together.

    Raises:
        CorruptArtifactError: If an artifact is damaged.
    """
    size = before.size + after.size
    old = _hash_content(before, lambda done: progress(done, 2 * size))
    new = _hash_content(after, lambda done: progress(before.size + done, 2 * size))
    formal = tuple(_find_formal_changes(before.specs, after.specs, old.tensors, new.tensors))
    both = [name for name, spec in before.specs.items() if after.specs.get(name) == spec]
    changed = [name for name in both if old.tensors[name] != new.tensors[name]]
    values = {}
    for index, name in enumerate(changed):
        progress(size + size * index // len(changed), 2 * size)
        sides = before.elements(name), after.elements(name)
        values[name] = compare_values(before.specs[name], *sides)
    ordered = dict(sorted(values.items(), key=lambda item: _rank(item[1]), reverse=True))
    return Differences(old.literals != new.literals, formal, ordered, len(both) - len(changed))


def _hash_content(content: Content, progress: Callable[[int], None]) -> _Digests:
    """Hash a model while reading it from its first byte to its last."""
    literals = hashlib.sha256()
    tensors = {name: hashlib.sha256() for name in content.specs}
    unseen = set(tensors)
    done = 0
    for name, piece in content.pieces():
        (literals if name is None else tensors[name]).update(piece)
        unseen.discard(name or "")
        done += piece.nbytes
        progress(done)
    for name in unseen:  # tensors in the same bytes as another
        for part in content.elements(name):
            tensors[name].update(part.data)
    return _Digests({name: digest.digest() for name, digest in tensors.items()}, literals.digest())


def _find_formal_changes(
    before: Mapping[str, TensorSpec],
    after: Mapping[str, TensorSpec],
    old: Mapping[str, bytes],
    new: Mapping[str, bytes],
) -> Iterator[FormalChange]:
    """Yield the tensors that were added, removed, or have another name, type or shape."""
    gone = {(before[name], old[name]): name for name in before if name not in after}
    renamed = set()
    for name, spec in after.items():
        if name not in before:
            was = gone.pop((spec, new[name]), None)
            renamed.add(was)
            kind = "added" if was is None else "renamed"
            yield FormalChange(name, kind, None if was is None else before[was], spec, was=was)
        elif before[name] != spec:
            kind = "reshaped" if before[name].dtype == spec.dtype else "retyped"
            yield FormalChange(name, kind, before[name], spec)
    for name, spec in before.items():
        if name not in after and name not in renamed:
            yield FormalChange(name, "removed", before=spec)


def _rank(change: ValueChange) -> tuple[bool, float, int]:
    """Return a sort key: changes without a bound first, then by relative size."""
    unbounded = change.nan > 0 or change.relative is None
    return (unbounded, change.relative or 0.0, change.changed)
