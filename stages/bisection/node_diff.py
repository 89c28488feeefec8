"""How two nodes differ as they stand in their files: operator, attributes, constants, inputs."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np

from prunepack.stages.comparison.error import tolerance

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from prunepack.stages.bisection.graph import Node
    from prunepack.stages.bisection.matching import Matching
    from prunepack.stages.bisection.program import Program

__all__ = ["differences", "of_nodes"]

LONGEST = 60
"""Characters of an attribute's value that are shown."""


def differences(a: Program, b: Program, matching: Matching) -> dict[int, list[str]]:
    """Return how each of A's nodes differs from B's, in sentences, by its index; equal ones not."""
    found = {}
    for index, other in matching.nodes.items():
        node = a.graph.nodes[index]
        if lines := list(of_nodes(a, b, node, b.graph.nodes[other], matching)):
            found[index] = lines
    return dict(sorted(found.items()))


def of_nodes(a: Program, b: Program, node: Node, other: Node, matching: Matching) -> Iterator[str]:
    """Yield how ``node`` of A differs from ``other`` of B."""
    if node.op != other.op:
        yield f"the operator is {node.op} and {other.op}"
    yield from _attributes(node.proto, other.proto)
    pairs = [*zip_longest(node.inputs, other.inputs, fillvalue="")]
    for index, (x, y) in enumerate([*pairs, *zip(node.captured, other.captured, strict=False)]):
        yield from _input(a, b, index, x, y, matching)


def _attributes(one: Any, other: Any) -> Iterator[str]:
    mine, theirs = ({a.name: a for a in node.attribute} for node in (one, other))
    for name in sorted(mine.keys() | theirs.keys()):
        x, y = mine.get(name), theirs.get(name)
        if x is None or y is None:
            yield f"{name} is {_shown(x)} and {_shown(y)}"
        elif x.SerializeToString(deterministic=True) != y.SerializeToString(deterministic=True):
            inner = list(_subgraph(x.g, y.g)) if x.HasField("g") and y.HasField("g") else []
            yield from (f"{name}: {line}" for line in inner)
            if not inner:
                yield f"{name} is {_shown(x)} and {_shown(y)}"


def _shown(attribute: Any) -> str:
    from onnx import helper

    if attribute is None:
        return "not given"
    if attribute.HasField("g") or attribute.graphs:
        return "a graph"
    value = helper.get_attribute_value(attribute)
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _subgraph(one: Any, other: Any) -> Iterator[str]:
    """Yield how the nodes and constants of two subgraphs differ, place by place."""
    for x, y in zip(one.node, other.node, strict=False):
        at = x.name or x.output[0]
        if x.op_type != y.op_type:
            yield f"{at} is {x.op_type} and {y.op_type}"
        yield from (f"{at}: {line}" for line in _attributes(x, y))
    for x, y in zip(one.initializer, other.initializer, strict=False):
        if x.SerializeToString() != y.SerializeToString():
            yield f"the constant {x.name} has other values"


def _input(a: Program, b: Program, index: int, x: str, y: str, matching: Matching) -> Iterator[str]:
    constant = x in a.graph.constants, y in b.graph.constants
    if all(constant):
        yield from _constants(x, _constant(a, x), _constant(b, y))
    elif any(constant):
        kinds = ("constant" if one else "computed" for one in constant)
        yield f"input {index} is {' and '.join(kinds)}"
    elif bool(x) != bool(y):
        yield f"input {index} is {x or 'left out'} and {y or 'left out'}"
    elif matching.tensors.get(x, y) != y:
        yield f"input {index} is {x} and not its counterpart but {y}"


def _constant(program: Program, name: str) -> Any:
    return program.graph.constants[name], program.folder


def _constants(name: str, one: tuple[Any, Path], other: tuple[Any, Path]) -> Iterator[str]:
    x, y = one[0], other[0]
    if one[1] == other[1] and x.SerializeToString() == y.SerializeToString():
        return
    mine, theirs = _array(*one), _array(*other)
    if (mine.shape, mine.dtype) != (theirs.shape, theirs.dtype):
        yield (f"{name} is {mine.dtype}{list(mine.shape)} and {theirs.dtype}{list(theirs.shape)}")
    elif mine.tobytes() != theirs.tobytes():
        yield f"{name} {_how_far(mine, theirs)}"


def _array(constant: Any, folder: Path) -> Any:
    from onnx import helper, numpy_helper

    if hasattr(constant, "dims") and hasattr(constant, "data_type"):
        return numpy_helper.to_array(constant, str(folder))
    return np.asarray(helper.get_attribute_value(constant))


def _how_far(mine: Any, theirs: Any) -> str:
    different = int((mine != theirs).sum())
    if mine.dtype.kind not in "fiub":
        return f"differs in {different:,} of {mine.size:,} values"
    _, where = tolerance(mine, theirs)
    at = ", ".join(map(str, where))
    worst = f"most at [{at}]: {mine[where]:.9g} and {theirs[where]:.9g}"
    return f"differs in {different:,} of {mine.size:,} values, {worst}"
