"""Faults of the nodes and edges of a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onnx import AttributeProto, helper

from benchmarks.mutation.draft import NotApplicableError, Step

if TYPE_CHECKING:
    from benchmarks.mutation.draft import Draft, Operator

__all__ = ["OPERATORS"]

PEERS = (
    ("Add", "Sub", "Mul", "Div", "Max", "Min", "PRelu"),
    ("Relu", "LeakyRelu", "Elu", "Gelu", "Sigmoid", "Tanh", "Abs", "Softplus", "Identity", "Neg"),
    ("Softmax", "LogSoftmax", "Hardmax"),
    ("ReduceMean", "ReduceMax", "ReduceSum", "ReduceMin", "ReduceL2"),
    ("Greater", "GreaterOrEqual", "Less", "LessOrEqual"),
    ("ArgMax", "ArgMin"),
    ("MaxPool", "AveragePool", "LpPool"),
)
"""Operators that take the same inputs."""

TEXTS = {
    "approximate": (b"none", b"tanh"),
    "auto_pad": (b"NOTSET", b"SAME_UPPER", b"VALID"),
    "mode": (b"constant", b"reflect", b"edge"),
}


def _change_attribute(draft: Draft) -> str:
    owned = [(node, one) for node in draft.graph.node for one in node.attribute]
    node, attribute = draft.pick(owned)
    before = helper.get_attribute_value(attribute)
    if attribute.type == AttributeProto.INT:
        after: Any = draft.pick([before + 1, before - 1, 1 - before, -before, 2])
        attribute.i = after
    elif attribute.type == AttributeProto.FLOAT:
        after = before * draft.pick([0.0, 0.5, -1.0, 1.001, 1.1, 10.0, 100.0])
        attribute.f = after
    elif attribute.type == AttributeProto.STRING:
        after = draft.pick([text for text in TEXTS.get(attribute.name, ()) if text != before])
        attribute.s = after
    elif attribute.type == AttributeProto.INTS:
        after = _change_list(draft, list(before))
        attribute.ints[:] = after
    else:
        raise NotApplicableError
    return f"{attribute.name} of {node.op_type} {node.output[0]}: {before!r} to {after!r}"


def _change_list(draft: Draft, before: list[int]) -> list[int]:
    after = list(before)
    index = int(draft.generator.integers(len(after)))
    kind = draft.pick(["step", "exchange", "reverse"])
    if kind == "step":
        after[index] += draft.pick([-1, 1])
    elif kind == "exchange":
        after[index], after[index - 1] = after[index - 1], after[index]
    return after[::-1] if kind == "reverse" else after


def _remove_attribute(draft: Draft) -> str:
    node = draft.pick([node for node in draft.graph.node if node.attribute])
    attribute = draft.pick(list(node.attribute))
    text = f"{attribute.name} of {node.op_type} {node.output[0]} left out"
    node.attribute.remove(attribute)
    return text


def _swap_inputs(draft: Draft) -> str:
    def swaps(node: Any) -> list[tuple[int, int]]:
        names = list(node.input)
        known = [draft.types.get(name, (0, ())) for name in names]
        return [
            (one, other)
            for one in range(len(names))
            for other in range(one + 1, len(names))
            if names[one] != names[other] and known[one][0] == known[other][0] != 0
        ]

    node = draft.pick([node for node in draft.graph.node if swaps(node)])
    one, other = draft.pick(swaps(node))
    node.input[one], node.input[other] = node.input[other], node.input[one]
    return f"inputs {one} and {other} of {node.op_type} {node.output[0]} exchanged"


def _rewire_edge(draft: Draft) -> str:
    node = draft.pick([node for node in draft.graph.node if node.input])
    index = int(draft.generator.integers(len(node.input)))
    before = node.input[index]
    kind = draft.types.get(before)
    if kind is None:
        raise NotApplicableError
    names = {*draft.types} - {before, *node.output}
    after = draft.pick(sorted(name for name in names if draft.types[name] == kind))
    node.input[index] = after
    return f"{node.op_type} {node.output[0]} reads {after} in the place of {before}"


def _replace_operator(draft: Draft) -> str:
    kinds = {name: group for group in PEERS for name in group}
    node = draft.pick([node for node in draft.graph.node if node.op_type in kinds])
    before = node.op_type
    node.op_type = draft.pick([name for name in kinds[before] if name != before])
    if before in {"Relu", "Gelu", "MaxPool"}:
        kept = [one for one in node.attribute if one.name in {"kernel_shape", "strides", "pads"}]
        del node.attribute[:]
        node.attribute.extend(kept)
    return f"{before} {node.output[0]} is {node.op_type}"


def _drop_node(draft: Draft) -> str:
    """Let the readers of a node read one of its inputs."""
    node = draft.pick([node for node in draft.graph.node if node.input])
    kind = draft.types.get(node.output[0], (0, ()))[0]
    alike = [name for name in node.input if draft.types.get(name, (1,))[0] == kind]
    by, tensor = draft.pick(alike), node.output[0]
    text = f"{node.op_type} {tensor} left out"
    if tensor in {one.name for one in draft.graph.output}:
        node.CopyFrom(helper.make_node("Identity", [by], [tensor], name=node.name))
        return text
    draft.graph.node.remove(node)
    for reader in draft.readers(tensor):
        reader.input[:] = [by if name == tensor else name for name in reader.input]
    return text


def _repeat_node(draft: Draft) -> str:
    """Apply a node twice."""
    node = draft.pick([node for node in draft.graph.node if node.input])
    kind = draft.types.get(node.output[0], (0, ()))[0]
    at = [i for i, name in enumerate(node.input) if draft.types.get(name, (1,))[0] == kind]
    place = draft.pick(at)
    others = [None if i == place else name for i, name in enumerate(node.input)]
    if place != 0:
        raise NotApplicableError
    attributes = tuple((one.name, helper.get_attribute_value(one)) for one in node.attribute)
    rest = tuple(name for name in others[1:])
    draft.append(node.output[0], [Step(node.op_type, rest, attributes)])
    return f"{node.op_type} {node.output[0]} applied twice"


def _drop_input(draft: Draft) -> str:
    """Leave the last input of a node out, such as a bias."""
    node = draft.pick([node for node in draft.graph.node if len(node.input) > 1])
    name = node.input.pop()
    return f"{name} of {node.op_type} {node.output[0]} left out"


OPERATORS: dict[str, Operator] = {
    "attribute changed": _change_attribute,
    "attribute left out": _remove_attribute,
    "two inputs of a node exchanged": _swap_inputs,
    "edge rewired": _rewire_edge,
    "operator replaced": _replace_operator,
    "node left out": _drop_node,
    "node applied twice": _repeat_node,
    "input of a node left out": _drop_input,
}
