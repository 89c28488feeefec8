"""Tensors that are too small to be stored as such: their elements are literals of the model."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from prunepack.errors import CorruptArtifactError, RefusedError
from prunepack.model_files.external_data import parse_external
from prunepack.model_files.onnx_fields import Tensor
from prunepack.model_files.onnx_tensors import find_tensors
from prunepack.model_files.protobuf import fields, read_varints
from prunepack.model_files.safetensors_header import find_declared_tensors, is_checkpoint
from prunepack.reading.lazy_file import LazyFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prunepack.coding.dtypes import Array, DType
    from prunepack.io.regular_file import RegularFile
    from prunepack.model_files.onnx_tensors import OnnxTensor
    from prunepack.reading.artifact import Artifact

__all__ = ["list_small_tensors", "read_small_tensor"]

INTEGER_FIELDS = {Tensor.INT32_DATA, Tensor.INT64_DATA, Tensor.UINT64_DATA}
"""Fields with a number per item."""


class _Content(NamedTuple):
    """Bytes of a tensor as its model declares it."""

    data: bytes
    dtype: DType | None
    shape: tuple[int, ...]


def list_small_tensors(artifact: Artifact) -> list[str]:
    """Return the names of the tensors of the model that are not stored tensors, in its order.

    Raises:
        CorruptArtifactError: If a stream that must be decoded is damaged.
    """
    model = LazyFile(artifact, next(iter(artifact.files)))
    file = cast("RegularFile", model)
    try:
        if is_checkpoint(file):
            found = [(tensor.label, tensor.dtype) for tensor in find_declared_tensors(file)]
        else:
            found = [(t.name, t.dtype) for t in find_tensors(model.data) if t.is_initializer]
    except CorruptArtifactError:
        raise
    except RefusedError:  # the file does not have the form of a model
        return []
    counts = Counter(name for name, dtype in found if dtype is not None)
    return [name for name, count in counts.items() if count == 1 and name not in artifact.tensors]


def read_small_tensor(artifact: Artifact, name: str) -> Array | None:
    """Return a tensor of the model that is not a stored tensor; None if there is none.

    Raises:
        CorruptArtifactError: If a stream that must be decoded is damaged.
    """
    model = LazyFile(artifact, next(iter(artifact.files)))
    file = cast("RegularFile", model)  # of the same interface, as far as it is used
    find = _find_in_checkpoint if is_checkpoint(file) else _find_in_onnx
    try:
        contents = list(find(artifact, model, name))
    except CorruptArtifactError:
        raise
    except RefusedError:  # the file does not have the form of a model
        return None
    if len(contents) != 1:
        return None
    ((data, dtype, shape),) = contents
    if dtype is None or min(shape, default=0) < 0 or dtype.nbytes(math.prod(shape)) != len(data):
        return None
    return dtype.to_array(np.frombuffer(bytearray(data), dtype.carrier), shape)


def _find_in_checkpoint(_artifact: Artifact, model: LazyFile, name: str) -> Iterator[_Content]:
    for tensor in find_declared_tensors(cast("RegularFile", model)):
        if tensor.label == name:
            yield _Content(bytes(model.read(tensor.start, tensor.stop)), tensor.dtype, tensor.shape)


def _find_in_onnx(artifact: Artifact, model: LazyFile, name: str) -> Iterator[_Content]:
    """Yield the initializers of the main graph that have this name."""
    for tensor in find_tensors(model.data):
        if tensor.is_initializer and tensor.name == name:
            data = _read_elements(artifact, model, tensor)
            yield _Content(data, tensor.dtype, tuple(tensor.shape))


def _read_elements(artifact: Artifact, model: LazyFile, tensor: OnnxTensor) -> bytes:
    if tensor.is_external:
        external = parse_external(tensor)
        if external.location not in artifact.files:
            return b""
        file = LazyFile(artifact, external.location)
        length = file.size - external.offset if external.length is None else external.length
        return bytes(file.read(external.offset, external.offset + length))
    if tensor.inline_range is not None:
        return bytes(model.read(*tensor.inline_range))
    return _read_integers(model.data, tensor)


def _read_integers(model: memoryview, tensor: OnnxTensor) -> bytes:
    """Return the items in the typed fields of a tensor, each of the width of its type."""
    if tensor.dtype is None:
        return b""
    mask = 2 ** (8 * tensor.dtype.itemsize) - 1
    values = [
        value & mask
        for item in fields(model, tensor.message.start, tensor.message.stop, INTEGER_FIELDS)
        for value in read_varints(model, item)
    ]
    return np.array(values, f"<u{tensor.dtype.itemsize}").tobytes()
