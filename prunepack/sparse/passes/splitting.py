"""Division of the inputs of a batch into those of passes, and the way back for outputs."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from prunepack.sparse.passes.size import count_samples

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from prunepack.sparse.passes.size import Load

__all__ = ["Passes"]


class Passes:
    """Passes through a graph whose samples do not depend on each other.

    Args:
        dims: Sizes and names of the axes of each input.
        batch: Name of the batch, on axis 0 of some inputs.
        loads: Load of each node.
        weight_bytes: Bytes of weights that a pass reads.
        cache_bytes: Bytes of the caches of all threads.
    """

    def __init__(
        self,
        dims: Mapping[str, Sequence[int | str | None]],
        batch: str,
        loads: Sequence[Load],
        weight_bytes: int,
        cache_bytes: int,
    ) -> None:
        self._dims, self._batch, self._loads = dims, batch, loads
        self._weight_bytes, self._cache_bytes = weight_bytes, cache_bytes
        self._batched = [name for name, sizes in dims.items() if sizes and sizes[0] == batch]
        self._counts: dict[tuple[int, ...], int] = {}

    def count_samples(self, named: Mapping[str, int]) -> int:
        """Return the samples per pass, given the sizes of the named dimensions."""
        key = tuple(size for name, size in named.items() if name != self._batch)
        if key not in self._counts:
            count = count_samples(self._loads, named, self._weight_bytes, self._cache_bytes)
            self._counts[key] = count
        return self._counts[key]

    @property
    def samples(self) -> int | None:
        """Samples per pass; None if they depend on the sizes of inputs."""
        names = {name for load in self._loads for size in load.sizes for name in size.names}
        return None if names else self.count_samples({})

    def split(self, feed: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        """Return the feed of each pass, in views; None if the batch should run as a whole."""
        first = feed.get(self._batched[0])
        if not isinstance(first, np.ndarray) or not first.ndim or len(first) < 2:
            return None
        named = self._read_sizes(feed)
        if named is None:
            return None
        size = named[self._batch]
        passes = -(-size // self.count_samples(named))
        if passes < 2:
            return None
        edges = [size * i // passes for i in range(passes + 1)]
        return [self._take(feed, *pair) for pair in pairwise(edges)]

    def join(
        self, feeds: Sequence[Mapping[str, Any]], parts: Sequence[Sequence[Any]]
    ) -> list[Any] | None:
        """Return the outputs of all passes; None if one has not a row per sample."""
        for feed, outputs in zip(feeds, parts, strict=True):
            size = len(feed[self._batched[0]])
            if any(output.shape[:1] != (size,) for output in outputs):
                return None
        return [np.concatenate(items) for items in zip(*parts, strict=True)]

    def _read_sizes(self, feed: Mapping[str, Any]) -> dict[str, int] | None:
        """Return the sizes of the named dimensions; None if they differ, or for unusual inputs."""
        if feed.keys() != self._dims.keys():
            return None
        named: dict[str, int] = {}
        for name, dims in self._dims.items():
            shape = feed[name].shape if isinstance(feed[name], np.ndarray) else None
            if shape is None or len(shape) != len(dims):
                return None
            for size, dim in zip(shape, dims, strict=True):
                if isinstance(dim, str) and named.setdefault(dim, size) != size:
                    return None
        return named

    def _take(self, feed: Mapping[str, Any], start: int, stop: int) -> dict[str, Any]:
        return {**feed, **{name: feed[name][start:stop] for name in self._batched}}
