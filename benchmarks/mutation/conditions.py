"""Faults that only some inputs show: by their batch, length or values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onnx import TensorProto, helper

from benchmarks.mutation.draft import Step
from benchmarks.mutation.insertions import draw_step

if TYPE_CHECKING:
    from benchmarks.mutation.draft import Draft, Operator

__all__ = ["OPERATORS"]


def _compare(draft: Draft, name: str, value: float, dtype: str) -> tuple[str, str]:
    """Return a scalar condition on a scalar, and the condition in words."""
    operator = draft.pick(["Greater", "Less", "Equal"] if dtype == "int64" else ["Greater", "Less"])
    return draft.node(operator, [name, draft.constant(value, dtype)]), f"{operator} {value:.4g}"


def _measure_size(draft: Draft) -> tuple[str, str]:
    """Return a condition on the size of a dynamic axis."""
    axes = [
        (one.name, axis)
        for one in draft.graph.input
        for axis, dim in enumerate(one.type.tensor_type.shape.dim)
        if dim.dim_param
    ]
    name, axis = draft.pick(axes)
    size = draft.node("Squeeze", [draft.node("Shape", [name], start=axis, end=axis + 1)])
    most = 64 if axis else 300
    condition, words = _compare(draft, size, int(draft.log_uniform(2, most)), "int64")
    return condition, f"size of axis {axis} of {name} {words}"


def _measure_value(draft: Draft) -> tuple[str, str]:
    """Return a condition on the values of an input or another tensor."""
    name = draft.pick([*draft.tensors(least=1), *draft.tensors({TensorProto.INT64}, least=2)])
    floats = draft.types[name][0] == TensorProto.FLOAT
    operator = draft.pick(["ReduceMax", "ReduceMin", *(["ReduceMean"] if floats else [])])
    value = draft.node(operator, [name], keepdims=0)
    bound = draft.log_uniform(0.3, 1e4) * draft.pick([-1, 1])
    limit = bound if floats else int(draft.log_uniform(1, 300))
    condition, words = _compare(draft, value, limit, "float32" if floats else "int64")
    return condition, f"{operator} of {name} {words}"


def _draw_condition(draft: Draft) -> tuple[str, str]:
    return draft.pick([_measure_size, _measure_value])(draft)


def _branch(draft: Draft) -> str:
    """Wrap a faulty node in If."""
    condition, words = _draw_condition(draft)
    tensor, step = draft.pick(draft.tensors()), draw_step(draft)
    inner = draft.fresh()
    place = draft.append(tensor, [Step("Identity")])
    node = draft.graph.node[-1]
    names = [node.input[0], *(name for name in step.others if name)]
    branches = {
        "then_branch": _make_branch(step.operator, names, f"{inner}_then"),
        "else_branch": _make_branch("Identity", names[:1], f"{inner}_else"),
    }
    out = node.output[0]
    node.CopyFrom(helper.make_node("If", [condition], [out], name=inner, **branches))
    return f"{step.operator} {place} if {words}, in an If"


def _make_branch(operator: str, inputs: list[str], out: str) -> Any:
    node = helper.make_node(operator, inputs, [out], name=out)
    value = helper.make_tensor_value_info(out, TensorProto.FLOAT, None)
    return helper.make_graph([node], out, [], [value])


def _select(draft: Draft) -> str:
    """Choose between the right and the faulty value by Where."""
    condition, words = _draw_condition(draft)
    tensor, step = draft.pick(draft.tensors()), draw_step(draft)
    place = draft.append(tensor, [Step("Identity")])
    node = draft.graph.node[-1]
    source, out = node.input[0], node.output[0]
    faulty = draft.fresh()
    others = [name for name in step.others if name]
    draft.add(helper.make_node(step.operator, [source, *others], [faulty], name=faulty))
    node.CopyFrom(helper.make_node("Where", [condition, faulty, source], [out], name=node.name))
    return f"{step.operator} {place} if {words}, in a Where"


def _scale(draft: Draft) -> str:
    """Scale by 1 plus a factor that is 0 unless a condition holds."""
    condition, words = _draw_condition(draft)
    tensor, size = draft.pick(draft.tensors()), draft.log_uniform(1e-3, 1)
    number = draft.node("Cast", [condition], to=TensorProto.FLOAT)
    added = draft.node("Mul", [number, draft.constant(size)])
    place = draft.append(tensor, [Step("Add", (added,))])
    return f"{size:.4g} added {place} if {words}"


OPERATORS: dict[str, Operator] = {
    "wrong branch of an If": _branch,
    "wrong choice of a Where": _select,
    "term that a condition switches on": _scale,
}
