"""The passes of a session: whether its samples are independent, and how many run at a time."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from prunepack.sparse.layers import list_sparse_layers
from prunepack.sparse.native import native
from prunepack.sparse.options import read_session_number
from prunepack.sparse.passes.description import read_description
from prunepack.sparse.passes.proof import NotProvenError, find_batch_names, prove_independence
from prunepack.sparse.passes.size import (
    collect_loads,
    count_weight_bytes,
    read_cache_bytes,
)
from prunepack.sparse.passes.splitting import Passes

if TYPE_CHECKING:
    from prunepack.runtime.ort_types import Session
    from prunepack.sparse.passes.description import GraphDescription
    from prunepack.sparse.passes.values import Value

__all__ = ["plan_passes"]


def plan_passes(session: Session, threads: int) -> Passes | None:
    """Return the passes of a new session; None if its batches run as a whole.

    Args:
        session: The session, whose graph is not yet taken.
        threads: Its number of threads.
    """
    number = read_session_number(session.get_session_options())
    if native is None or number is None:
        return None
    text = native.take_graph(number)
    layers = list_sparse_layers(session)
    if not text or not any(layer.is_sparse for layer in layers):
        return None
    graph = read_description(text)
    if not _is_whole(graph, session):
        return None
    found = _prove(graph)
    if found is None:
        return None
    batch, values = found
    dims = {item.name: graph.values[item.name].dims or () for item in session.get_inputs()}
    cache = read_cache_bytes() * max(1, threads)
    return Passes(dims, batch, collect_loads(graph, values), count_weight_bytes(layers), cache)


def _is_whole(graph: GraphDescription, session: Session) -> bool:
    """Return whether the graph is that of the model, not one inside, with no other inputs."""
    inputs = [name for name in graph.inputs if not graph.values[name].is_constant]
    same_inputs = inputs == [item.name for item in session.get_inputs()]
    return same_inputs and list(graph.outputs) == [item.name for item in session.get_outputs()]


def _prove(graph: GraphDescription) -> tuple[str, dict[str, Value]] | None:
    for batch in find_batch_names(graph):
        try:
            return batch, prove_independence(graph, batch)
        except NotProvenError as error:
            logging.getLogger("prunepack").debug("batches run as a whole: %s", error)
    return None
