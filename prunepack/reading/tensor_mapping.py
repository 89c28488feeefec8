"""Tensors of an artifact by name, as a mapping, with parts of them and as a state dict."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from importlib import import_module
from types import EllipsisType, NoneType
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from prunepack.coding.dtypes import DTYPES
from prunepack.errors import OutOfRangeError, UsageError, inside_artifact, quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TypeAlias

    from prunepack.coding.dtypes import Array
    from prunepack.format.layout import Layout, TensorInfo
    from prunepack.reading.artifact import Artifact
    from prunepack.reading.decoder import ChunkKey, Decoder

    Index: TypeAlias = "int | slice | EllipsisType | None"

__all__ = ["TensorMapping"]

PARTS = (int, np.integer, slice, EllipsisType, NoneType)
"""The classes of an index; True and False, which are integers too, are refused."""


class TensorMapping(Mapping[Any, Any]):
    """The tensors of an open artifact, by name.

    ``artifact["fc1.weight"]`` decodes a tensor, and ``artifact["fc1.weight", 10:20]`` only the
    chunks of its rows from 10 up to, but not including, 20. Further indices are those of numpy:
    integers, slices, ``...`` and ``None``. ``values()`` and ``items()`` decode one tensor after
    the other.
    """

    path: str
    size: int
    tensors: Mapping[str, TensorInfo]
    layout: Layout
    _decoder: Decoder

    def __repr__(self) -> str:
        count = len(self.tensors)
        stored = f"{count} stored tensor{'' if count == 1 else 's'}"
        return f"<prunepack.Artifact {self.path!r}: {stored}, {self.size:,} bytes>"

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (name in self.tensors or name in self.keys())

    def __eq__(self, other: object) -> bool:
        return self is other  # a comparison of all tensors would decode them

    def __hash__(self) -> int:
        return id(self)

    def keys(self) -> list[str]:  # type: ignore[override] # a list since the first version
        """Return the names of all tensors: the stored ones, then those too small to be stored.

        Raises:
            CorruptArtifactError: If a stream that must be decoded for small tensors is damaged.
        """
        from prunepack.reading.small_tensors import list_small_tensors  # seldom needed

        return [*self.tensors, *list_small_tensors(cast("Artifact", self))]

    def __getitem__(self, key: str | tuple[str, *tuple[Index, ...]]) -> Array:
        """Decode a tensor, or the part of it that an index selects, as a new array.

        Raises:
            UsageError: If there is no such tensor, which is a KeyError too; if an index is out of
                range, which is an IndexError too; or if an index is something else.
            CorruptArtifactError: If a stream is damaged.
        """
        name, *rest = _split_key(key)
        tensor = self.tensors.get(name)
        if tensor is not None:
            _check_index(name, tensor.shape, tuple(rest))
        rows = None if tensor is None or not rest else _find_rows(tensor, rest[0])
        if tensor is None or rows is None:
            whole = self.read_tensor(name)
            _check_index(name, whole.shape, tuple(rest))
            return whole[tuple(rest)] if rest else whole
        part = self._decode([_take_rows(tensor, rows)], None)[name]
        first = 0 if not isinstance(rest[0], slice) else slice(None)
        chosen: Array = part[(first, *rest[1:])]
        return chosen

    def to_state_dict(self) -> dict[str, Any]:
        """Decode all tensors as torch tensors, for ``load_state_dict``; this needs torch.

        The names and shapes are those in the model file. An ONNX file that prunepack exported has
        the names of the state dict; an exporter may have transposed or renamed weights.

        Raises:
            UsageError: If torch is not installed.
            CorruptArtifactError: If a stream is damaged.
        """
        convert = import_module("prunepack.scripting.state_dict").convert_tensors
        found: dict[str, Any] = convert(self)
        return found

    def read_tensor(self, name: str, *, threads: int | None = None) -> Array:
        """Decode one tensor, stored or not."""
        raise NotImplementedError

    def _decode(self, tensors: Sequence[TensorInfo], threads: int | None) -> dict[str, Array]:
        """Decode tensors into one new buffer, and only the chunks that they need."""
        keys = {(t.pool, part.chunk) for t in tensors for part in self.layout.slice_tensor(t)}
        with inside_artifact(self.path):
            buffer, places = self._decoder.decode_into_buffer(sorted(keys), threads)
        return {tensor.name: self._view(tensor, places, buffer) for tensor in tensors}

    def _view(self, tensor: TensorInfo, places: Mapping[ChunkKey, int], buffer: Array) -> Array:
        """Return the part of the buffer that holds a tensor."""
        pool = self.layout.pools[tensor.pool]
        index, first = divmod(tensor.start, pool.chunk)
        at = places.get((tensor.pool, index), 0) + first * pool.dtype.itemsize
        items = buffer[at : at + tensor.nbytes] if tensor.items else buffer[:0]
        array = pool.dtype.to_array(items.view(pool.dtype.carrier), tensor.stored_shape)
        return np.ascontiguousarray(array.transpose(tensor.axes)) if tensor.axes else array


def _split_key(key: Any) -> tuple[Any, ...]:
    """Return the name of a tensor, and the indices after it.

    Raises:
        UsageError: If there is no name.
    """
    parts = key if isinstance(key, tuple) and key else (key,)
    if not isinstance(parts[0], str):
        raise UsageError(
            "a tensor of an artifact is read by its name",
            expected='artifact["NAME"], or artifact["NAME", 0:10] for a part of it',
            found=f"artifact[{reprlib.repr(key)}]",
        )
    return parts


def _check_index(name: str, shape: tuple[int, ...], index: tuple[Any, ...]) -> None:
    """Refuse an index that does not select a block of a tensor.

    Raises:
        UsageError: If it is not made of integers, slices, ``...`` and None, or is out of range.
    """
    if not index:
        return
    kind, shown = UsageError, ", ".join(map(reprlib.repr, index))
    if not any(isinstance(each, bool) or not isinstance(each, PARTS) for each in index):
        try:
            np.broadcast_to(np.uint8(0), shape)[index]  # as numpy does, without any memory
        except IndexError:
            kind = OutOfRangeError
        except (TypeError, ValueError):
            pass
        else:
            return
    raise kind(
        f"the index [{shown}] does not fit tensor {quote(name)}",
        expected=f"integers, slices, ... or None for the shape {list(shape)}",
        hint="Read the whole tensor and index it with numpy for anything else",
    )


def _find_rows(tensor: TensorInfo, index: Index) -> range | None:
    """Return the rows that a valid index selects; None if they are not stored end to end."""
    if tensor.axes or not tensor.shape or DTYPES[tensor.dtype].packed != 1:
        return None
    if isinstance(index, slice):
        rows = range(*index.indices(tensor.shape[0]))
        return rows if rows.step == 1 else None
    if index is None or index is Ellipsis:
        return None
    row = range(tensor.shape[0])[index]
    return range(row, row + 1)


def _take_rows(tensor: TensorInfo, rows: range) -> TensorInfo:
    """Return some rows as a tensor of their own."""
    shape = (len(rows), *tensor.shape[1:])
    row = tensor.elements // tensor.shape[0] if tensor.shape[0] else 0
    return tensor._replace(shape=shape, start=tensor.start + rows.start * row)
