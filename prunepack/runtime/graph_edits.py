"""Edits of the initializers in a serialized ONNX model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from prunepack.model_files.onnx_fields import Graph, Model, StringStringEntry, Tensor
from prunepack.model_files.protobuf import BYTES, encode_bytes, encode_varint, fields

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prunepack.model_files.protobuf import Field

__all__ = ["ModelFile", "declare_outside", "rebuild_model"]

OFFSET_OUTSIDE = 2**62
"""An offset that no file has, so that an attempt to read there fails."""


class ModelFile(Protocol):
    """The bytes of a model. Those of large tensors need not be in ``data``."""

    @property
    def data(self) -> memoryview:
        """All bytes."""

    def read(self, start: int, stop: int) -> memoryview:
        """Return a range, with the tensors in it."""


def declare_outside(location: str) -> bytes:
    """Return the fields of an initializer whose content no file has.

    Args:
        location: Name of a file that exists, as onnxruntime demands.
    """
    return (
        _encode_entry("location", location)
        + _encode_entry("offset", str(OFFSET_OUTSIDE))
        + encode_varint(Tensor.DATA_LOCATION, Tensor.EXTERNAL)
    )


def _encode_entry(key: str, value: str) -> bytes:
    """Return an entry of ``external_data``."""
    return encode_bytes(
        Tensor.EXTERNAL_DATA,
        encode_bytes(StringStringEntry.KEY, key.encode())
        + encode_bytes(StringStringEntry.VALUE, value.encode()),
    )


def rebuild_model(model: ModelFile, edits: Mapping[int, bytes]) -> bytes:
    """Return the model with the content of some initializers replaced.

    Args:
        model: The model.
        edits: The fields in place of the content, by the offset of the initializer's message.
    """
    pieces: list[bytes | memoryview] = []
    for start, item in _fields_with_start(model.data, 0, len(model.data)):
        if item.number == Model.GRAPH and item.wire == BYTES:
            graph = b"".join(_rebuild_graph(model, item, edits))
            pieces.append(encode_bytes(Model.GRAPH, graph))
        else:
            pieces.append(model.read(start, item.stop))
    return b"".join(pieces)


def _rebuild_graph(
    model: ModelFile, graph: Field, edits: Mapping[int, bytes]
) -> Iterator[bytes | memoryview]:
    kept = graph.start
    for start, item in _fields_with_start(model.data, graph.start, graph.stop):
        edit = edits.get(item.start)
        if edit is not None and item.number == Graph.INITIALIZER:
            yield model.read(kept, start)
            yield encode_bytes(Graph.INITIALIZER, _remove_content(model.data, item) + edit)
            kept = item.stop
    yield model.read(kept, graph.stop)


def _remove_content(model: memoryview, tensor: Field) -> bytes:
    return b"".join(
        model[start : item.stop]
        for start, item in _fields_with_start(model, tensor.start, tensor.stop)
        if item.number not in {Tensor.RAW_DATA, Tensor.EXTERNAL_DATA, Tensor.DATA_LOCATION}
    )


def _fields_with_start(message: memoryview, start: int, stop: int) -> Iterator[tuple[int, Field]]:
    """Yield the fields of a message, each with the offset of its tag."""
    for item in fields(message, start, stop):
        yield start, item
        start = item.stop
