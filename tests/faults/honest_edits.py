"""Honest changes of an exported file: other names and another storage, the same function."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import helper, inliner, numpy_helper, shape_inference

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Edit = Callable[[Path], None]

__all__ = [
    "add_annotations",
    "clear_shapes",
    "forget_export",
    "rename_axes",
    "rename_everything",
    "rename_initializers",
    "reverse_order",
    "rewrite",
    "store_apart",
    "store_as_constants",
    "store_transposed",
    "store_unused",
    "wrap_in_function",
]


def rewrite(path: Path, edit: Callable[[Any], Any]) -> None:
    """Change the model in a file, or replace it by what ``edit`` returns."""
    model = onnx.load(path)
    changed = edit(model)
    path.unlink()
    onnx.save(model if changed is None else changed, path)


def _rename(model: Any, names: dict[str, str]) -> None:
    graph = model.graph
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    for one in (*graph.initializer, *graph.value_info):
        one.name = names.get(one.name, one.name)


def rename_initializers(path: Path) -> None:
    """Number the initializers, as other exporters do."""

    def edit(model: Any) -> None:
        names = [one.name for one in model.graph.initializer]
        _rename(model, {name: f"onnx::MatMul_{i}" for i, name in enumerate(names)})

    rewrite(path, edit)


def rename_everything(path: Path) -> None:
    """Number nodes, initializers and intermediate tensors."""

    def edit(model: Any) -> None:
        graph = model.graph
        ends = {one.name for one in (*graph.input, *graph.output)}
        held = [one.name for one in graph.initializer]
        names = [*held, *(name for node in graph.node for name in node.output)]
        _rename(model, {name: f"t{i}" for i, name in enumerate(names) if name not in ends})
        for number, node in enumerate(graph.node):
            node.name = f"n{number}"

    rewrite(path, edit)


def rename_axes(path: Path) -> None:
    """Give dynamic axes other names."""

    def edit(model: Any) -> None:
        for value in (*model.graph.input, *model.graph.output):
            for dim in value.type.tensor_type.shape.dim:
                if dim.dim_param:
                    dim.dim_param = f"{dim.dim_param}_size"
        del model.graph.value_info[:]

    rewrite(path, edit)


def store_apart(*, together: bool) -> Edit:
    """Return what stores weights as external data, in one file or in one for each."""

    def edit(path: Path) -> None:
        model = onnx.load(path)
        path.unlink()
        onnx.save(
            model,
            path,
            save_as_external_data=True,
            all_tensors_to_one_file=together,
            location="model.onnx.data" if together else None,
            size_threshold=64,  # sizes must stay where shape inference finds them
        )

    return edit


def store_as_constants(path: Path) -> None:
    """Keep every initializer in a Constant node."""

    def edit(model: Any) -> None:
        nodes = [
            helper.make_node("Constant", [], [one.name], value=one)
            for one in model.graph.initializer
        ]
        rest = list(model.graph.node)
        del model.graph.node[:], model.graph.initializer[:]
        model.graph.node.extend([*nodes, *rest])

    rewrite(path, edit)


def store_transposed(path: Path) -> None:
    """Turn the weight of each Gemm, and its attribute with it."""

    def edit(model: Any) -> None:
        held = {one.name: one for one in model.graph.initializer}
        for node in model.graph.node:
            flags = [one for one in node.attribute if one.name == "transB"]
            if node.op_type == "Gemm" and flags and node.input[1] in held:
                tensor, name = held[node.input[1]], f"{node.input[1]}_turned"
                array = np.ascontiguousarray(numpy_helper.to_array(tensor).T)
                tensor.CopyFrom(numpy_helper.from_array(array, name))
                node.input[1], flags[0].i = name, 1 - flags[0].i
        del model.graph.value_info[:]

    rewrite(path, edit)


def store_unused(path: Path) -> None:
    """Add initializers that no node reads, one of them of some kB."""

    def edit(model: Any) -> None:
        table = np.random.default_rng(0).standard_normal((64, 40)).astype(np.float32)
        for name, array in (("unused.weight", table), ("unused_scalar", np.float32(3))):
            model.graph.initializer.append(numpy_helper.from_array(np.array(array), name))

    rewrite(path, edit)


def wrap_in_function(*, inline: bool) -> Edit:
    """Return what moves each activation into a local function, and back again with ``inline``."""

    def edit(model: Any) -> Any:
        chosen = {"Relu", "Gelu", "Softmax", "Tanh"}
        imports = list(model.opset_import)
        for operator in sorted({n.op_type for n in model.graph.node} & chosen):
            first = next(node for node in model.graph.node if node.op_type == operator)
            inner = helper.make_node(operator, ["x"], ["y"])
            inner.attribute.extend(first.attribute)
            made = helper.make_function("local", f"My{operator}", ["x"], ["y"], [inner], imports)
            model.functions.append(made)
            for node in model.graph.node:
                if node.op_type == operator and list(node.attribute) == list(first.attribute):
                    node.op_type, node.domain = f"My{operator}", "local"
                    del node.attribute[:]
        model.opset_import.append(helper.make_opsetid("local", 1))
        return inliner.inline_local_functions(model) if inline else model

    return lambda path: rewrite(path, edit)


def forget_export(path: Path) -> None:
    """Remove the record of our exporter, as if another one had written the file."""
    file = path.with_name("interface.json")
    interface = json.loads(file.read_bytes())
    interface.pop("export", None)
    file.write_text(json.dumps(interface))


def clear_shapes(path: Path) -> None:
    """Remove the shapes of intermediate tensors, and infer them again."""

    def edit(model: Any) -> Any:
        del model.graph.value_info[:]
        return shape_inference.infer_shapes(model)

    rewrite(path, edit)


def add_annotations(path: Path) -> None:
    """Add metadata, texts, and an Identity in front of each output."""

    def edit(model: Any) -> None:
        model.producer_name, model.doc_string = "another exporter", "A model"
        helper.set_model_props(model, {"author": "somebody", "classes": "0,1,2"})
        for value in model.graph.output:
            for node in model.graph.node:
                names = (node.input, node.output)
                for each in names:
                    each[:] = [f"{n}_inner" if n == value.name else n for n in each]
            made = helper.make_node("Identity", [f"{value.name}_inner"], [value.name])
            model.graph.node.append(made)

    rewrite(path, edit)


def reverse_order(path: Path) -> None:
    """List initializers in reverse and nodes as late as they can run."""

    def edit(model: Any) -> None:
        graph, ordered = model.graph, []
        left = list(graph.node)
        while left:
            read = {name for node in left for name in node.input}
            node = next(one for one in left if not read & set(one.output))
            ordered.append(node)
            left.remove(node)
        held = list(graph.initializer)
        del graph.node[:], graph.initializer[:]
        graph.node.extend(reversed(ordered))
        graph.initializer.extend(reversed(held))

    rewrite(path, edit)
