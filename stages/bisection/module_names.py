"""Names of the torch modules behind the nodes of an ONNX file.

The exporter writes them into ``metadata_props``, which a shipped file does not keep, because they
hold paths and code of the machine. The names of the weights remain, which are those of the state
dict; a node without weights belongs between the nearest nodes with weights before and after it.
"""

from __future__ import annotations

import ast
from collections import deque
from itertools import takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from prunepack.stages.graph_diff.graph import Node, NodeGraph

__all__ = ["find_module"]

SCOPES, CLASSES = "pkg.torch.onnx.name_scopes", "pkg.torch.onnx.class_hierarchy"


def find_module(graph: NodeGraph, node: Node) -> str:
    """Return the module's path, with its class if the file has it; empty if it has neither.

    ``features.3 (Conv2d)`` is from the exporter's metadata, ``features.3`` from a weight's name,
    and ``near features`` from the weights around the node.
    """
    return _read_metadata(node) or _read_weights(node, graph) or _read_neighbours(node, graph)


def _read_metadata(node: Node) -> str:
    metadata = {entry.key: entry.value for entry in node.proto.metadata_props}
    try:
        scopes, classes = (ast.literal_eval(metadata[key]) for key in (SCOPES, CLASSES))
        return f"{scopes[-2]} ({classes[-2].rpartition('.')[2]})" if scopes[-2] else ""
    except (KeyError, IndexError, SyntaxError, ValueError, TypeError, AttributeError):
        return ""


def _read_weights(node: Node, graph: NodeGraph) -> str:
    """Return the text before the last dot in a constant's name: ``conv1`` of ``conv1.bias``."""
    names = [name.removesuffix(".T") for name in node.uses if name in graph.constants]
    return next((name.rpartition(".")[0] for name in names if "." in name), "")


def _read_neighbours(node: Node, graph: NodeGraph) -> str:
    users: dict[str, list[Node]] = {}
    for user in graph.nodes:
        for name in user.uses:
            users.setdefault(name, []).append(user)
    before = _find_nearest(node, graph, lambda n: map(graph.producer.get, n.uses))
    after = _find_nearest(
        node, graph, lambda n: (u for name in n.outputs for u in users.get(name, ()))
    )
    if not (before and after):
        return f"near {before or after}" if before or after else ""
    pairs = zip(before.split("."), after.split("."), strict=False)
    shared = [part for part, _ in takewhile(lambda pair: pair[0] == pair[1], pairs)]
    return f"near {'.'.join(shared)}" if shared else f"between {before} and {after}"


def _find_nearest(
    node: Node, graph: NodeGraph, step: Callable[[Node], Iterable[Node | None]]
) -> str:
    """Return the module of the nearest node with a named weight, in the direction of ``step``."""
    waiting, seen = deque([node]), {node.index}
    while waiting:
        for neighbour in step(waiting.popleft()):
            if neighbour is None or neighbour.index in seen:
                continue
            if path := _read_weights(neighbour, graph):
                return path
            seen.add(neighbour.index)
            waiting.append(neighbour)
    return ""
