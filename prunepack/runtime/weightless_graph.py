"""The graph of a packed ONNX model without its large weights.

In a model of a few hundred megabytes the graph has a few hundred kilobytes. An initializer of the
main graph whose content is exactly one stored tensor loses this content here, and declares it as
external data, as the ONNX page "External Data" defines it. The caller of onnxruntime then gives the
decoded tensor under the name of the initializer. All other parts of the model (initializers of
subgraphs, attributes, elements in typed fields) stay in the graph. So does an initializer whose
name is defined twice, because onnxruntime takes weights by name in every graph of the model, and
one that no node reads, because onnxruntime removes it before it takes any weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from prunepack.coding.dtypes import DTYPES
from prunepack.errors import RefusedError, inside, inside_artifact, quote
from prunepack.model_files.external_data import parse_external
from prunepack.model_files.onnx_fields import Graph, Model, Tensor
from prunepack.model_files.onnx_tensors import find_tensors
from prunepack.model_files.protobuf import BYTES, encode_bytes, fields
from prunepack.reading.lazy_file import LazyFile
from prunepack.runtime.graph_edits import declare_outside, rebuild_model
from prunepack.runtime.names import find_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from prunepack.model_files.onnx_tensors import OnnxTensor
    from prunepack.reading.artifact import Artifact
    from prunepack.runtime.names import Names

__all__ = ["MIN_WEIGHT_BYTES", "Weight", "WeightlessGraph", "extract_graph"]

MIN_WEIGHT_BYTES = 16 * 1024
"""Bytes of the smallest weight that leaves the graph. Shapes, axes and the like stay, because
onnxruntime infers shapes from them before it takes any weights; all such values are short."""


class Weight(NamedTuple):
    """An initializer without its content: the name of its stored tensor, and its ONNX type."""

    tensor: str
    onnx_code: int


@dataclass(frozen=True, slots=True)
class WeightlessGraph:
    """A model without its large weights.

    Attributes:
        model: The serialized ``ModelProto``.
        weights: The weights that are left out, by the name of the initializer.
        files: External files that it still refers to, by name; most models have none.
    """

    model: bytes
    weights: Mapping[str, Weight]
    files: Mapping[str, bytes]


def extract_graph(artifact: Artifact, location: str) -> WeightlessGraph:
    """Extract the graph of a packed model; no tensor that is left out is decoded.

    Args:
        artifact: The artifact.
        location: Name of the external file that the graph declares for its weights.

    Raises:
        RefusedError: If the first file of the artifact is not an ONNX model.
        LimitExceededError: If it has too many initializers, stored or not.
        CorruptArtifactError: If a part that must be decoded is damaged.
    """
    first, *others = artifact.files
    model = LazyFile(artifact, first)
    with inside_artifact(artifact.path), inside(f"file {quote(first)}"):
        _refuse_checkpoint(model.data)
        artifact.limits.check("tensors", _count_initializers(model.data))
        tensors = [tensor for tensor in find_tensors(model.data) if _can_leave(tensor)]
        names = find_names(model.data)
    initializers = [tensor for tensor in tensors if tensor.is_initializer]
    files = {}
    if all(_can_be_inline(tensor, names) for tensor in tensors if tensor.is_external):
        files = {name: LazyFile(artifact, name) for name in others}
    contents = [_locate_content(tensor, model, files) for tensor in initializers]
    weights = _choose_weights(artifact, initializers, contents, names)
    edits = {
        tensor.message.start: edit
        for tensor, content in zip(initializers, contents, strict=True)
        if (edit := _make_edit(tensor, content, weights, location)) is not None
    }
    unread = {} if files else {name: artifact.read_file(name) for name in others}
    return WeightlessGraph(rebuild_model(model, edits), weights, unread)


def _count_initializers(model: memoryview) -> int:
    """Return the number of initializers of the main graph, empty ones included."""
    return sum(
        1
        for graph in fields(model, 0, len(model), {Model.GRAPH})
        if graph.wire == BYTES
        for _ in fields(model, graph.start, graph.stop, {Graph.INITIALIZER})
    )


def _can_leave(tensor: OnnxTensor) -> bool:
    """Return whether the content of a tensor may have to leave its place."""
    message = tensor.message
    return tensor.is_external or message.stop - message.start >= MIN_WEIGHT_BYTES


def _refuse_checkpoint(model: memoryview) -> None:
    if bytes(model[8:9]) == b"{" and int.from_bytes(model[:8], "little") <= len(model):
        raise RefusedError(
            "no session can start on a checkpoint, which has weights and no graph",
            expected="an ONNX model",
            found="a safetensors checkpoint",
            hint="Export the model to ONNX, and pack the .onnx file",
        )


def _can_be_inline(tensor: OnnxTensor, names: Names) -> bool:
    """Return whether external data may come into the graph.

    Of two initializers of one name, onnxruntime's choice depends on where their data is.
    """
    return tensor.is_initializer and names.defined[tensor.name.encode()] == 1


class _Content(NamedTuple):
    """The place of an initializer's content."""

    file: LazyFile
    start: int
    stop: int

    @property
    def tensor(self) -> str | None:
        """Name of the stored tensor that is the whole content, or None."""
        return self.file.find_tensor(self.start, self.stop)

    def read(self) -> memoryview:
        return self.file.read(self.start, self.stop)


def _locate_content(
    tensor: OnnxTensor, model: LazyFile, files: Mapping[str, LazyFile]
) -> _Content | None:
    if tensor.is_external:
        external = parse_external(tensor) if files else None
        if external is None or external.location not in files:
            return None
        file = files[external.location]
        length = len(file.data) - external.offset if external.length is None else external.length
        return _Content(file, external.offset, external.offset + length)
    inline = tensor.inline_range
    if inline is None or tensor.contents[0][0] != Tensor.RAW_DATA:
        return None
    return _Content(model, *inline)


def _choose_weights(
    artifact: Artifact,
    initializers: Sequence[OnnxTensor],
    contents: Sequence[_Content | None],
    names: Names,
) -> dict[str, Weight]:
    """Return the weights to leave out: large, with a plain name, each exactly a stored tensor."""
    weights = {}
    for tensor, content in zip(initializers, contents, strict=True):
        if not names.is_plain(tensor.name):
            continue
        if content is None or (name := content.tensor) is None:
            continue
        stored = artifact.tensors[name]
        is_same = (DTYPES[stored.dtype], stored.shape) == (tensor.dtype, tuple(tensor.shape))
        if is_same and DTYPES[stored.dtype].packed == 1 and stored.nbytes >= MIN_WEIGHT_BYTES:
            weights[tensor.name] = Weight(name, tensor.onnx_code)
    return weights


def _make_edit(
    tensor: OnnxTensor, content: _Content | None, weights: Mapping[str, Weight], location: str
) -> bytes | None:
    """Return the fields that replace the content, or None if the content stays."""
    if tensor.name in weights:
        return declare_outside(location)
    if content is not None and tensor.is_external:
        return encode_bytes(Tensor.RAW_DATA, content.read())
    return None
