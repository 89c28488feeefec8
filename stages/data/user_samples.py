"""Samples of real data: the user's own, and the test split of the model's dataset."""

from __future__ import annotations

import re
import zipfile
import zlib
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from prunepack.errors import PrunepackError, RefusedError, UsageError
from prunepack.stages.contract.user_code import is_user_code, load_user_code
from prunepack.stages.contract.user_scope import UserScope
from prunepack.stages.data.datasets import open_data
from prunepack.stages.data.distinct import SampleDigests
from prunepack.stages.data.layout import Layout
from prunepack.stages.data.samples import Samples
from prunepack.stages.data.splits import (
    AnySplit,
    check_end,
    has_labels,
    hold_arrays,
    make_split,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from prunepack.stages.contract.arrays import Array, Arrays
    from prunepack.stages.contract.model_spec import InputSpec, ModelSpec

__all__ = ["SampleSource", "collect_samples", "read_samples"]

_DAMAGED = (
    AttributeError,  # a single array, not an archive
    EOFError,
    OSError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)
"""The exceptions that numpy raises for a damaged file or for one of another format."""

FORMS = "an .npz or .npy file, a folder of ONNX test data, module:function or file.py:function"


@dataclass(frozen=True, slots=True)
class SampleSource:
    """Samples of one origin, which are read in batches.

    Attributes:
        name: The origin, for notes.
        split: The samples.
        is_labelled: Whether labels are read.
        train: The samples that the model was trained on; None if they are unknown.
        reference: The user code behind the samples; empty without one.
        again: A function that calls it another time.
        digests: The digests of the samples that were read.
    """

    name: str
    split: AnySplit
    is_labelled: bool
    train: AnySplit | None = None
    reference: str = ""
    again: Callable[[], AnySplit] | None = None
    digests: SampleDigests = field(default_factory=SampleDigests, compare=False)

    def batches(self, size: int, samples: int = 0) -> Iterator[Samples]:
        """Yield up to ``samples`` samples, all for 0, in batches of up to ``size``.

        Raises:
            RefusedError: If there are none, or one does not fit the model.
        """
        count = 0
        step = min(size, samples) if samples else size
        for batch in self.split.read(step):
            over = samples and count + len(batch) > samples
            part = batch.take(slice(samples - count)) if over else batch
            yield part if self.is_labelled else Samples(part.source, part.arrays)
            count += len(part)
            if count == samples:
                return
        if not count:
            raise RefusedError(f"{self.split.layout.name} has no samples", expected="some")

    def count_batches(self, size: int, samples: int = 0) -> int:
        """Return the number of batches of up to ``size``; an estimate if it is not known."""
        known = self.split.count_batches(size)
        limit = -(-samples // size) if samples else None
        return min((count for count in (known, limit) if count is not None), default=1)

    def first(self, count: int) -> Samples:
        """Return the first ``count`` samples in one batch, or as many as the first batch has."""
        return next(self.batches(count, count))


def collect_samples(source: str, spec: ModelSpec, samples: int = 0) -> list[SampleSource]:
    """Return the user's samples and those of the model's dataset, as far as there are any.

    Only one source keeps its labels: the user's samples if they have labels, else the dataset.

    Args:
        source: The name of the user's samples; empty if there are none.
        spec: The model.
        samples: The number of samples that will be read from each; 0 for all.

    Raises:
        UsageError: If ``source`` or the dataset does not exist, or has no end and ``samples`` is 0.
        RefusedError: If either holds no samples, or samples that do not fit the model.
    """
    own = read_samples(source, spec.inputs) if source else []
    if not spec.dataset:
        return own
    open_all = partial(open_data, spec.dataset, spec.inputs, spec.dataset_arguments)
    data, train = (opened := open_all()).test, opened.train
    if data.samples == 0:
        raise RefusedError(f"the dataset {spec.dataset} has no test samples", expected="some")
    check_end(data, samples, "verify.samples")
    is_labelled = not any(each.is_labelled for each in own)
    name = spec.dataset
    return [*own, SampleSource(name, data, is_labelled, train, name, lambda: open_all().test)]


def read_samples(source: str, inputs: Sequence[InputSpec]) -> list[SampleSource]:
    """Return the samples that ``source`` names.

    An ``.npz`` file holds one array (n, …) per input, by its name, and optionally the expected
    answers as ``labels`` (n, …). An ``.npy`` file holds the only input, and is not read as a
    whole. A function returns arrays or a stream, as a split of a dataset. A folder holds
    ``test_data_set_N/input_K.pb``, or is one such set, as in ONNX's own tests: tensors in
    protobuf, batch first, in the order of the model's inputs.

    Raises:
        UsageError: If ``source`` does not exist, or the function fails.
        RefusedError: If the samples do not fit the model's inputs, or there are none.
    """
    if is_user_code(source):
        return [_call(source, tuple(inputs))]
    path = Path(source)
    if path.is_dir():
        folders = _list_sets(path)
        return [_hold(_read_set(folder, inputs), inputs, str(folder)) for folder in folders]
    if path.suffix not in {".npz", ".npy"} or not path.is_file():
        found = "a file of another kind" if path.is_file() else "nothing of that name"
        raise UsageError(f"`{source}` gives no samples", expected=FORMS, found=found)
    arrays = _read_npz(path) if path.suffix == ".npz" else _map_npy(path)
    return [_hold(arrays, inputs, source)]


def _hold(arrays: Any, inputs: Sequence[InputSpec], source: str) -> SampleSource:
    """Return arrays by name, or the array of the only input, as a source of samples."""
    layout = Layout(tuple(inputs), source)
    bound = layout.bind(arrays)
    layout.check_counts(bound)
    split = hold_arrays(layout, bound)
    return SampleSource(source, split, split.labels is not None)


def _map_npy(path: Path) -> Array:
    try:
        return _check_array(np.load(path, mmap_mode="r", allow_pickle=False))
    except _DAMAGED as error:
        raise RefusedError(
            f"`{path}` cannot be read", expected="an .npy of plain numbers", found=str(error)
        ) from None


def _read_npz(path: Path) -> Arrays:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: _check_array(array) for name, array in arrays.items()}
    except _DAMAGED as error:
        raise RefusedError(
            f"`{path}` cannot be read", expected="an .npz of plain arrays", found=str(error)
        ) from None


def _check_array(value: object) -> Array:
    """Refuse the bytes that numpy returns for a member of the archive that is not an array."""
    if not isinstance(value, np.ndarray):
        raise TypeError(f"a {type(value).__name__}")
    return value


def _call(source: str, inputs: tuple[InputSpec, ...]) -> SampleSource:
    function = load_user_code(source)
    scope, layout = UserScope(source), Layout(inputs, f"{source}()")
    try:
        value = scope.run(function)
        split = make_split(value, layout, scope, function)
    except PrunepackError:
        raise
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"`{source}()` gave no samples",
            expected="a mapping from each input's name to an array, samples first",
            found=f"{type(error).__name__}: {error}",
        ) from error
    is_labelled = has_labels(split)
    return SampleSource(
        layout.name, split, is_labelled, None, source, lambda: _call(source, inputs).split
    )


def _list_sets(path: Path) -> list[Path]:
    if any(path.glob("input_*.pb")):
        return [path]
    sets = sorted(
        (folder for folder in path.glob("test_data_set_*") if folder.is_dir()),
        key=lambda folder: (len(folder.name), folder.name),
    )
    if not sets:
        listing = ", ".join(sorted(entry.name for entry in path.iterdir())[:6])
        raise RefusedError(
            f"`{path}` holds no ONNX test data",
            expected="test_data_set_N/input_K.pb",
            found=listing or "an empty folder",
        )
    return sets


def _read_set(folder: Path, inputs: Sequence[InputSpec]) -> Arrays:
    """Return the tensors of one set, by the names of their inputs."""
    import onnx
    from google.protobuf.message import DecodeError

    arrays = {}
    for file in folder.glob("input_*.pb"):
        number = re.fullmatch(r"input_(\d+)", file.stem)
        index = int(number[1]) if number else len(inputs)
        name = inputs[index].name if index < len(inputs) else file.name
        try:
            arrays[name] = onnx.numpy_helper.to_array(onnx.load_tensor(file))
        except (DecodeError, KeyError, TypeError, ValueError) as error:
            raise RefusedError(
                f"`{file}` cannot be read", expected="a tensor in protobuf", found=str(error)
            ) from None
    return arrays
