"""Digests of tensors by the computation behind them, whatever the names in the graph.

The digest of a tensor covers the operator that makes it, the attributes and the digests of the
inputs. Two graphs whose outputs have equal digests differ at most in names, in the order of their
nodes, in nodes that no output needs, and in the places of their constants.
"""

from __future__ import annotations

from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

from prunepack.stages.graph_diff.attributes import (
    digest_array,
    digest_value,
    join,
    list_attributes,
    name_operator,
)
from prunepack.stages.graph_diff.graph import get_value, read_constant
from prunepack.stages.graphs.nodes import iterate_captured

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from onnx import GraphProto, ModelProto, NodeProto

    from prunepack.stages.contract.arrays import Array

    Digests = dict[str, str]

__all__ = ["digest_tensors"]


def digest_tensors(
    model: ModelProto, folder: Path, choose: Callable[[str, Array], Array]
) -> Digests:
    """Return the digest of every tensor in the graph of a model, by name.

    Args:
        model: The model.
        folder: The folder of its external data.
        choose: Function that returns the array to use for a constant of this name.
    """
    return _Digester(model, folder, choose).digest_graph(model.graph, {}, 0)


class _Digester:
    """The digests of the graphs in one model."""

    def __init__(
        self, model: ModelProto, folder: Path, choose: Callable[[str, Array], Array]
    ) -> None:
        self.folder, self.choose = folder, choose
        self.opsets = {entry.domain: entry.version for entry in model.opset_import}
        self.functions = {
            (function.domain, function.name): function.SerializeToString(deterministic=True).hex()
            for function in model.functions
        }

    def digest_graph(self, graph: GraphProto, outer: Mapping[str, str], depth: int) -> Digests:
        """Return the digests of all tensors that the nodes of ``graph`` can read."""
        digests = dict(outer)
        for number, value in enumerate(graph.input):
            digests[value.name] = join("input", str(depth), str(number) if depth else value.name)
        for tensor in graph.initializer:
            digests[tensor.name] = self._digest_constant(tensor.name, tensor)
        for sparse in graph.sparse_initializer:
            digests[sparse.values.name] = self._digest_constant(sparse.values.name, sparse)
        for node in _sort_nodes(graph.node):
            digests |= self._digest_node(node, digests, depth)
        return digests

    def _digest_node(self, node: NodeProto, known: Mapping[str, str], depth: int) -> Digests:
        if node.op_type == "Constant" and not node.domain:
            return {node.output[0]: self._digest_constant(node.output[0], get_value(node))}
        version = self.opsets.get(node.domain, 1)
        parts = [name_operator(node, version), self.functions.get((node.domain, node.op_type), "")]
        for attribute in list_attributes(node, version):
            graphs = [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]
            parts.append(attribute.name)
            parts += [self._digest_outputs(graph, known, depth + 1) for graph in graphs]
            parts += [] if graphs else [digest_value(attribute, self.folder)]
        digest = join(*parts, *(known.get(name, name) for name in _strip(node.input)))
        return {name: join(digest, str(index)) for index, name in enumerate(node.output) if name}

    def _digest_outputs(self, graph: GraphProto, known: Mapping[str, str], depth: int) -> str:
        digests = self.digest_graph(graph, known, depth)
        return join(*(digests.get(value.name, value.name) for value in graph.output))

    def _digest_constant(self, name: str, constant: Any) -> str:
        return digest_array(self.choose(name, read_constant(constant, self.folder)))


def _strip(names: Sequence[str]) -> list[str]:
    """Return the inputs of a node without empty ones at the end."""
    last = max((index for index, name in enumerate(names) if name), default=-1)
    return list(names[: last + 1])


def _sort_nodes(nodes: Sequence[NodeProto]) -> Iterator[NodeProto]:
    """Yield nodes after those whose outputs they read."""
    makers = {name: index for index, node in enumerate(nodes) for name in node.output if name}
    needed = {
        index: {makers[name] for name in (*node.input, *iterate_captured(node)) if name in makers}
        for index, node in enumerate(nodes)
    }
    return (nodes[index] for index in TopologicalSorter(needed).static_order())
