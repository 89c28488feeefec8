"""Splits of a dataset: arrays in memory or on disk, and streams of samples or batches."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from prunepack.errors import PrunepackError, UsageError
from prunepack.stages.data.casting import find_loss
from prunepack.stages.data.layout import Layout, describe_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from prunepack.stages.contract.arrays import Array
    from prunepack.stages.contract.user_scope import UserScope
    from prunepack.stages.data.samples import Samples

__all__ = ["AnySplit", "Split", "Stream", "has_labels", "hold_arrays", "make_split"]

EXPECTED = "(inputs, labels), a dictionary of arrays, a Dataset, a DataLoader or a generator"


@dataclass(frozen=True, slots=True)
class Split:
    """Samples with their labels, as arrays in memory or in a memory-mapped file.

    Attributes:
        inputs: An array (n, …), or arrays by input name for a model with several inputs.
        labels: The expected answers (n, …); None without labels.
        layout: The inputs of the model, and the name of the split.
    """

    inputs: Any
    labels: Array | None = None
    layout: Layout = field(default_factory=Layout)

    def __len__(self) -> int:
        inputs = self.inputs
        return len(next(iter(inputs.values())) if isinstance(inputs, Mapping) else inputs)

    @property
    def has_end(self) -> bool:
        """Whether the number of samples is known."""
        return True

    @property
    def samples(self) -> int:
        """The number of samples."""
        return len(self)

    def count_batches(self, size: int) -> int:
        """Return the number of batches of up to ``size`` samples."""
        return -(-len(self) // size)

    def read(
        self,
        size: int,
        order: Array | None = None,
        *,
        cut: bool = True,  # noqa: ARG002
    ) -> Iterator[Samples]:
        """Yield batches of up to ``size`` samples, in ``order`` if it is given.

        Raises:
            RefusedError: If the arrays do not fit the model.
        """
        layout = self.layout
        whole = layout.bind((self.inputs, self.labels))
        layout.check_counts(whole)
        count = len(self) if order is None else len(order)
        for start in range(0, count, size):
            chosen = slice(start, start + size)
            yield layout.fit(whole.take(chosen if order is None else order[chosen]))


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
        return has_index and not _is_torch(self.source, "IterableDataset")

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
                for batch in bound:
                    for part in batch.batches(size) if cut else [batch]:
                        yield layout.fit(part)
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


AnySplit = Split | Stream


@dataclass(frozen=True, slots=True)
class _Again:
    """An iterable that calls the user's function whenever it is read."""

    function: Callable[[], Any]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.function())


def make_split(value: Any, layout: Layout, scope: UserScope, reopen: Callable[[], Any]) -> AnySplit:
    """Return what user code gives for one split as a :class:`Split` or a :class:`Stream`.

    Args:
        value: Arrays, a pair, a dictionary, a Dataset, a DataLoader, a generator, or a function
            without arguments that returns one of the last three.
        layout: The inputs of the model, and the name of the split.
        scope: The scope of the user's code.
        reopen: A function that returns ``value`` anew.

    Raises:
        UsageError: If ``value`` has another form.
        RefusedError: If arrays do not fit the model.
    """
    if isinstance(value, Split | Stream):
        return replace(value, layout=layout)
    if _is_torch(value, "TensorDataset"):
        value = value.tensors
    if _is_function(value):
        return Stream(_Again(value), layout, scope, reopen)
    if _holds_arrays(value, layout.inputs):
        return hold_arrays(layout, layout.bind(value))
    if isinstance(value, Iterable) or hasattr(value, "__getitem__"):
        return Stream(value, layout, scope, reopen)
    raise UsageError(
        f"{layout.name} is not a split of a dataset",
        expected=EXPECTED,
        found=describe_value(value),
    )


def hold_arrays(layout: Layout, samples: Samples) -> Split:
    """Return arrays as a split, in the model's dtypes, which hooks rely on; files stay mapped."""
    if all(array.shape[:1] == (0,) for array in samples.arrays.values()):
        return Split(samples.arrays, samples.labels, layout)
    layout.check_counts(samples)
    mapped = any(isinstance(array, np.memmap) for array in samples.arrays.values())
    arrays = (samples if mapped else layout.fit(samples)).arrays
    labels = samples.labels
    if labels is not None and labels.dtype.kind in "iu" and not isinstance(labels, np.memmap):
        fits = find_loss(labels, "int64") is None
        labels = labels.astype(np.int64, copy=False) if fits else labels
    return Split(arrays if len(arrays) > 1 else next(iter(arrays.values())), labels, layout)


def has_labels(split: AnySplit) -> bool:
    """Return whether the samples of a split have labels; of a stream the first one is read."""
    if isinstance(split, Split):
        return split.labels is not None
    first = next(split.read(1), None)
    return first is not None and first.labels is not None


def _holds_arrays(value: Any, inputs: Sequence[Any]) -> bool:
    """Return whether ``value`` is a whole split in arrays, not a sequence of samples."""
    if isinstance(value, Mapping | tuple) or _is_array(value):
        return True
    if not isinstance(value, list) or not value:
        return False
    if isinstance(value[0], tuple | Mapping):
        return False
    pair = len(value) == 2 and all(map(_is_array, value))
    return not _is_array(value[0]) or (pair and value[0].ndim == len(inputs[0].shape) + 1)


def _is_array(value: Any) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype")


def _is_function(value: Any) -> bool:
    return callable(value) and not any(
        hasattr(value, name) for name in ("__len__", "__iter__", "__getitem__", "shape")
    )


def _is_torch(value: Any, name: str) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, getattr(torch.utils.data, name))
