"""Layout of samples: which of a user's arrays is which input of the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from prunepack.errors import RefusedError
from prunepack.stages.data.casting import as_array, cast_exactly
from prunepack.stages.data.samples import Samples

if TYPE_CHECKING:
    from prunepack.stages.contract.arrays import Array, Arrays
    from prunepack.stages.contract.model_spec import InputSpec

__all__ = ["LABELS", "Layout", "describe_value"]

LABELS = "labels"
"""The key of the expected answers, unless an input has that name."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The inputs that samples of one source are bound to.

    Attributes:
        inputs: The inputs of the model; none for one input of any shape and dtype.
        name: The name of the source, for messages.
    """

    inputs: tuple[InputSpec, ...] = ()
    name: str = "the split"

    def bind(self, raw: Any) -> Samples:
        """Return a user's sample or batch as arrays by input name, in their own dtypes.

        A mapping has names of inputs and ``labels`` as keys; a pair is ``(inputs, labels)``; a
        longer tuple has one entry per input, and labels if there is one entry more.

        Raises:
            RefusedError: If names or the number of arrays do not fit.
        """
        names = [spec.name for spec in self.inputs] or ["input"]
        given, labels = self._take_labels(raw, names)
        hint = ""
        if isinstance(given, Mapping):
            given = {str(key): value for key, value in given.items()}
        elif len(names) == 1:
            given = {names[0]: given}
        elif isinstance(given, tuple | list) and len(given) == len(names):
            given = dict(zip(names, given, strict=True))
        else:
            given, hint = (
                {describe_value(given): given},
                "Give a dictionary of arrays by input name",
            )
        if given.keys() != set(names):
            raise RefusedError(
                f"{self.name} does not fit the model",
                expected=f"an array for each of {', '.join(names)}",
                found=", ".join(sorted(given)) or "no array",
                hint=hint,
            )
        dtypes = {spec.name: spec.dtype for spec in self.inputs}
        arrays = {name: as_array(given[name], dtypes.get(name, "")) for name in names}
        return Samples(self.name, arrays, None if labels is None else as_array(labels))

    def _take_labels(self, raw: Any, names: Sequence[str]) -> tuple[Any, Any]:
        """Return the inputs and the labels of ``raw``."""
        if isinstance(raw, Mapping):
            has_labels = LABELS in raw and LABELS not in names
            given = {key: value for key, value in raw.items() if not has_labels or key != LABELS}
            return given, raw[LABELS] if has_labels else None
        if not isinstance(raw, tuple | list):
            return raw, None
        if len(raw) == 1:
            return raw[0], None
        nested = isinstance(raw[0], Mapping | tuple | list)
        if len(raw) == 2 and (len(names) == 1 or nested):
            return raw[0], raw[1]
        return (raw[:-1], raw[-1]) if len(raw) == len(names) + 1 else (raw, None)

    def is_batch(self, samples: Samples) -> bool:
        """Return whether the arrays have a batch axis; a single sample has none."""
        specs = self.inputs[:1]
        return all(samples.arrays[spec.name].ndim > len(spec.shape) for spec in specs)

    def check_counts(self, samples: Samples) -> None:
        """Refuse arrays with different numbers of samples, or with none.

        Raises:
            RefusedError: If they do not fit one another.
        """
        counts = {name: _count(array) for name, array in samples.arrays.items()}
        counts |= {} if samples.labels is None else {LABELS: _count(samples.labels)}
        if len(set(counts.values())) != 1 or not all(counts.values()):
            raise RefusedError(
                f"{self.name} holds no samples that can be run",
                expected="the same number for each input, and at least one",
                found=", ".join(f"{count} of {name}" for name, count in counts.items()),
                hint="Return one label per sample, and as many samples for each input",
            )

    def fit(self, samples: Samples) -> Samples:
        """Return a batch in the dtypes of the model's inputs.

        Raises:
            RefusedError: If a shape does not fit, or a cast would change a value.
        """
        self.check_counts(samples)
        casts = {spec.name: self._cast(samples.arrays[spec.name], spec) for spec in self.inputs}
        arrays = {name: casts.get(name, array) for name, array in samples.arrays.items()}
        return Samples(self.name, arrays, samples.labels)

    def _cast(self, array: Array, spec: InputSpec) -> Array:
        sizes = [*spec.shape]
        fits = array.ndim == len(sizes) + 1 and all(
            size == actual or not isinstance(size, int)
            for size, actual in zip(sizes, array.shape[1:], strict=True)
        )
        if not fits:
            raise RefusedError(
                f"{self.name} does not fit the input `{spec.name}`",
                expected=f"{spec.dtype}[{', '.join(map(str, ['n', *sizes]))}]",
                found=f"{array.dtype}{list(array.shape)}",
                hint="Correct the shape in load.inputs, or give samples of that shape",
            )
        subject = f"{self.name} does not fit the input `{spec.name}`"
        return cast_exactly(array, spec.dtype, subject)

    def stack(self, samples: Sequence[Samples]) -> Samples:
        """Return single samples as one batch.

        Raises:
            RefusedError: If their shapes differ, or only some have labels.
        """
        labels = [one.labels for one in samples if one.labels is not None]
        if labels and len(labels) != len(samples):
            raise RefusedError(
                f"{self.name} has labels for some samples only",
                expected="labels for all samples or for none",
                found=f"{len(labels)} of {len(samples)}",
            )
        arrays: Arrays = {
            name: self._stack(name, [one.arrays[name] for one in samples])
            for name in samples[0].arrays
        }
        return Samples(self.name, arrays, self._stack(LABELS, labels) if labels else None)

    def _stack(self, name: str, values: list[Array]) -> Array:
        shapes = {value.shape for value in values}
        if len(shapes) > 1:
            raise RefusedError(
                f"the samples of {self.name} differ in shape",
                expected=f"one shape of `{name}` in all samples",
                found=" and ".join(str(list(shape)) for shape in sorted(shapes)[:2]),
                hint="Pad the samples, or give batches: a DataLoader with a collate_fn of your own",
            )
        return np.stack(values)


def _count(array: Array) -> int:
    return len(array) if array.ndim else 0


def describe_value(value: Any) -> str:
    """Return the kind of an object with its article, for messages."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{list(value.shape)}"
    if value is None:
        return "nothing"
    kind = type(value).__name__
    return f"{'an' if kind[0].lower() in 'aeiou' else 'a'} {kind}"
