"""Preparation of a graph for the analysis, and its reversal where nothing was removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.stages.compacting.channels import read_constant
from prunepack.stages.compacting.sizes import read_dimensions

if TYPE_CHECKING:
    import onnx_ir

__all__ = ["Copies", "clean_model", "complete_model", "copy_initializers", "merge_copies"]

LARGEST_COPY = 2**16
"""Elements of the largest initializer that each node gets for itself. Exporters store equal
constants, such as biases of zeros, once; larger ones are tied weights, and stay tied."""

Copies = dict["onnx_ir.Value", "list[onnx_ir.Value]"]
"""The copies of each initializer that several nodes read."""


def complete_model(model: onnx_ir.Model) -> None:
    """Turn Constant nodes into initializers, make heads an axis, and infer all shapes."""
    from onnx_ir.passes.common import LiftConstantsToInitializersPass

    LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(model)
    for node in list(model.graph):
        _fuse_transposition(node)
    clean_model(model)
    _infer_shapes(model)


def _infer_shapes(model: onnx_ir.Model) -> None:
    """Infer all shapes, as far as onnx can: where it cannot, onnx-ir logs a traceback."""
    from onnx_ir.passes.common import ShapeInferencePass

    from prunepack.stages.exporting.tracing import silence_loggers

    with silence_loggers("onnx_ir"):
        ShapeInferencePass()(model)


def copy_initializers(graph: onnx_ir.Graph) -> Copies:
    """Give each node small initializers of its own."""
    return {
        value: copies
        for value in list(graph.initializers.values())
        if (copies := _copy_for_uses(graph, value))
    }


def clean_model(model: onnx_ir.Model) -> None:
    """Remove nodes and initializers that no output needs."""
    from onnx_ir.passes.common import RemoveUnusedNodesPass

    RemoveUnusedNodesPass()(model)


def _fuse_transposition(node: onnx_ir.Node) -> None:
    """Turn a transposition of the last two axes, between two Reshapes, into one of all axes.

    Torch's exporter writes attention that way: the axes of samples and heads become one, and two
    again, so that a head would not be an index of an axis.
    """
    if node.op_type != "Reshape":
        return
    chain = [node]
    for operator in ("Transpose", "Reshape"):
        users = chain[-1].outputs[0].consumers()
        if len(users) != 1 or users[0].op_type != operator:
            return
        chain.append(users[0])
    value, merged = node.inputs[0], read_dimensions(node.inputs[1])
    if value is None or value.shape is None:
        return
    rank, split = value.shape.rank(), read_dimensions(chain[2].inputs[1])
    shape = [size if isinstance(size, int) else size.value for size in value.shape]
    turned = [*shape[:-2], shape[-1], shape[-2]]
    if None in shape or merged[1:] != shape[-2:] or merged[0] != -1 or split != turned:
        return
    if chain[1].attributes.get_ints("perm", ()) == (0, 2, 1):
        _replace_chain(chain, value, (*range(rank - 2), rank - 1, rank - 2))


def _replace_chain(chain: list[onnx_ir.Node], value: onnx_ir.Value, order: tuple[int, ...]) -> None:
    import onnx_ir

    output, graph = chain[-1].outputs[0], chain[-1].graph
    made = onnx_ir.node("Transpose", [value], attributes={"perm": order})
    made.outputs[0].name, made.outputs[0].type = f"{output.name}.turned", output.type
    assert graph is not None, "it is a node of the model"
    graph.insert_before(chain[-1], made)
    output.replace_all_uses_with(made.outputs[0])


def _copy_for_uses(graph: onnx_ir.Graph, value: onnx_ir.Value) -> list[onnx_ir.Value]:
    """Give every use of a small initializer, except the first, a copy of it."""
    import onnx_ir

    uses = [use for use in value.uses() if use.node.graph is graph]
    array = read_constant(value)
    if array is None or array.size > LARGEST_COPY or value.is_graph_output():
        return []
    copies = []
    for number, (node, index) in enumerate(uses[1:], 1):
        copy = onnx_ir.Value(
            name=f"{value.name}.{number}",
            shape=value.shape,
            type=value.type,
            const_value=value.const_value,
        )
        graph.register_initializer(copy)
        node.replace_input_with(index, copy)
        copies.append(copy)
    return copies


def merge_copies(copies: Copies) -> None:
    """Let nodes share initializers again that are still equal."""
    for value, others in copies.items():
        distinct: dict[tuple[object, bytes], onnx_ir.Value] = {}
        for each in (value, *others):
            array = read_constant(each) if each.uses() else None
            if array is not None:
                found = distinct.setdefault((array.shape, array.tobytes()), each)
                if found is not each:
                    each.replace_all_uses_with(found)
