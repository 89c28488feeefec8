"""Streams: samples or batches that are read one after the other from an object of the user."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from prunepack.errors import PrunepackError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prunepack.stages.contract.arrays import Array
    from prunepack.stages.contract.user_scope import UserScope
    from prunepack.stages.data.layout import Layout
    from prunepack.stages.data.samples import Samples

__all__ = ["Stream", "is_torch"]


@dataclass(frozen=True, slots=True)
class Stream:
    """Samples or batches that are read one after the other from an object of the user.

    Attributes:
        source: A Dataset, a DataLoader, a generator or another iterable.
        layout: The inputs of the model, and the name of the split.
        scope: The scope in which the user's code runs.
        reopen: A function that returns a new object, for one that can be read only once.
    """

    source: Any
    layout: Layout
    scope: UserScope
    reopen: Callable[[], Any]
    _reads: list[int] = field(default_factory=list)

    @property
    def has_end(self) -> bool:
        """Whether the number of samples or batches is known."""
        return self._length() is not None

    @property
    def samples(self) -> int | None:
        """The number of samples; None if it is not known."""
        return self._length() if self.is_indexed else None

    @property
    def is_indexed(self) -> bool:
        """Whether samples can be read in any order."""
        has_index = hasattr(self.source, "__getitem__") and self.has_end
        return has_index and not is_torch(self.source, "IterableDataset")

    def count_batches(self, size: int) -> int | None:
        """Return the number of batches that are read; None if it is not known."""
        length = self._length()
        return -(-length // size) if length is not None and self.is_indexed else length

    def _length(self) -> int | None:
        try:
            return self.scope.run(len, self.source)
        except (TypeError, NotImplementedError):
            return None

    def read(self, size: int, order: Array | None = None, *, cut: bool = True) -> Iterator[Samples]:
        """Yield batches of up to ``size`` samples, in ``order`` if the samples have an index.

        Batches of the user stay as they are; with ``cut``, larger ones are divided.

        Raises:
            UsageError: If the user's code fails.
            RefusedError: If a sample does not fit the model.
        """
        layout, take = self.layout, self._open(order)
        count = 1  # the first object shows whether these are samples or batches
        while raw := take(count):
            bound = [layout.bind(one) for one in raw]
            if layout.is_batch(bound[0]):
                for batch in map(layout.fit, bound):
                    yield from batch.batches(size) if cut else [batch]
            else:
                bound += [layout.bind(one) for one in take(size - len(bound))]
                yield layout.fit(layout.stack(bound))
                count = size

    def _open(self, order: Array | None) -> Callable[[int], list[Any]]:
        """Return a function that reads the next objects; it returns none at the end."""
        if self.is_indexed:
            indices = iter(range(self._length() or 0) if order is None else order.tolist())
            source = self.source
            return lambda count: self._call(
                lambda: [source[index] for index in islice(indices, count)]
            )
        source = self.source
        if self._reads and iter(source) is source:  # an iterator that has been read
            source = self.reopen()
        self._reads.append(1)
        iterator = self._call(iter, source)
        return lambda count: self._call(lambda: list(islice(iterator, count)))

    def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run one step of the user's code.

        Raises:
            UsageError: If it fails.
        """
        try:
            return self.scope.run(function, *arguments)
        except PrunepackError:
            raise
        except (Exception, SystemExit) as error:
            raise UsageError(
                f"{self.layout.name} cannot be read", found=f"{type(error).__name__}: {error}"
            ) from error


def is_torch(value: Any, name: str) -> bool:
    """Return whether ``value`` is of a class of ``torch.utils.data``."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, getattr(torch.utils.data, name))
