"""ONNX graph as nodes in topological order, with its cuts, its regions and its constants.

onnx-ir has an implicit-usage analysis for tensors that subgraphs capture. It is not used here: it
works on models that onnx-ir has read, and onnx-ir 1.1 drops sparse initializers when it reads.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from prunepack.stages.graphs.nodes import iterate_captured

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path
    from typing import TypeAlias

    from onnx import (
        AttributeProto,
        ModelProto,
        NodeProto,
        SparseTensorProto,
        TensorProto,
    )

    from prunepack.stages.contract.arrays import Array

    Constant: TypeAlias = TensorProto | SparseTensorProto | AttributeProto

__all__ = ["Node", "NodeGraph", "get_value", "read_constant"]


@dataclass(frozen=True, slots=True)
class Node:
    """One node.

    Attributes:
        index: Its position among the nodes of the file, which are in topological order.
        name: Its name; that of its first output if it has none.
        op: The operator, after its domain unless that is ONNX's own.
        inputs: Names by position; empty for an optional input that is left out.
        captured: Names of outer tensors that the subgraphs in its attributes read.
        outputs: Names by position.
        proto: The node in the file.
    """

    index: int
    name: str
    op: str
    inputs: tuple[str, ...]
    captured: tuple[str, ...]
    outputs: tuple[str, ...]
    proto: NodeProto = field(repr=False, compare=False)

    @property
    def uses(self) -> tuple[str, ...]:
        """Every tensor that the node reads."""
        return (*(name for name in self.inputs if name), *self.captured)


class NodeGraph:
    """The nodes of a model; a ``Constant`` node counts as a constant, as an initializer does.

    Args:
        model: The model; its tensors may be in external files.

    Attributes:
        model: The same.
        nodes: All other nodes, in the order of the file.
        constants: Initializers, dense and sparse, and values of ``Constant`` nodes, by name.
        constant_nodes: The ``Constant`` nodes, by the name of their output.
        inputs: The inputs that a caller must give.
        outputs: Names of the outputs.
        producer: The node that makes a tensor, by the tensor's name.
    """

    def __init__(self, model: ModelProto) -> None:
        graph = model.graph
        self.model = model
        self.constant_nodes = {
            n.output[0]: n for n in graph.node if n.op_type == "Constant" and not n.domain
        }
        self.constants: dict[str, Constant] = {tensor.name: tensor for tensor in graph.initializer}
        self.constants |= {sparse.values.name: sparse for sparse in graph.sparse_initializer}
        self.constants |= {name: get_value(node) for name, node in self.constant_nodes.items()}
        self.inputs = [value for value in graph.input if value.name not in self.constants]
        self.outputs = tuple(value.name for value in graph.output)
        rest = (n for n in graph.node if n.op_type != "Constant" or n.domain)
        self.nodes = tuple(_make_node(index, proto) for index, proto in enumerate(rest))
        self.producer = {name: node for node in self.nodes for name in node.outputs if name}
        self._last_use = {name: node.index for node in self.nodes for name in node.uses}
        self._last_use |= dict.fromkeys(self.outputs, len(self.nodes))

    def find_cut(self, position: int) -> list[str]:
        """Return the tensors made up to the node at ``position`` that are read after it.

        All later nodes depend on the nodes up to there through these tensors alone.
        """
        return [
            name
            for name, node in self.producer.items()
            if node.index <= position < self._last_use.get(name, -1)
        ]

    def find_region(self, target: str, boundary: Collection[str]) -> tuple[list[Node], list[str]]:
        """Return the nodes that make ``target`` from ``boundary``, and the tensors they read.

        Both are in topological order; the tensors are in ``boundary`` or among the inputs.
        """
        region: dict[int, Node] = {}
        read: set[str] = set()
        waiting = [target]
        while waiting:
            node = self.producer.get(waiting.pop())
            if node is None or node.index in region:
                continue
            region[node.index] = node
            outside = {name for name in node.uses if self._is_outside(name, boundary)}
            read |= outside
            waiting += [name for name in node.uses if name not in outside]
        nodes = [region[index] for index in sorted(region)]
        return nodes, sorted(read, key=self._rank)

    def _is_outside(self, name: str, boundary: Collection[str]) -> bool:
        return name in boundary or (name not in self.producer and name not in self.constants)

    def _rank(self, name: str) -> tuple[int, str]:
        """Return the sort key that puts tensors into the order of their producers."""
        return (self.producer[name].index if name in self.producer else -1, name)


def _make_node(index: int, proto: NodeProto) -> Node:
    return Node(
        index=index,
        name=proto.name or next(filter(None, proto.output), f"node {index}"),
        op=f"{proto.domain}.{proto.op_type}" if proto.domain else proto.op_type,
        inputs=tuple(proto.input),
        captured=tuple(dict.fromkeys(iterate_captured(proto))),
        outputs=tuple(proto.output),
        proto=proto,
    )


def get_value(constant: NodeProto) -> Constant:
    """Return the tensor in a ``Constant`` node, or the attribute that replaces one."""
    attribute: AttributeProto
    (attribute,) = constant.attribute
    values: dict[str, Constant] = {"value": attribute.t, "sparse_value": attribute.sparse_tensor}
    return values.get(attribute.name, attribute)


def read_constant(constant: Constant, folder: Path) -> Array:
    """Return the array of a constant, whose external data is in ``folder``."""
    from onnx import SparseTensorProto, TensorProto, helper, numpy_helper

    if isinstance(constant, TensorProto):
        return numpy_helper.to_array(constant, str(folder))
    if isinstance(constant, SparseTensorProto):
        return _to_dense(constant, folder)
    is_float = constant.type in {constant.FLOAT, constant.FLOATS}
    return np.asarray(helper.get_attribute_value(constant), np.float32 if is_float else None)


def _to_dense(sparse: SparseTensorProto, folder: Path) -> Array:
    """Return a sparse tensor as an array; its indices are (values,) or (values, axes)."""
    values = read_constant(sparse.values, folder)
    indices = read_constant(sparse.indices, folder)
    dense = np.zeros(tuple(sparse.dims), values.dtype)
    flat = indices if indices.ndim == 1 else np.ravel_multi_index(tuple(indices.T), dense.shape)
    dense.reshape(-1)[flat] = values
    return dense
