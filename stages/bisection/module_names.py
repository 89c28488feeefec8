"""Which torch module is behind a node, as far as an ONNX file tells.

The exporter says it in ``metadata_props``, which a file that is shipped does not keep: they hold
paths and code of the machine. What stays are the names of the weights, which are those of the
state dict; a node without weights belongs between the nearest ones before and after it.
"""

from __future__ import annotations

import ast
from collections import deque
from itertools import takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from prunepack.stages.bisection.graph import Node, NodeGraph

__all__ = ["module_of"]

SCOPES, CLASSES = "pkg.torch.onnx.name_scopes", "pkg.torch.onnx.class_hierarchy"


def module_of(graph: NodeGraph, node: Node) -> str:
    """Return the module's path, with its class where the file tells it; empty if it tells nothing.

    ``features.3 (Conv2d)`` is from the exporter's metadata, ``features.3`` from a weight's name,
    and ``near features`` from the weights around the node.
    """
    return _from_metadata(node) or _from_weights(node, graph) or _from_neighbours(node, graph)


def _from_metadata(node: Node) -> str:
    found = {one.key: one.value for one in node.proto.metadata_props}
    try:
        scopes, classes = (ast.literal_eval(found[key]) for key in (SCOPES, CLASSES))
        return f"{scopes[-2]} ({classes[-2].rpartition('.')[2]})" if scopes[-2] else ""
    except (KeyError, IndexError, SyntaxError, ValueError, TypeError, AttributeError):
        return ""


def _from_weights(node: Node, graph: NodeGraph) -> str:
    """Return what is before the last dot in the name of a constant: ``conv1`` of ``conv1.bias``."""
    names = [name.removesuffix(".T") for name in node.uses if name in graph.constants]
    return next((name.rpartition(".")[0] for name in names if "." in name), "")


def _from_neighbours(node: Node, graph: NodeGraph) -> str:
    users: dict[str, list[Node]] = {}
    for one in graph.nodes:
        for name in one.uses:
            users.setdefault(name, []).append(one)
    before = _nearest(node, graph, lambda n: map(graph.producer.get, n.uses))
    after = _nearest(node, graph, lambda n: (u for name in n.outputs for u in users.get(name, ())))
    if not (before and after):
        return f"near {before or after}" if before or after else ""
    pairs = zip(before.split("."), after.split("."), strict=False)
    shared = [one for one, _ in takewhile(lambda pair: pair[0] == pair[1], pairs)]
    return f"near {'.'.join(shared)}" if shared else f"between {before} and {after}"


def _nearest(node: Node, graph: NodeGraph, step: Callable[[Node], Iterable[Node | None]]) -> str:
    waiting, seen = deque([node]), {node.index}
    while waiting:
        for one in step(waiting.popleft()):
            if one is None or one.index in seen:
                continue
            if path := _from_weights(one, graph):
                return path
            seen.add(one.index)
            waiting.append(one)
    return ""
