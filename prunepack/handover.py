"""A packed model as onnxruntime takes it: a graph, and decoded arrays."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prunepack.errors import UsageError
from prunepack.graph_only import GraphOnly, take_graph

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import ModuleType

    from prunepack.dtypes import Array
    from prunepack.reader import Artifact

__all__ = ["DecodedModel", "decode", "give_copies", "share"]

FOLDER_KEY = "session.model_external_initializers_file_folder_path"
"""Where onnxruntime looks for external files of a model that comes as bytes."""


@dataclass(frozen=True, slots=True)
class DecodedModel:
    """A model that has been decoded.

    Attributes:
        folder: Folder of the artifact, which the graph names as the place of its weights.
        graph: The model without them.
        arrays: They themselves, by the names of initializers; they may share memory.
    """

    folder: str
    graph: GraphOnly
    arrays: Mapping[str, Array]

    def values(self, ort: ModuleType) -> dict[str, Any]:
        """Return an ``OrtValue`` on top of each array, which must outlive it."""
        make = ort.OrtValue.ortvalue_from_numpy_with_onnx_type
        weights = self.graph.weights
        return {name: make(array, weights[name].onnx_code) for name, array in self.arrays.items()}


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
    graph = take_graph(artifact, name)
    arrays = artifact.read_tensors({weight.tensor for weight in graph.weights.values()})
    return DecodedModel(folder, graph, {n: arrays[w.tensor] for n, w in graph.weights.items()})


def give_copies(ort: ModuleType, options: Any, model: DecodedModel) -> None:
    """Have the weights copied when a session starts; any provider and optimiser can use them.

    Raises:
        UsageError: If the options have weights already.
    """
    values = model.values(ort)
    with _refusal():
        if values:
            options.add_external_initializers(list(values), list(values.values()))
        _give_files(options, model.graph.files)


def share(ort: ModuleType, options: Any, model: DecodedModel) -> dict[str, Any]:
    """Have a session on the CPU work on the arrays themselves; no optimiser can read them.

    Returns:
        What has to live as long as the session.

    Raises:
        UsageError: If the options have weights already.
    """
    values = model.values(ort)
    options.add_session_config_entry(FOLDER_KEY, model.folder)
    with _refusal():
        for name, value in values.items():
            options.add_initializer(name, value)
        _give_files(options, model.graph.files)
    return values


def _give_files(options: Any, files: Mapping[str, bytes]) -> None:
    if files:
        options.add_external_initializers_from_files_in_memory(
            list(files), list(files.values()), [len(data) for data in files.values()]
        )


@contextmanager
def _refusal() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise UsageError(
            f"onnxruntime does not take the weights with these session options ({error})",
            expected="options that served no other session",
            do="Make new SessionOptions for each session",
        ) from error
