"""Registry of datasets: one module per dataset, which defines ``DATASET``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from prunepack.errors import UsageError, quote
from prunepack.stages.contract.plugins import Registry, suggest_name
from prunepack.stages.contract.user_code import is_user_code, load_user_code
from prunepack.stages.contract.user_scope import UserScope
from prunepack.stages.data.downloads import cache_folder
from prunepack.stages.data.layout import Layout, describe_value
from prunepack.stages.data.splits import AnySplit, Split, Stream, make_split
from prunepack.stages.data.wheel_files import WHEELS, WheelFile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from prunepack.stages.contract.model_spec import InputSpec

__all__ = [
    "DATASETS",
    "AnySplit",
    "ComputedDataset",
    "Data",
    "Dataset",
    "Split",
    "Stream",
    "cached_file",
    "describe_split",
    "fetch",
    "open_data",
]

SPLITS = ("test", "train", "validation")


@dataclass(frozen=True, slots=True)
class Data:
    """Splits of a dataset that have no sample in common.

    Attributes:
        test: The samples that accuracy is measured on.
        train: The samples that a model is fitted to; None if the dataset has none.
        validation: The samples that choose the best epoch; None if the dataset has none.
    """

    test: AnySplit
    train: AnySplit | None = None
    validation: AnySplit | None = None


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


@dataclass(frozen=True, slots=True)
class ComputedDataset:
    """A built-in dataset that is computed, from files that are downloaded on first use.

    Attributes:
        open: Computes it.
        files: The files that it reads.
    """

    open: Callable[[], Data]
    files: tuple[WheelFile, ...] = ()


DATASETS: Registry[Dataset | ComputedDataset] = Registry(
    "dataset", "prunepack.stages.data.datasets", "DATASET"
)


def cached_file(name: str) -> Path:
    """Return the path of the built-in dataset ``name`` in the cache folder; it may not exist.

    For a computed dataset, it is the folder of the files that it reads.
    """
    dataset = DATASETS[name]
    return cache_folder() / (dataset.file if isinstance(dataset, Dataset) else WHEELS)


def fetch(name: str) -> tuple[Path, bool]:
    """Download the built-in dataset ``name`` unless it is in the cache.

    Returns:
        Its file, and whether it was downloaded now.
    """
    path, dataset = cached_file(name), DATASETS[name]
    if isinstance(dataset, ComputedDataset):
        missing = [file for file in dataset.files if not file.cached.exists()]
        for file in missing:
            file.fetch()
        return path, bool(missing)
    if path.exists():
        return path, False
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        dataset.fetch(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path, True


def open_data(
    name: str, inputs: Sequence[InputSpec] = (), arguments: Mapping[str, Any] = MappingProxyType({})
) -> Data:
    """Open a built-in dataset, or the one that the user's function returns.

    The function returns a mapping with ``test`` and, for training, ``train`` and
    ``validation``; :func:`make_split` lists the forms of a split. Nothing is read before it is
    used, except arrays.

    Args:
        name: The name of a built-in dataset, or user code.
        inputs: The inputs of the model, which the arrays of user code must fit.
        arguments: Keyword arguments of the user's function.

    Raises:
        UsageError: If it has not been fetched, or does not have that form.
        RefusedError: If arrays do not fit the model.
    """
    if is_user_code(name):
        scope = UserScope(name)
        call = partial(_call, name, scope, arguments)
        return _make_data(call(), call, name, scope, tuple(inputs))
    if arguments:
        raise UsageError(
            f"the built-in dataset `{name}` takes no arguments",
            expected="load.dataset_arguments beside a function of your own",
            found=", ".join(f"`{word}`" for word in arguments),
            hint="Remove load.dataset_arguments",
        )
    data = _open_built_in(name)
    return _bind(data, name, tuple(inputs)) if inputs else data


def _open_built_in(name: str) -> Data:
    path, dataset = cached_file(name), DATASETS[name]
    if isinstance(dataset, ComputedDataset):
        return dataset.open()
    if not path.exists():
        raise UsageError(
            f"the dataset {quote(name)} is not on this machine",
            expected=str(path),
            hint=f"Run `prunepack fetch {name}` once",
        )
    return dataset.open(path)


def _bind(data: Data, name: str, inputs: tuple[InputSpec, ...]) -> Data:
    """Return splits that are bound to the inputs of a model."""
    splits = {key: getattr(data, key) for key in SPLITS}
    return Data(
        **{
            key: split and replace(split, layout=Layout(inputs, describe_split(key, name)))
            for key, split in splits.items()
        }
    )


def _call(name: str, scope: UserScope, arguments: Mapping[str, Any]) -> Any:
    function = load_user_code(name)
    try:
        return scope.run(function, **arguments)
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"the dataset `{name}()` failed",
            found=f"{type(error).__name__}: {error}",
            hint="Correct the function; -v shows the line",
        ) from error


def _make_data(
    value: Any,
    call: Callable[[], Any],
    name: str,
    scope: UserScope,
    inputs: tuple[InputSpec, ...],
) -> Data:
    """Return the value of the user's function as splits.

    Raises:
        UsageError: If it does not have that form.
        RefusedError: If arrays do not fit the model.
    """
    if isinstance(value, Data):
        return _bind(value, name, inputs)
    if not isinstance(value, Mapping):
        raise _not_a_dataset(name, describe_value(value), "Return a dictionary of splits by name")
    given = {str(key): split for key, split in value.items()}
    unknown = [key for key in given if key not in SPLITS]
    if unknown:
        hint = suggest_name(unknown[0], SPLITS)
        raise _not_a_dataset(name, f"a split `{unknown[0]}`", hint)
    if "test" not in given:
        raise _not_a_dataset(name, "no split `test`", "Return the split that accuracy is judged on")
    splits = {
        key: make_split(
            split,
            Layout(inputs, describe_split(key, name)),
            scope,
            partial(_pick, call, key),
        )
        for key, split in given.items()
    }
    return Data(**splits)


def _pick(call: Callable[[], Any], key: str) -> Any:
    return call()[key]


def _not_a_dataset(name: str, found: str, hint: str) -> UsageError:
    expected = "{'test': (inputs, labels)}, and 'train' and 'validation' to fine-tune"
    return UsageError(f"`{name}()` is not a dataset", expected=expected, found=found, hint=hint)


def describe_split(split: str, dataset: str) -> str:
    """Return the name of a split for messages."""
    return f"split `{split}` of `{dataset}`"
