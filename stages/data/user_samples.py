"""The user's own samples: an ``.npz``, a function, or a folder of ONNX test data."""

from __future__ import annotations

import re
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from prunepack.errors import RefusedError, UsageError
from prunepack.stages.contract.user_code import is_user_code, load_user_code
from prunepack.stages.data.samples import Samples

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from prunepack.stages.contract.arrays import Array, Arrays
    from prunepack.stages.contract.model_spec import InputSpec

__all__ = ["LABELS", "user_samples"]

LABELS = "labels"
"""The key of what a model ought to say of each sample, unless an input has that name."""

_DAMAGED = (
    AttributeError,  # a single array and no archive
    EOFError,
    OSError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What numpy says to a file that is no ``.npz``, or no longer one."""

FORMS = "an .npz file, a folder of ONNX test data, module:function or file.py:function"


def user_samples(source: str, inputs: Sequence[InputSpec]) -> list[Samples]:
    """Return the samples that ``source`` names.

    An ``.npz`` holds one array (n, …) for each input by its name, and ``labels`` (n, …) if
    accuracy is to be counted on them; a function returns a mapping of the same. A folder holds
    ``test_data_set_N/input_K.pb``, or is itself one such set, as ONNX's own tests have them:
    tensors in protobuf, batch first, in the order of the model's inputs.

    Raises:
        UsageError: If there is no such thing, or the function fails.
        RefusedError: If what it holds does not fit the model's inputs, or is nothing.
    """
    if is_user_code(source):
        return [_fitted(_called(source), inputs, f"{source}()")]
    path = Path(source)
    if path.is_dir():
        return [_fitted(_test_data(folder, inputs), inputs, str(folder)) for folder in _sets(path)]
    if path.suffix != ".npz" or not path.is_file():
        found = "a file of another kind" if path.is_file() else "nothing of that name"
        raise UsageError(f"{source} gives no samples", expected=FORMS, found=found)
    return [_fitted(_npz(path), inputs, source)]


def _npz(path: Path) -> Arrays:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: _plain(array) for name, array in arrays.items()}
    except _DAMAGED as error:
        raise RefusedError(
            f"{path} cannot be read", expected="an .npz of plain arrays", found=str(error)
        ) from None


def _plain(array: Any) -> Array:
    """Refuse the bytes that numpy gives for a member of the archive that is no array."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"a {type(array).__name__}")
    return array


def _called(source: str) -> Mapping[str, Any]:
    function = load_user_code(source)
    try:
        value = function()
        return {str(name): np.asarray(array) for name, array in value.items()}
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"{source}() gave no samples",
            expected="a mapping from each input's name to an array, samples first",
            found=f"{type(error).__name__}: {error}",
        ) from error


def _sets(path: Path) -> list[Path]:
    if any(path.glob("input_*.pb")):
        return [path]
    sets = sorted(
        (one for one in path.glob("test_data_set_*") if one.is_dir()),
        key=lambda one: (len(one.name), one.name),
    )
    if not sets:
        listing = ", ".join(sorted(entry.name for entry in path.iterdir())[:6])
        raise RefusedError(
            f"{path} holds no ONNX test data",
            expected="test_data_set_N/input_K.pb",
            found=listing or "an empty folder",
        )
    return sets


def _test_data(folder: Path, inputs: Sequence[InputSpec]) -> Arrays:
    """Return the tensors of one set by the names of the inputs that they are for."""
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


def _fitted(given: Mapping[str, Array], inputs: Sequence[InputSpec], source: str) -> Samples:
    """Check ``given`` against the model's inputs, and put it into their order and dtypes."""
    names = [one.name for one in inputs]
    labels = given.get(LABELS) if LABELS not in names else None
    others = sorted(given.keys() - {*names, *([] if labels is None else [LABELS])})
    missing = [name for name in names if name not in given]
    if others or missing:
        raise RefusedError(
            f"{source} does not fit the model",
            expected=f"an array for each of {', '.join(names)}",
            found=", ".join(sorted(given)) or "no array",
        )
    arrays = {one.name: _cast(given[one.name], one, source) for one in inputs}
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
