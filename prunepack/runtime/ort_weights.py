"""A packed model as onnxruntime takes it: a graph, and decoded arrays."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prunepack.errors import UsageError
from prunepack.runtime.gather_tables import find_gather_tables
from prunepack.runtime.weightless_graph import WeightlessGraph, extract_graph

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from types import ModuleType

    from prunepack.coding.dtypes import Array
    from prunepack.reading.artifact import Artifact

__all__ = ["DecodedModel", "decode", "give_copies", "prepare", "share"]

FOLDER_KEY = "session.model_external_initializers_file_folder_path"
"""Where onnxruntime looks for external files of a model that comes as bytes."""


@dataclass(frozen=True, slots=True)
class DecodedModel:
    """A model that has been decoded.

    Attributes:
        folder: Folder of the artifact, which the graph names as the place of its weights.
        graph: The model without them.
        tables: Weights that onnxruntime uses as they lie there, by the name of the initializer.
        others: All other weights; the arrays of either mapping may share memory.
    """

    folder: str
    graph: WeightlessGraph
    tables: Mapping[str, Array]
    others: Mapping[str, Array]

    def values(self, ort: ModuleType, arrays: Mapping[str, Array]) -> dict[str, Any]:
        """Return an ``OrtValue`` on top of each of ``arrays``, which it keeps alive."""
        make = ort.OrtValue.ortvalue_from_numpy_with_onnx_type
        codes = {name: weight.onnx_code for name, weight in self.graph.weights.items()}
        return {name: make(array, codes[name]) for name, array in arrays.items()}


def decode(artifact: Artifact) -> DecodedModel:
    """Check the SHA-256 of an artifact and decode the model in it.

    The graph says of its weights that they are in the artifact itself, beyond its end: a file has
    to be there for onnxruntime to accept the graph, and nothing is to be read from it.

    Raises:
        RefusedError: If it holds no ONNX model.
        CorruptArtifactError: If it is damaged.
    """
    artifact.check_digest()
    folder, name = os.path.split(os.path.realpath(artifact.path))
    graph = extract_graph(artifact, name)
    tables = graph.weights.keys() & find_gather_tables(memoryview(graph.model))
    others = graph.weights.keys() - tables
    return DecodedModel(
        folder, graph, _arrays(artifact, graph, tables), _arrays(artifact, graph, others)
    )


def _arrays(artifact: Artifact, graph: WeightlessGraph, names: Collection[str]) -> dict[str, Array]:
    """Decode weights into memory of their own."""
    tensors = {name: graph.weights[name].tensor for name in names}
    arrays = artifact.read_tensors(set(tensors.values()))
    return {name: arrays[tensor] for name, tensor in tensors.items()}


def prepare(options: Any, model: DecodedModel) -> None:
    """Tell session options where the graph's external files are, but for its weights.

    Raises:
        UsageError: If the options served a session of such a model already.
    """
    options.add_session_config_entry(FOLDER_KEY, model.folder)
    if files := model.graph.files:
        sizes = [len(data) for data in files.values()]
        with _refusal():
            options.add_external_initializers_from_files_in_memory(
                list(files), list(files.values()), sizes
            )


def share(options: Any, values: Mapping[str, Any]) -> None:
    """Have a session on the CPU use weights where they lie; no optimiser can read them.

    Args:
        options: A ``SessionOptions``.
        values: An ``OrtValue`` for each initializer, which has to outlive the session.

    Raises:
        UsageError: If the options have these weights already.
    """
    with _refusal():
        for name, value in values.items():
            options.add_initializer(name, value)


def give_copies(options: Any, values: Mapping[str, Any]) -> None:
    """Have weights copied when a session starts, for any provider and any optimiser.

    Raises:
        UsageError: If the options have these weights already.
    """
    if values:
        with _refusal():
            options.add_external_initializers(list(values), list(values.values()))


@contextmanager
def _refusal() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise UsageError(
            f"onnxruntime does not take the weights with these session options ({error})",
            expected="options that served no other session",
            hint="Make new SessionOptions for each session",
        ) from error
