"""Faults of names, order, dtypes and axes, and of sizes that the export fixed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, helper

from benchmarks.mutation.draft import NotApplicableError, Step

if TYPE_CHECKING:
    from benchmarks.mutation.draft import Draft, Operator

__all__ = ["OPERATORS"]


def _reorder(draft: Draft) -> str:
    """List outputs or inputs in another order."""
    kind = draft.pick(["input", "output"])
    values = getattr(draft.graph, kind)
    if len(values) < 2:
        raise NotApplicableError
    order = [int(i) for i in draft.generator.permutation(len(values))]
    listed = [values[i] for i in order]
    copies = [type(one).FromString(one.SerializeToString()) for one in listed]
    del values[:]
    values.extend(copies)
    return f"{kind}s in the order {', '.join(one.name for one in copies)}"


def _rename(draft: Draft) -> str:
    value = draft.pick([*draft.graph.input, *draft.graph.output])
    before, after = value.name, draft.pick(["x", f"{value.name}_1", value.name.upper()])
    for node in draft.graph.node:
        node.input[:] = [after if name == before else name for name in node.input]
        node.output[:] = [after if name == before else name for name in node.output]
    value.name = after
    return f"{before} renamed {after}"


def _exchange_names(draft: Draft) -> str:
    """Exchange the names of two outputs or of two inputs of one type."""
    values = draft.pick([list(draft.graph.input), list(draft.graph.output)])
    pairs = [
        (one.name, other.name)
        for index, one in enumerate(values)
        for other in values[index + 1 :]
        if draft.types[one.name] == draft.types[other.name]
    ]
    one, other = draft.pick(pairs)
    names = {one: other, other: one}
    for node in draft.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    return f"{one} and {other} exchanged"


def _dynamic_axes(draft: Draft) -> list[tuple[Any, Any]]:
    return [
        (one, dim)
        for one in (*draft.graph.input, *draft.graph.output)
        for dim in one.type.tensor_type.shape.dim
        if dim.dim_param
    ]


def _fix_axis(draft: Draft) -> str:
    """Declare a fixed size for a dynamic axis, in one value or in all."""
    axes = _dynamic_axes(draft)
    _, chosen = draft.pick(axes)
    name, size = chosen.dim_param, draft.pick([1, 1, 2, 8, 16])
    everywhere = draft.chance(0.7)
    for _, dim in axes:
        if dim.dim_param == name and (everywhere or dim is chosen):
            dim.dim_value = size
    return f"{name} fixed at {size}{'' if everywhere else ' in one value'}"


def _free_axis(draft: Draft) -> str:
    """Declare a fixed axis of an input dynamic."""
    fixed = [
        (one.name, dim)
        for one in draft.graph.input
        for dim in one.type.tensor_type.shape.dim
        if dim.HasField("dim_value")
    ]
    name, dim = draft.pick(fixed)
    text = f"the axis of {dim.dim_value} of {name} declared dynamic"
    dim.dim_param = "any"
    return text


def _change_dtype(draft: Draft) -> str:
    """Take or give another dtype, with a Cast."""
    value = draft.pick(list(draft.graph.output))
    to = draft.pick([TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.INT32])
    draft.append(value.name, [Step("Cast", (), (("to", to),))])
    value.type.tensor_type.elem_type = to
    return f"{value.name} is {TensorProto.DataType.Name(to)}"


def _drop_or_add_output(draft: Draft) -> str:
    outputs = draft.graph.output
    if len(outputs) > 1 and draft.chance(0.5):
        value = draft.pick(list(outputs))
        text = f"{value.name} is missing"
        outputs.remove(value)
        return text
    name = draft.pick(draft.tensors())
    if name in {one.name for one in (*outputs, *draft.graph.input)}:
        raise NotApplicableError
    outputs.append(helper.make_tensor_value_info(name, draft.types[name][0], None))
    return f"{name} is an output too"


def _bake_size(draft: Draft) -> str:
    """Replace a size that the graph computes by the size of one batch."""
    shapes = [node for node in draft.graph.node if node.op_type == "Shape"]
    if not shapes or draft.chance(0.3):
        return _bake_reshape(draft)
    node = draft.pick(shapes)
    size, out = draft.pick([1, 2, 6, 8, 16]), node.output[0]
    name = draft.constant([size], "int64")
    for reader in draft.readers(out):
        reader.input[:] = [name if one == out else one for one in reader.input]
    draft.graph.node.remove(node)
    return f"{out} fixed at {size}"


def _bake_reshape(draft: Draft) -> str:
    """Put a Reshape to and from a flat shape that assumes a size behind a tensor."""
    tensor = draft.pick(draft.tensors(least=2))
    sizes = draft.types[tensor][1]
    size = draft.pick([1, 2, 8, 16])
    shape = np.array([size if one is None else one for one in sizes])
    free = draft.pick(range(len(shape)))
    shape[free] = -1
    draft.append(tensor, [Step("Reshape", (draft.constant(shape, "int64"),))])
    return f"{tensor} reshaped to {shape.tolist()}"


OPERATORS: dict[str, Operator] = {
    "inputs or outputs listed in another order": _reorder,
    "input or output renamed": _rename,
    "names exchanged": _exchange_names,
    "dynamic axis fixed": _fix_axis,
    "fixed axis declared dynamic": _free_axis,
    "another dtype": _change_dtype,
    "output missing or added": _drop_or_add_output,
    "size baked in": _bake_size,
}
