"""Nodes of an exported file that no export of its checkpoint explains."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from prunepack.stages.graph_diff.graph_file import GraphFile
from prunepack.stages.graph_diff.matching import match_graphs
from prunepack.stages.graph_diff.node_diff import diff_nodes
from prunepack.stages.graph_diff.optimization import optimize_file
from prunepack.stages.runtime.session_options import OPTIMIZATIONS

if TYPE_CHECKING:
    from prunepack.stages.graph_diff.graph import Node

__all__ = ["Explanation", "explain_graph"]

LEVELS = (*OPTIMIZATIONS[1:], "ORT_ENABLE_ALL")
"""The optimizations of onnxruntime that may explain a file, the weakest first."""

OTHER_OUTPUTS = "the outputs are other tensors of the same nodes"


@dataclass(frozen=True, slots=True)
class Explanation:
    """The comparison of a file with a fresh export.

    Attributes:
        nodes: The number of nodes of the file that its outputs need.
        unexplained: A line for each node that the fresh export does not have. A node counts if it
            differs and those before it do not: its successors differ for the same reason.
        domains: The domains of operators, and the opset, that only the file uses.
    """

    nodes: int
    unexplained: tuple[str, ...]
    domains: tuple[str, ...] = ()


def explain_graph(fresh: Path, exported: Path) -> Explanation:
    """Compare an exported file with a fresh export of its checkpoint.

    A file is explained if it computes the same tensors from the same inputs and constants, before
    or after the optimizations of onnxruntime.
    """
    reference = GraphFile(fresh)
    file = GraphFile(exported, reference)
    count = len(file.list_needed())
    if file.outputs == reference.outputs or _is_same_optimized(fresh, exported):
        return Explanation(count, ())
    domains = file.domains - reference.domains
    nodes = _find_first_changed(reference, file)
    lines = _describe_nodes(reference, file, nodes) if nodes else [OTHER_OUTPUTS]
    return Explanation(count, tuple(lines), tuple(sorted(domains)))


def _is_same_optimized(fresh: Path, exported: Path) -> bool:
    """Return whether onnxruntime makes the same graph of two files, at one of its levels."""
    with TemporaryDirectory() as folder:
        for level in LEVELS:
            first = optimize_file(fresh, level, Path(folder, f"{level}_fresh.onnx"))
            second = optimize_file(exported, level, Path(folder, f"{level}_exported.onnx"))
            if first is None or second is None:
                return False
            reference = GraphFile(first)
            if GraphFile(second, reference).outputs == reference.outputs:
                return True
    return False


def _find_first_changed(reference: GraphFile, file: GraphFile) -> list[Node]:
    """Return the needed nodes that differ although the nodes before them do not."""
    known = set(reference.digests.values())

    def is_known(name: str) -> bool:
        return name not in file.graph.producer or file.digests[name] in known

    return [
        node
        for node in file.list_needed()
        if not all(is_known(name) for name in node.outputs if name)
        and all(is_known(name) for name in node.uses)
    ]


def _describe_nodes(reference: GraphFile, file: GraphFile, nodes: list[Node]) -> list[str]:
    """Return the name, the operator and the first difference of each node."""
    matching = match_graphs(reference.graph, file.graph)
    counterparts = {index: first for first, index in matching.nodes.items()}
    lines = diff_nodes(reference, file, matching)
    return [
        f"{node.name} ({node.op}): "
        + lines.get(counterparts.get(node.index, -1), ["a fresh export has no such node"])[0]
        for node in nodes
    ]
