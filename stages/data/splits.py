"""Splits of a dataset: arrays in memory or on disk, or a stream, by what user code returns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from prunepack.errors import UsageError
from prunepack.stages.data.casting import find_loss
from prunepack.stages.data.layout import Layout, describe_value
from prunepack.stages.data.streams import Stream, is_torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from prunepack.stages.contract.arrays import Array
    from prunepack.stages.contract.user_scope import UserScope
    from prunepack.stages.data.samples import Samples

__all__ = ["AnySplit", "Split", "Stream", "check_end", "has_labels", "hold_arrays", "make_split"]

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
    if is_torch(value, "TensorDataset"):
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


def check_end(split: AnySplit, samples: int, setting: str) -> None:
    """Refuse to read all of a split whose end is not known.

    Raises:
        UsageError: If ``samples`` is 0 and the split has no known end.
    """
    if samples or split.has_end:
        return
    raise UsageError(
        f"the end of {split.layout.name} is not known",
        expected=f"(inputs, labels), a Dataset or a DataLoader; or a number in {setting}",
        found=describe_value(split.source) if isinstance(split, Stream) else "a split",
        hint=f"Set {setting} to the number of samples to read",
    )


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
