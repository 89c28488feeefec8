"""The graph of a packed ONNX model without its large weights, which are handed over apart.

In a model of a few hundred megabytes the graph is a few hundred kilobytes. An initializer of the
main graph whose content is, byte for byte, one stored tensor loses that content here and says
instead that it lies in an external file, as the ONNX page "External Data" has it; whoever starts
the model gives the decoded tensor under the initializer's name. Whatever else a model may have in
it (initializers of subgraphs, attributes, elements in typed fields) stays in the graph as it is.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from prunepack.coding.dtypes import DTYPES
from prunepack.errors import inside, inside_artifact
from prunepack.model_files.external_data import parse_external
from prunepack.model_files.onnx_tensors import (
    DATA_LOCATION,
    EXTERNAL,
    EXTERNAL_DATA,
    GRAPH,
    INITIALIZER,
    KEY,
    RAW_DATA,
    VALUE,
    find_tensors,
)
from prunepack.model_files.protobuf import BYTES, VARINT, fields
from prunepack.runtime.lazy_file import LazyFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from prunepack.model_files.onnx_tensors import OnnxTensor
    from prunepack.model_files.protobuf import Field
    from prunepack.reading.artifact import Artifact

__all__ = ["Weight", "WeightlessGraph", "extract_graph"]

SMALLEST = 16 * 1024
"""Bytes of the smallest weight that is left out. Shapes, axes and the like stay, because
onnxruntime infers shapes from them before it takes any weights; all such values are short."""

NOWHERE = 2**62
"""An offset that no file has: if anything ever reads there, it fails."""


class Weight(NamedTuple):
    """An initializer without its content: the stored tensor that it is, and its ONNX type."""

    tensor: str
    onnx_code: int


@dataclass(frozen=True, slots=True)
class WeightlessGraph:
    """A model apart from its large weights.

    Attributes:
        model: The serialized ``ModelProto``.
        weights: What was left out, by the name of the initializer.
        files: External files that it refers to as it did, by name; most models have none.
    """

    model: bytes
    weights: Mapping[str, Weight]
    files: Mapping[str, bytes]


def extract_graph(artifact: Artifact, location: str) -> WeightlessGraph:
    """Take a packed model apart, decoding no tensor that is left out.

    Args:
        artifact: The artifact.
        location: What to give as the external file that the weights are said to be in.

    Raises:
        RefusedError: If the first file of the artifact is not an ONNX model.
        CorruptArtifactError: If something that has to be decoded is damaged.
    """
    first, *others = artifact.files
    model = LazyFile(artifact, first)
    with inside_artifact(artifact.path), inside(f"file {first!r}"):
        tensors = list(find_tensors(model.data))
    initializers = [tensor for tensor in tensors if tensor.initializer]
    files = {}
    if all(tensor.initializer for tensor in tensors if tensor.is_external):
        files = {name: LazyFile(artifact, name) for name in others}
    homes = [_find(tensor, model, files) for tensor in initializers]
    weights = _choose(artifact, initializers, homes)
    edits = (
        _edit(tensor, home, weights, location)
        for tensor, home in zip(initializers, homes, strict=True)
    )
    whole = {} if files else {name: artifact.read_file(name) for name in others}
    return WeightlessGraph(_rebuild(model, edits), weights, whole)


class _Home(NamedTuple):
    """Where the content of an initializer lies."""

    file: LazyFile
    start: int
    stop: int

    @property
    def tensor(self) -> str | None:
        """Name of the stored tensor that it is, if it is one."""
        return self.file.tensor(self.start, self.stop)

    def read(self) -> memoryview:
        return self.file.read(self.start, self.stop)


def _find(tensor: OnnxTensor, model: LazyFile, files: Mapping[str, LazyFile]) -> _Home | None:
    if tensor.is_external:
        external = parse_external(tensor) if files else None
        if external is None or external.location not in files:
            return None
        file = files[external.location]
        length = len(file.data) - external.offset if external.length is None else external.length
        return _Home(file, external.offset, external.offset + length)
    inline = tensor.inline
    if inline is None or tensor.contents[0][0] != RAW_DATA:
        return None
    return _Home(model, *inline)


def _choose(
    artifact: Artifact, initializers: Sequence[OnnxTensor], homes: Sequence[_Home | None]
) -> dict[str, Weight]:
    """Return what to leave out: large, one stored tensor, and the only one of its name."""
    counts = Counter(tensor.name for tensor in initializers)
    weights = {}
    for tensor, home in zip(initializers, homes, strict=True):
        if home is None or home.tensor is None or counts[tensor.name] > 1 or not tensor.name:
            continue
        stored = artifact.tensors[home.tensor]
        same = (DTYPES[stored.dtype], stored.shape) == (tensor.dtype, tuple(tensor.shape))
        if same and DTYPES[stored.dtype].packed == 1 and stored.nbytes >= SMALLEST:
            weights[tensor.name] = Weight(home.tensor, tensor.code)
    return weights


def _edit(
    tensor: OnnxTensor, home: _Home | None, weights: Mapping[str, Weight], location: str
) -> bytes | None:
    """Return the fields that say where the content is, or None if they stay as they are."""
    if tensor.name in weights:
        entries = {"location": location, "offset": str(NOWHERE)}
        told = (
            _bytes_field(EXTERNAL_DATA, _text_field(KEY, key) + _text_field(VALUE, value))
            for key, value in entries.items()
        )
        return b"".join(told) + _tag(DATA_LOCATION, VARINT) + _varint(EXTERNAL)
    if home is not None and tensor.is_external:
        return _bytes_field(RAW_DATA, home.read())
    return None


def _rebuild(model: LazyFile, edits: Iterator[bytes | None]) -> bytes:
    """Return the model with the ``edits`` of its initializers, which come in file order."""
    pieces: list[bytes | memoryview] = []
    for start, item in _tagged(model.data, 0, len(model.data)):
        if item.number == GRAPH and item.wire == BYTES:
            pieces.append(_bytes_field(GRAPH, b"".join(_graph(model, item, edits))))
        else:
            pieces.append(model.read(start, item.stop))
    return b"".join(pieces)


def _graph(
    model: LazyFile, graph: Field, edits: Iterator[bytes | None]
) -> Iterator[bytes | memoryview]:
    kept = graph.start
    for start, item in _tagged(model.data, graph.start, graph.stop):
        if item.number == INITIALIZER and item.wire == BYTES and (edit := next(edits)) is not None:
            yield model.read(kept, start)
            yield _bytes_field(INITIALIZER, _without_content(model.data, item) + edit)
            kept = item.stop
    yield model.read(kept, graph.stop)


def _without_content(model: memoryview, tensor: Field) -> bytes:
    return b"".join(
        model[start : item.stop]
        for start, item in _tagged(model, tensor.start, tensor.stop)
        if item.number not in {RAW_DATA, EXTERNAL_DATA, DATA_LOCATION}
    )


def _tagged(message: memoryview, start: int, stop: int) -> Iterator[tuple[int, Field]]:
    """Yield the fields of a message, each with the offset at which its tag begins."""
    for item in fields(message, start, stop):
        yield start, item
        start = item.stop


def _text_field(number: int, text: str) -> bytes:
    return _bytes_field(number, text.encode())


def _bytes_field(number: int, content: bytes | memoryview) -> bytes:
    return b"".join((_tag(number, BYTES), _varint(len(content)), content))


def _tag(number: int, wire: int) -> bytes:
    return _varint(number << 3 | wire)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
