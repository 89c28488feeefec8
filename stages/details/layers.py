"""Layers of the exported model: shape, zeros, bytes in the artifact, and pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from prunepack.reading.artifact import Artifact
from prunepack.reading.inspection import describe_tensors
from prunepack.stages.details.pictures import draw_mask, make_histogram
from prunepack.stages.details.records import Layer
from prunepack.stages.graphs.nodes import read_model
from prunepack.stages.graphs.weights import find_graph_weights

if TYPE_CHECKING:
    from pathlib import Path

    from prunepack.stages.contract.arrays import Array
    from prunepack.stages.contract.outputs import OnnxModel, PackedArtifact
    from prunepack.stages.graphs.weights import GraphWeight

__all__ = ["describe_layers"]

MOST_HISTOGRAMS, MOST_MASKS = 12, 3
"""Largest numbers of layers with a histogram, and with a map of the mask."""


def describe_layers(
    dense_onnx: OnnxModel | None,
    onnx: OnnxModel,
    artifact: PackedArtifact | None,
) -> tuple[Layer, ...]:
    """Return the weights of two or more dimensions, in the order of the graph.

    Args:
        dense_onnx: The dense model, for histograms of its weights.
        onnx: The pruned model.
        artifact: The artifact of ``onnx``, for stored bytes.
    """
    weights = _open_weights(onnx.model)
    dense = {} if dense_onnx is None else _open_weights(dense_onnx.model)
    stored = {} if artifact is None else _list_stored_bytes(artifact.file)
    by_size = sorted(weights, key=lambda name: -weights[name].size)
    ranks = {name: rank for rank, name in enumerate(by_size)}
    return tuple(
        _describe(
            weight,
            stored.get(name),
            dense.get(name),
            ranks[name],
        )
        for name, weight in weights.items()
    )


@dataclass(frozen=True, slots=True)
class _Weight:
    """A weight of an ONNX file, read when it is needed."""

    source: GraphWeight
    folder: Path

    @property
    def size(self) -> int:
        return math.prod(self.source.tensor.dims)

    @property
    def array(self) -> Array:
        """The weight with torch's order of axes."""
        from onnx import numpy_helper

        return self.source.orient(numpy_helper.to_array(self.source.tensor, str(self.folder)))


def _open_weights(model: Path) -> dict[str, _Weight]:
    """Return the weights of two or more dimensions by the name of their constant."""
    found = find_graph_weights(read_model(model))
    return {each.name: _Weight(each, model.parent) for each in found if len(each.axes) >= 2}


def _list_stored_bytes(artifact: Path) -> dict[str, int]:
    with Artifact.open(artifact) as opened:
        rows = describe_tensors(opened, decode=False)
        return {row.name: row.stored_bytes for row in rows}


def _describe(weight: _Weight, stored: int | None, dense: _Weight | None, rank: int) -> Layer:
    """Return one layer; ``rank`` is its place among all layers by size, from 0."""
    array = weight.array
    before = None if dense is None or rank >= MOST_HISTOGRAMS else dense.array
    return Layer(
        name=weight.source.places[0].layer,
        shape=array.shape,
        weights=array.size,
        zeros=array.size - int(np.count_nonzero(array)),
        bytes=stored,
        histogram=make_histogram(before, array) if rank < MOST_HISTOGRAMS else None,
        mask=draw_mask(array) if rank < MOST_MASKS and array.size else (),
    )
