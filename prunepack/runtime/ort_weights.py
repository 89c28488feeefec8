"""A packed model in the form that onnxruntime takes: a graph, and decoded arrays."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from prunepack.errors import UsageError
from prunepack.runtime.gather_tables import find_gather_tables
from prunepack.runtime.weightless_graph import WeightlessGraph, extract_graph

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from prunepack.coding.dtypes import Array
    from prunepack.reading.artifact import Artifact
    from prunepack.runtime.ort_types import OrtModule, OrtValue, SessionOptions

__all__ = [
    "DecodedModel",
    "PackedModel",
    "add_external_files",
    "copy_weights",
    "extract_model",
    "share_weights",
]

FOLDER_KEY = "session.model_external_initializers_file_folder_path"
"""Option of onnxruntime: the folder with external files of a model that is given as bytes."""


@dataclass(frozen=True, slots=True)
class DecodedModel:
    """A model with its decoded weights.

    Attributes:
        folder: Folder of the artifact, where the graph says that its weights are.
        graph: The model without its weights.
        tables: Weights that onnxruntime uses in place, by the name of the initializer.
        others: All other weights; the arrays of both mappings may share memory.
    """

    folder: str
    graph: WeightlessGraph
    tables: Mapping[str, Array]
    others: Mapping[str, Array]

    @property
    def nbytes(self) -> int:
        """Bytes of all weights."""
        return sum(array.nbytes for array in (*self.tables.values(), *self.others.values()))

    def make_values(self, ort: OrtModule, arrays: Mapping[str, Array]) -> dict[str, OrtValue]:
        """Return an ``OrtValue`` for each of ``arrays``, which shares its memory."""
        make = ort.OrtValue.ortvalue_from_numpy_with_onnx_type
        codes = {name: weight.onnx_code for name, weight in self.graph.weights.items()}
        return {name: make(array, codes[name]) for name, array in arrays.items()}


class PackedModel(NamedTuple):
    """A packed model whose graph is extracted, and whose weights are not decoded.

    Attributes:
        artifact: The artifact, which must stay open.
        folder: Its folder.
        graph: The model without its weights.
        tables: Names of the weights that onnxruntime uses in place.
    """

    artifact: Artifact
    folder: str
    graph: WeightlessGraph
    tables: set[str]

    def decode(self, left_out: Collection[str] = ()) -> DecodedModel:
        """Decode the weights, except some.

        Raises:
            CorruptArtifactError: If a stream is damaged.
        """
        others = self.graph.weights.keys() - self.tables - set(left_out)
        return DecodedModel(
            self.folder, self.graph, self.decode_weights(self.tables), self.decode_weights(others)
        )

    def decode_weights(self, names: Collection[str]) -> dict[str, Array]:
        """Decode weights into one new buffer."""
        tensors = {name: self.graph.weights[name].tensor for name in names}
        arrays = self.artifact.read_tensors(set(tensors.values()))
        return {name: arrays[tensor] for name, tensor in tensors.items()}

    def iter_items(self, name: str) -> Iterator[Array]:
        """Decode a weight, and yield its items in pieces (1-D)."""
        return self.artifact.iter_tensor(self.graph.weights[name].tensor)

    def find_shape(self, name: str) -> tuple[str, tuple[int, ...]]:
        """Return the type and the shape of a weight."""
        tensor = self.artifact.tensors[self.graph.weights[name].tensor]
        return tensor.dtype, tuple(tensor.shape)


def extract_model(artifact: Artifact) -> PackedModel:
    """Check the SHA-256 of an artifact and extract the graph of its model.

    The graph declares its weights as external data in the artifact itself, after its end:
    onnxruntime accepts the graph only if the file exists, and must read nothing from it.

    Raises:
        RefusedError: If the artifact holds no ONNX model.
        CorruptArtifactError: If the artifact is damaged.
    """
    artifact.check_digest()
    folder, name = os.path.split(os.path.realpath(artifact.path))
    graph = extract_graph(artifact, name)
    tables = graph.weights.keys() & find_gather_tables(memoryview(graph.model))
    return PackedModel(artifact, folder, graph, tables)


def add_external_files(options: SessionOptions, model: DecodedModel) -> None:
    """Add the external files of a graph to session options, without its weights.

    Raises:
        UsageError: If the options already served a session of such a model.
    """
    options.add_session_config_entry(FOLDER_KEY, model.folder)
    if files := model.graph.files:
        sizes = [len(data) for data in files.values()]
        with _refuse_used_options():
            options.add_external_initializers_from_files_in_memory(
                list(files), list(files.values()), sizes
            )


def share_weights(options: SessionOptions, values: Mapping[str, OrtValue]) -> None:
    """Let a session on the CPU use weights in place; no optimiser can read them.

    Args:
        options: Options of the session.
        values: An ``OrtValue`` for each initializer, which must outlive the session.

    Raises:
        UsageError: If the options already have these weights.
    """
    with _refuse_used_options():
        for name, value in values.items():
            options.add_initializer(name, value)


def copy_weights(options: SessionOptions, values: Mapping[str, OrtValue]) -> None:
    """Let a session copy weights when it starts; for any provider and any optimiser.

    Raises:
        UsageError: If the options already have these weights.
    """
    if values:
        with _refuse_used_options():
            options.add_external_initializers(list(values), list(values.values()))


@contextmanager
def _refuse_used_options() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise UsageError(
            f"onnxruntime refuses the weights with these session options ({error})",
            expected="options that served no other session",
            hint="Make new SessionOptions for each session",
        ) from error
