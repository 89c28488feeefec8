"""Start of a session that gets sparse weights as their nonzeros only.

A weight on sparse kernels is never dense in memory: it is read in pieces, and the graph declares it
without content. The provider chooses the sparse layers while the session starts, so that a start
fails if a weight is left out that another layer needs; then the session starts again with it.
"""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from prunepack.errors import RefusedError
from prunepack.runtime.launch import Launch
from prunepack.runtime.layer_weights import find_layer_weights
from prunepack.runtime.ort_weights import copy_weights
from prunepack.sparse.native import native
from prunepack.sparse.options import read_session_number
from prunepack.sparse.passes.session import define_session

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from prunepack.coding.dtypes import Array
    from prunepack.runtime.ort_types import OrtModule, Session, SessionOptions
    from prunepack.runtime.ort_weights import DecodedModel
    from prunepack.runtime.weightless_graph import WeightlessGraph

__all__ = ["Nonzeros", "WeightlessModel", "collect_nonzeros", "start_sparse"]

MOST_NONZEROS = 0.4
"""Share of nonzero elements up to which a weight is held as its nonzeros, in 8 bytes each."""


class WeightlessModel(Protocol):
    """A packed or plain model whose weights are not in memory."""

    @property
    def graph(self) -> WeightlessGraph:
        """The graph, and the names of its weights."""

    def decode(self, left_out: Collection[str] = ()) -> DecodedModel:
        """Read the weights, except some."""

    def decode_weights(self, names: Collection[str]) -> dict[str, Array]:
        """Read some weights."""

    def iter_items(self, name: str) -> Iterator[Array]:
        """Yield the items of a weight in pieces (1-D)."""

    def find_shape(self, name: str) -> tuple[str, tuple[int, ...]]:
        """Return the type and the shape of a weight."""


class Nonzeros(NamedTuple):
    """The nonzeros of a weight: flat positions (uint32), ascending, and values (float32)."""

    places: Array
    values: Array


def collect_nonzeros(pieces: Iterable[Array], size: int) -> Nonzeros | None:
    """Return the nonzeros of a weight of ``size`` elements, or None if they are too many."""
    places: list[Array] = []
    values: list[Array] = []
    first = count = 0
    for piece in pieces:
        found = np.flatnonzero(piece != 0)
        count += len(found)
        if count > MOST_NONZEROS * size:
            return None
        places.append((found + first).astype(np.uint32))
        values.append(piece[found])
        first += len(piece)
    return Nonzeros(np.concatenate(places), np.concatenate(values)) if places else None


def collect_all(model: WeightlessModel) -> dict[str, Nonzeros]:
    """Return the nonzeros of every weight that may run on sparse kernels."""
    found = {}
    layers = find_layer_weights(memoryview(model.graph.model))
    for name in sorted(model.graph.weights.keys() & layers):
        dtype, shape = model.find_shape(name)
        size = math.prod(shape)
        if dtype != "float32" or len(shape) < 2 or size >= 2**32:
            continue
        if nonzeros := collect_nonzeros(model.iter_items(name), size):
            found[name] = nonzeros
    return found


class _Start:
    """The attempts to start a session, each with more weights than the one before."""

    def __init__(
        self, ort: OrtModule, model: WeightlessModel, path: str, options: SessionOptions
    ) -> None:
        self._ort, self._model, self._path, self._options = ort, model, path, options
        self._missing: set[str] = set()

    def attempt(self, left_out: Collection[str]) -> Session:
        """Start without some weights, fewer than in the last attempt."""
        if not self._missing:
            self._launch = Launch(
                self._ort,
                self._model.decode(left_out),
                self._path,
                "optimised",
                define_session(self._ort),
            )
            self._prepared = self._launch.prepare(self._options, [])
        else:
            arrays = self._model.decode_weights(self._missing - set(left_out))
            copy_weights(self._options, self._launch.model.make_values(self._ort, arrays))
        self._missing = set(left_out)
        start = self._launch.start_once if left_out else self._launch.start
        return start(self._prepared, [])


def start_sparse(
    ort: OrtModule,
    model: WeightlessModel,
    path: str,
    options: SessionOptions,
    held: Mapping[str, Nonzeros],
) -> Session:
    """Start a session whose options have the provider of sparse kernels.

    Args:
        ort: The module ``onnxruntime``.
        model: The model.
        path: Its path.
        options: Options of this session only.
        held: Weights to be left out, if the layers that use them run sparse.

    Raises:
        RefusedError: If onnxruntime refuses the model.
    """
    number = read_session_number(options)
    assert native is not None
    assert number is not None
    start = _Start(ort, model, path, options)
    while held:
        for name, nonzeros in held.items():
            native.hold_weight(number, name, *nonzeros)
        try:
            with suppress(RefusedError):
                return start.attempt(held.keys())
        finally:
            used = set(native.release_weights(number))
        held = {name: held[name] for name in used} if used < held.keys() else {}
    return start.attempt(())
