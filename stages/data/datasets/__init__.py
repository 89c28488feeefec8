"""Registry of datasets: one module per dataset, which defines ``DATASET``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prunepack.errors import UsageError
from prunepack.stages.contract.plugins import Registry
from prunepack.stages.contract.user_code import is_user_code, load_user_code
from prunepack.stages.data.downloads import cache_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

__all__ = ["DATASETS", "Data", "Dataset", "Split", "cached_file", "fetch", "open_data"]


@dataclass(frozen=True, slots=True)
class Split:
    """Samples with their labels.

    Attributes:
        inputs: float32 array of shape (n, *sample).
        labels: int64 array of shape (n,).
    """

    inputs: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True)
class Data:
    """Splits of a dataset that have no sample in common.

    Attributes:
        test: The samples that accuracy is measured on.
        train: The samples that a model is fitted to; None if the dataset has none.
        validation: The samples that choose the best epoch; None if the dataset has none.
    """

    test: Split
    train: Split | None = None
    validation: Split | None = None


@dataclass(frozen=True, slots=True)
class Dataset:
    """A built-in dataset: how to fetch it once, and how to open it.

    Attributes:
        file: The name of its file in the cache.
        fetch: Downloads it, checks its SHA-256 and converts it into the given file.
        open: Reads that file.
    """

    file: str
    fetch: Callable[[Path], None]
    open: Callable[[Path], Data]


DATASETS: Registry[Dataset] = Registry("dataset", "prunepack.stages.data.datasets", "DATASET")


def cached_file(name: str) -> Path:
    """Return the path of the built-in dataset ``name`` in the cache folder; it may not exist."""
    return cache_folder() / DATASETS[name].file


def fetch(name: str) -> tuple[Path, bool]:
    """Download the built-in dataset ``name`` unless it is in the cache.

    Returns:
        Its file, and whether it was downloaded now.
    """
    path = cached_file(name)
    if path.exists():
        return path, False
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        DATASETS[name].fetch(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path, True


def open_data(name: str) -> Data:
    """Open a built-in dataset, or the one that the user's function returns.

    The function returns a mapping with ``test`` and, for training, ``train`` and
    ``validation``; each is a pair (inputs, labels) of arrays.

    Raises:
        UsageError: If it has not been fetched, or does not have that form.
    """
    if is_user_code(name):
        return _check_data(_call(name), name)
    path = cached_file(name)
    if not path.exists():
        raise UsageError(
            f"the dataset {name!r} is not on this machine",
            expected=str(path),
            hint=f"Run `prunepack fetch {name}` once",
        )
    return DATASETS[name].open(path)


def _call(name: str) -> Any:
    function = load_user_code(name)
    try:
        return function()
    except (Exception, SystemExit) as error:
        raise UsageError(f"{name}() failed", found=f"{type(error).__name__}: {error}") from error


def _check_data(value: Any, name: str) -> Data:
    """Return the value of the user's function as splits of arrays.

    Raises:
        UsageError: If it does not have that form.
    """
    if isinstance(value, Data):
        return value
    try:
        return Data(**{split: _make_split(pair) for split, pair in value.items()})
    except (AttributeError, TypeError, ValueError) as error:
        raise UsageError(
            f"{name}() is not a dataset",
            expected="{'test': (inputs, labels)}, and 'train' and 'validation' to fine-tune",
            found=str(error),
        ) from None


def _make_split(pair: tuple[npt.ArrayLike, npt.ArrayLike]) -> Split:
    import numpy as np

    inputs, labels = pair
    split = Split(np.asarray(inputs, np.float32), np.asarray(labels, np.int64))
    if split.labels.ndim != 1 or len(split.inputs) != len(split.labels):
        shapes = f"{split.inputs.shape} and {split.labels.shape}"
        raise ValueError(f"inputs and labels of the shapes {shapes}, not (n, …) and (n,)")
    return split
