"""A plain ONNX model whose weights are read one by one, and never all at once."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from prunepack.coding.dtypes import DTYPES
from prunepack.io.regular_file import RegularFile
from prunepack.model_files.external_data import locate_range, open_external, parse_external
from prunepack.model_files.onnx_fields import Tensor
from prunepack.model_files.onnx_tensors import find_tensors
from prunepack.runtime.gather_tables import find_gather_tables
from prunepack.runtime.graph_edits import declare_outside, rebuild_model
from prunepack.runtime.names import find_names
from prunepack.runtime.ort_weights import DecodedModel
from prunepack.runtime.weightless_graph import MIN_WEIGHT_BYTES, Weight, WeightlessGraph

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from prunepack.coding.dtypes import Array, DType
    from prunepack.model_files.onnx_tensors import OnnxTensor

__all__ = ["PlainModel", "extract_plain_model"]


class _Place(NamedTuple):
    """The place of a weight: a file, and a range in it."""

    file: RegularFile
    start: int
    stop: int
    dtype: DType
    shape: tuple[int, ...]


class _MappedModel(NamedTuple):
    """The bytes of a model that is mapped into memory."""

    data: memoryview

    def read(self, start: int, stop: int) -> memoryview:
        """Return a range."""
        return self.data[start:stop]


class PlainModel(NamedTuple):
    """A plain model whose graph is extracted, and whose weights are not read.

    Attributes:
        folder: Its folder.
        graph: The model without its weights.
        tables: Names of the weights that onnxruntime uses in place.
        places: The places of the weights by name.
    """

    folder: str
    graph: WeightlessGraph
    tables: set[str]
    places: Mapping[str, _Place]

    def decode(self, left_out: Collection[str] = ()) -> DecodedModel:
        """Read the weights, except some."""
        others = self.places.keys() - self.tables - set(left_out)
        tables, rest = self.decode_weights(self.tables), self.decode_weights(others)
        return DecodedModel(self.folder, self.graph, tables, rest)

    def decode_weights(self, names: Collection[str]) -> dict[str, Array]:
        """Read weights."""
        return {name: _read(self.places[name]) for name in names}

    def iter_items(self, name: str) -> Iterator[Array]:
        """Yield the items of a weight in pieces (1-D)."""
        place = self.places[name]
        for block in place.file.iter_blocks(place.start, place.stop):
            yield np.frombuffer(block, place.dtype.carrier)

    def find_shape(self, name: str) -> tuple[str, tuple[int, ...]]:
        """Return the type and the shape of a weight."""
        return self.places[name].dtype.name, self.places[name].shape


def extract_plain_model(path: str) -> PlainModel:
    """Extract the graph of a plain model; its weights stay in their files.

    The graph declares its weights as external data in the file of the model itself, after its
    end, as that of a packed model does.

    Raises:
        PrunepackError: If it is not an ONNX model, or refers to a file that cannot be read.
    """
    file = RegularFile(path)
    folder, location = os.path.split(os.path.realpath(path))
    with file.map_memory() as data:
        names = find_names(data)
        found = [(tensor, _locate(tensor, file)) for tensor in find_tensors(data)]
        plain = [(t, place) for t, place in found if place and names.is_plain(t.name)]
        edits = {tensor.message.start: declare_outside(location) for tensor, _ in plain}
        graph = rebuild_model(_MappedModel(data), edits)
    places = {tensor.name: place for tensor, place in plain}
    weights = {name: Weight(name, place.dtype.onnx_code) for name, place in places.items()}
    tables = places.keys() & find_gather_tables(memoryview(graph))
    return PlainModel(folder, WeightlessGraph(graph, weights, {}), tables, places)


def _locate(tensor: OnnxTensor, model: RegularFile) -> _Place | None:
    """Return the place of a large weight, or None for any other tensor."""
    dtype, shape = tensor.dtype, tuple(tensor.shape)
    if not tensor.is_initializer or dtype is None or DTYPES[dtype.name].packed != 1:
        return None
    if tensor.is_external:
        external = parse_external(tensor)
        file = open_external(model.path, external.location)
        start, stop = locate_range(tensor, external, file.size)
    elif tensor.inline_range and tensor.contents[0][0] == Tensor.RAW_DATA:
        file, (start, stop) = model, tensor.inline_range
    else:
        return None
    size = math.prod(shape) * dtype.itemsize
    is_whole = min(shape, default=1) >= 0 and stop - start == size >= MIN_WEIGHT_BYTES
    return _Place(file, start, stop, dtype, shape) if is_whole else None


def _read(place: _Place) -> Array:
    items = np.frombuffer(place.file.read(place.start, place.stop), place.dtype.carrier)
    return place.dtype.to_array(items, place.shape)
