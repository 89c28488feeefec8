"""Differences between two nodes in their files: operator, attributes, constants, inputs."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Protocol

from prunepack.stages.comparison.error import compute_tolerance
from prunepack.stages.graph_diff.graph import read_constant

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from onnx import AttributeProto, GraphProto, NodeProto

    from prunepack.stages.contract.arrays import Array
    from prunepack.stages.graph_diff.graph import Node, NodeGraph
    from prunepack.stages.graph_diff.matching import Matching

__all__ = ["GraphSource", "diff_nodes"]

LONGEST = 60
"""Characters of an attribute's value that are shown."""


class GraphSource(Protocol):
    """A graph, and the folder of its external data."""

    graph: NodeGraph
    folder: Path


def diff_nodes(a: GraphSource, b: GraphSource, matching: Matching) -> dict[int, list[str]]:
    """Return the differences between matched nodes as lines of text, by the index of A's node."""
    differences = {}
    for index, other in sorted(matching.nodes.items()):
        lines = list(_diff_pair(a, b, a.graph.nodes[index], b.graph.nodes[other], matching))
        if lines:
            differences[index] = lines
    return differences


def _diff_pair(
    a: GraphSource, b: GraphSource, node: Node, other: Node, matching: Matching
) -> Iterator[str]:
    """Yield the differences between ``node`` of A and ``other`` of B."""
    if node.op != other.op:
        yield f"the operator is {node.op} in A and {other.op} in B"
    yield from _diff_attributes(node.proto, other.proto)
    pairs = [*zip_longest(node.inputs, other.inputs, fillvalue="")]
    for index, (x, y) in enumerate([*pairs, *zip(node.captured, other.captured, strict=False)]):
        yield from _diff_input(a, b, index, x, y, matching)


def _diff_attributes(node: NodeProto, other: NodeProto) -> Iterator[str]:
    in_a, in_b = ({attribute.name: attribute for attribute in n.attribute} for n in (node, other))
    for name in sorted(in_a.keys() | in_b.keys()):
        x, y = in_a.get(name), in_b.get(name)
        if x is None or y is None:
            yield f"{name} is {_format_value(x)} in A and {_format_value(y)} in B"
        elif x.SerializeToString(deterministic=True) != y.SerializeToString(deterministic=True):
            inner = list(_diff_subgraphs(x.g, y.g)) if x.HasField("g") and y.HasField("g") else []
            yield from (f"{name}: {line}" for line in inner)
            if not inner:
                yield f"{name} is {_format_value(x)} in A and {_format_value(y)} in B"


def _format_value(attribute: AttributeProto | None) -> str:
    from onnx import helper

    if attribute is None:
        return "absent"
    if attribute.HasField("g") or attribute.graphs:
        return "a graph"
    value = helper.get_attribute_value(attribute)
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _diff_subgraphs(a: GraphProto, b: GraphProto) -> Iterator[str]:
    """Yield the differences between nodes and constants at the same positions of two subgraphs."""
    for node, other in zip(a.node, b.node, strict=False):
        name = node.name or node.output[0]
        if node.op_type != other.op_type:
            yield f"{name} is {node.op_type} in A and {other.op_type} in B"
        yield from (f"{name}: {line}" for line in _diff_attributes(node, other))
    for tensor, other_tensor in zip(a.initializer, b.initializer, strict=False):
        if tensor.SerializeToString() != other_tensor.SerializeToString():
            yield f"the constant {tensor.name} has other values"


def _diff_input(
    a: GraphSource, b: GraphSource, index: int, x: str, y: str, matching: Matching
) -> Iterator[str]:
    constant = x in a.graph.constants, y in b.graph.constants
    if all(constant):
        yield from _diff_constants(a, b, x, y)
    elif any(constant):
        in_a, in_b = ("a constant" if is_constant else "computed" for is_constant in constant)
        yield f"input {index} is {in_a} in A and {in_b} in B"
    elif bool(x) != bool(y):
        yield f"input {index} is {x or 'left out'} in A and {y or 'left out'} in B"
    elif matching.tensors.get(x, y) != y:
        yield f"input {index} is {x} in A and {y} in B, which is not its counterpart"


def _diff_constants(a: GraphSource, b: GraphSource, x: str, y: str) -> Iterator[str]:
    held, other = a.graph.constants[x], b.graph.constants[y]
    if a.folder == b.folder and held.SerializeToString() == other.SerializeToString():
        return
    in_a, in_b = read_constant(held, a.folder), read_constant(other, b.folder)
    if (in_a.shape, in_a.dtype) != (in_b.shape, in_b.dtype):
        types = (f"{array.dtype}{list(array.shape)}" for array in (in_a, in_b))
        yield f"{x} is {' in A and '.join(types)} in B"
    elif in_a.tobytes() != in_b.tobytes():
        yield f"{x} {_summarize_error(in_a, in_b)}"


def _summarize_error(in_a: Array, in_b: Array) -> str:
    different = int((in_a != in_b).sum())
    count = f"differs in {different:,} of {in_a.size:,} values"
    if in_a.dtype.kind not in "fiub":
        return count
    _, where = compute_tolerance(in_a, in_b)
    index = ", ".join(map(str, where))
    return f"{count}, most at [{index}]: {in_a[where]:.9g} and {in_b[where]:.9g}"
