"""Branches of ``If`` nodes that the inputs of a verification take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.errors import RefusedError
from prunepack.stages.contract.progress import remark
from prunepack.stages.data.input_values import list_batch_axes
from prunepack.stages.graphs.nodes import list_constants, read_model, walk_graphs
from prunepack.stages.metrics.metric import Metric, Metrics
from prunepack.stages.runtime.sessions import open_graph_session, run_session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from prunepack.stages.contract.arrays import Arrays
    from prunepack.stages.contract.model_spec import InputSpec
    from prunepack.stages.runtime.sessions import Session

__all__ = ["BranchObserver"]

BRANCHES = {True: "then", False: "else"}


class BranchObserver:
    """Record of the branches of a graph that ran, by the conditions of its ``If`` nodes.

    Args:
        graph: The ONNX file.
        inputs: The inputs of the model.
        providers: The execution providers of the session.
    """

    def __init__(self, graph: Path, inputs: Sequence[InputSpec], providers: Sequence[str]) -> None:
        model = read_model(graph)
        constants = list_constants(model.graph)
        self._axes: Mapping[str, int | None] = list_batch_axes(inputs)
        self._nodes = {
            node.name or node.output[0]: node.input[0]
            for node in model.graph.node
            if node.op_type == "If" and node.input[0] not in constants
        }
        total = sum(node.op_type == "If" for each in walk_graphs(model.graph) for node in each.node)
        self._inner = total - sum(node.op_type == "If" for node in model.graph.node)
        self._taken: set[tuple[str, bool]] = set()
        self._session: Session | None = None
        if self._nodes:
            names = dict.fromkeys(self._nodes.values())
            self._session = open_graph_session(model, graph.parent, list(names), providers)

    def add(self, inputs: Arrays) -> None:
        """Record the branches that these inputs take."""
        if self._session is None:
            return
        try:
            values = run_session(self._session, inputs, self._axes)
        except RefusedError:  # the comparison of the forms reports it
            return
        for node, condition in self._nodes.items():
            self._taken |= {(node, bool(value)) for value in values[condition].reshape(-1)}

    def metrics(self) -> Metrics:
        """Return the number of branches that no input took, and remark them."""
        untaken = [
            f"{node} ({word})"
            for node in self._nodes
            for value, word in BRANCHES.items()
            if (node, value) not in self._taken
        ]
        if self._inner:
            untaken.append(f"{self._inner} If nodes inside subgraphs, which are not observed")
        note = ", ".join(untaken)
        if untaken:
            remark(f"no input took these branches, so they were not compared: {note}")
        return {"parity.inputs.untaken_branches": Metric(len(untaken), "branches", note=note)}
