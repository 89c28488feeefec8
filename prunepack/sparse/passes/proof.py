"""Proof that the samples of a batch do not depend on each other, by abstract interpretation.

Each node is judged by a rule of its operator. The rules hold for samples of several rows of axis 0
too, as those of attention heads that an exporter folds into the batch. Any doubt ends the proof.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.sparse.passes.dims import BATCH, Dim, Dims
from prunepack.sparse.passes.rules.constants import compute_constant
from prunepack.sparse.passes.rules.elementwise import ELEMENTWISE, MICROSOFT
from prunepack.sparse.passes.rules.integers import compute_integers, count_range
from prunepack.sparse.passes.rules.layers import LAYERS
from prunepack.sparse.passes.rules.layout import LAYOUT
from prunepack.sparse.passes.rules.selection import SELECTION
from prunepack.sparse.passes.values import Inputs, NotProvenError, Value, require

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prunepack.sparse.passes.description import (
        GraphDescription,
        NodeDescription,
        ValueDescription,
    )

__all__ = ["NotProvenError", "find_batch_names", "prove_independence"]

RULES = {"": ELEMENTWISE | LAYERS | LAYOUT | SELECTION, "com.microsoft": MICROSOFT}

CONSTANT_OPS = {"EyeLike", "NonZero", "OneHot", "Range", "ScatterElements", "ScatterND", "Size"}
"""Operators that may compute constants, although no rule tells what they do to a batch."""

SIZE_INPUTS = {"ConstantOfShape": {0}, "Expand": {1}, "Range": {1}, "Reshape": {1}, "Resize": {3}}
SIZE_INPUTS["Tile"] = {1}
"""Inputs that may be computed from the size of the batch."""

CONTENT_OPS = {"Concat", "Expand", "GatherND", "Shape", "Squeeze", "Unsqueeze", *ELEMENTWISE}
"""Operators whose rules distinguish the contents of values."""


def find_batch_names(graph: GraphDescription) -> list[str]:
    """Return the names that the first axis of an input has, and no other axis of one."""
    first, others = [], set()
    for name in graph.inputs:
        dims = graph.values[name].dims or ()
        first += [size for size in dims[:1] if isinstance(size, str)]
        others |= set(dims[1:])
    return [name for name in dict.fromkeys(first) if name not in others]


def prove_independence(graph: GraphDescription, batch: str) -> dict[str, Value]:
    """Return the facts about all values, if samples do not depend on each other.

    Args:
        graph: The graph.
        batch: Name of the dimension on axis 0 of the inputs that is the batch.

    Raises:
        NotProvenError: If they might.
    """
    values = {name: _start(graph, name, batch) for name in graph.values}
    produced = {name for node in graph.nodes for name in node.outputs}
    known = {name: value for name, value in values.items() if name not in produced}
    for node in graph.nodes:
        try:
            results = _apply(node, [_find(known, name) for name in node.inputs])
            for name, result in zip(node.outputs, results, strict=True):
                known[name] = _complete(result, graph.values.get(name), batch)
        except NotProvenError as error:
            where = f"{node.op} that computes `{node.outputs[0]}`"
            raise NotProvenError(f"{error}, in {where}") from error
    for name in graph.outputs:
        value = known.get(name)
        proven = value is not None and value.dims is not None and value.is_batched
        require(proven and known[name].shape[0] == BATCH, f"`{name}` is not one row per sample")
        require(known[name].content == "samples", f"`{name}` has numbers of samples")
    return known


def _find(known: Mapping[str, Value], name: str) -> Value | None:
    require(not name or name in known, f"`{name}` is computed nowhere")
    return known[name] if name else None


def _start(graph: GraphDescription, name: str, batch: str) -> Value:
    """Return the facts about a value that no node computes."""
    value = graph.values[name]
    if value.is_constant:
        dims = _read_dims(value, batch)
        whole = value.kind in {6, 7} and value.numbers is not None and len(value.dims or ()) <= 1
        integers = tuple(Dim(int(number or 0)) for number in value.numbers or ())
        return Value(dims, integers if whole else None, None if whole else value.numbers)
    if name in graph.inputs and value.dims and value.dims[0] == batch:
        return Value((BATCH, *(_read_dims(value, batch) or ())[1:]))
    return Value(_read_dims(value, batch) or None)


def _read_dims(value: ValueDescription, batch: str) -> Dims | None:
    """Return the sizes as onnxruntime inferred them; those of the batch's name are unknown."""
    if value.dims is None:
        return None
    return tuple(_read_dim(size, batch) for size in value.dims)


def _read_dim(size: int | str | None, batch: str) -> Dim | None:
    if size is None or size == batch:
        return None
    return Dim(1, (size,)) if isinstance(size, str) else Dim(size)


def _apply(node: NodeDescription, inputs: Inputs) -> list[Value]:
    """Return the facts about the outputs of a node."""
    count = len(node.outputs)
    require(not node.has_subgraph, "control flow")
    rules = RULES.get(node.domain)
    require(rules is not None, f"domain `{node.domain}`")
    assert rules is not None
    rule = rules.get(node.op)
    require(rule is not None or (not node.domain and node.op in CONSTANT_OPS), "no rule")
    given = [value for value in inputs if value is not None]
    is_batched = any(value.is_batched for value in given)
    if not is_batched and not node.domain and (result := compute_integers(node, inputs)):
        return [result] * count
    allowed = SIZE_INPUTS.get(node.op, set())
    sized = [i for i, value in enumerate(inputs) if value and value.is_size]
    require(allowed.issuperset(sized), "arithmetic on the size of the batch")
    if not is_batched and not sized:
        return [compute_constant(node, inputs)] * count
    if node.op == "Range" and (numbers := count_range(inputs)):
        return [numbers]
    if rule is None:
        raise NotProvenError("no rule for a batch")
    plain = all(value.content == "samples" for value in given)
    require(plain or node.op in CONTENT_OPS, "numbers of samples")
    return [rule(node, inputs)] * count


def _complete(result: Value, found: ValueDescription | None, batch: str) -> Value:
    """Add the sizes that onnxruntime inferred to those that the rule knows."""
    inferred = _read_dims(found, batch) if found else None
    if not inferred or result.integers is not None:
        return result  # a tensor of unknown rank looks like a scalar
    if result.dims is None:
        return Value(inferred, result.integers, result.numbers, result.content)
    require(len(inferred) == len(result.dims), "the rank differs from onnxruntime's")
    first = result.dims[:1] if result.is_batched else ()
    pairs = zip(result.dims[len(first) :], inferred[len(first) :], strict=True)
    dims = (*first, *(own or other for own, other in pairs))
    return Value(dims, result.integers, result.numbers, result.content)
