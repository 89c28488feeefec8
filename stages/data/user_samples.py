"""Samples of real data: the user's own, and the test split of the model's dataset."""

from __future__ import annotations

import re
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from prunepack.errors import RefusedError, UsageError
from prunepack.stages.contract.user_code import is_user_code, load_user_code
from prunepack.stages.data.datasets import open_data
from prunepack.stages.data.samples import Samples, bind_input

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from prunepack.stages.contract.arrays import Array, Arrays
    from prunepack.stages.contract.model_spec import InputSpec, ModelSpec

__all__ = ["LABELS", "collect_samples", "read_samples"]

LABELS = "labels"
"""The key of the expected answers, unless an input has that name."""

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

FORMS = "an .npz file, a folder of ONNX test data, module:function or file.py:function"


def collect_samples(source: str, spec: ModelSpec) -> list[Samples]:
    """Return the user's samples and those of the model's dataset, as far as there are any.

    Only one source keeps its labels: the user's samples if they have labels, else the dataset.

    Args:
        source: The name of the user's samples; empty if there are none.
        spec: The model.

    Raises:
        UsageError: If ``source`` or the dataset does not exist.
        RefusedError: If either holds no samples, or samples that do not fit the model.
    """
    own = read_samples(source, spec.inputs) if source else []
    if not spec.dataset:
        return own
    data = _read_test_split(spec)
    if any(samples.labels is not None for samples in own):
        data = Samples(data.source, data.arrays)
    return [*own, data]


def _read_test_split(spec: ModelSpec) -> Samples:
    data = open_data(spec.dataset)
    if not len(data.test):
        raise RefusedError(f"the dataset {spec.dataset} has no test samples", expected="some")
    if len(spec.inputs) != 1:
        raise RefusedError(
            "a dataset is for models with one input",
            found=f"{len(spec.inputs)} inputs",
            hint="Leave load.dataset out and give samples with labels in verify.inputs",
        )
    return Samples(spec.dataset, bind_input(spec.inputs, data.test.inputs), data.test.labels)


def read_samples(source: str, inputs: Sequence[InputSpec]) -> list[Samples]:
    """Return the samples that ``source`` names.

    An ``.npz`` file holds one array (n, …) per input, by its name, and optionally the expected
    answers as ``labels`` (n, …). A function returns a mapping of the same form. A folder holds
    ``test_data_set_N/input_K.pb``, or is one such set, as in ONNX's own tests: tensors in
    protobuf, batch first, in the order of the model's inputs.

    Raises:
        UsageError: If ``source`` does not exist, or the function fails.
        RefusedError: If the samples do not fit the model's inputs, or there are none.
    """
    if is_user_code(source):
        return [_fit(_call(source), inputs, f"{source}()")]
    path = Path(source)
    if path.is_dir():
        folders = _list_sets(path)
        return [_fit(_read_set(folder, inputs), inputs, str(folder)) for folder in folders]
    if path.suffix != ".npz" or not path.is_file():
        found = "a file of another kind" if path.is_file() else "nothing of that name"
        raise UsageError(f"{source} gives no samples", expected=FORMS, found=found)
    return [_fit(_read_npz(path), inputs, source)]


def _read_npz(path: Path) -> Arrays:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: _check_array(array) for name, array in arrays.items()}
    except _DAMAGED as error:
        raise RefusedError(
            f"{path} cannot be read", expected="an .npz of plain arrays", found=str(error)
        ) from None


def _check_array(value: object) -> Array:
    """Refuse the bytes that numpy returns for a member of the archive that is not an array."""
    if not isinstance(value, np.ndarray):
        raise TypeError(f"a {type(value).__name__}")
    return value


def _call(source: str) -> Arrays:
    function = load_user_code(source)
    try:
        return {str(name): np.asarray(array) for name, array in function().items()}
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"{source}() gave no samples",
            expected="a mapping from each input's name to an array, samples first",
            found=f"{type(error).__name__}: {error}",
        ) from error


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
            f"{path} holds no ONNX test data",
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
                f"{file} cannot be read", expected="a tensor in protobuf", found=str(error)
            ) from None
    return arrays


def _fit(given: Mapping[str, Array], inputs: Sequence[InputSpec], source: str) -> Samples:
    """Return ``given`` in the order and the dtypes of the model's inputs.

    Raises:
        RefusedError: If names, shapes, dtypes or counts do not fit.
    """
    names = [spec.name for spec in inputs]
    labels = given.get(LABELS) if LABELS not in names else None
    others = given.keys() - {*names, *([] if labels is None else [LABELS])}
    missing = [name for name in names if name not in given]
    if others or missing:
        raise RefusedError(
            f"{source} does not fit the model",
            expected=f"an array for each of {', '.join(names)}",
            found=", ".join(sorted(given)) or "no array",
        )
    arrays = {spec.name: _cast(given[spec.name], spec, source) for spec in inputs}
    counts = {name: len(array) for name, array in arrays.items()}
    counts |= {} if labels is None else {LABELS: len(labels) if labels.ndim else 0}
    if len(set(counts.values())) != 1 or not all(counts.values()):
        raise RefusedError(
            f"{source} holds no samples that can be run",
            expected="the same number for each input, and at least one",
            found=", ".join(f"{count} of {name}" for name, count in counts.items()),
        )
    return Samples(source, arrays, labels)


def _cast(array: Array, spec: InputSpec, source: str) -> Array:
    shape = ("n", *spec.shape)
    if array.ndim != len(shape) or not np.can_cast(array.dtype, spec.dtype, "same_kind"):
        raise RefusedError(
            f"{source} does not fit the input {spec.name}",
            expected=f"{spec.dtype}[{', '.join(map(str, shape))}]",
            found=f"{array.dtype}{list(array.shape)}",
        )
    return array.astype(spec.dtype)
