"""Small changes of an ONNX graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Array = npt.NDArray[Any]

__all__ = ["attribute", "change", "constant", "insert", "maker", "swap", "values"]


def _initializer(model: Any, name: str) -> Any:
    return next(one for one in model.graph.initializer if one.name == name)


def values(model: Any, name: str) -> Array:
    """Return a copy of an initializer."""
    return numpy_helper.to_array(_initializer(model, name)).copy()


def change(model: Any, name: str, to: Callable[[Array], Array]) -> None:
    """Replace the values of an initializer by what ``to`` makes of a copy of them."""
    array = np.ascontiguousarray(to(values(model, name)))
    _initializer(model, name).CopyFrom(numpy_helper.from_array(array, name))


def constant(model: Any, value: Any, dtype: str = "float32") -> str:
    """Add an initializer; return its name."""
    name = f"planted_{len(model.graph.initializer)}"
    model.graph.initializer.append(numpy_helper.from_array(np.array(value, dtype), name))
    return name


def maker(model: Any, tensor: str) -> Any:
    """Return the node that makes ``tensor``."""
    return next(node for node in model.graph.node if tensor in node.output)


def attribute(model: Any, tensor: str, name: str, value: Any) -> None:
    """Set an attribute of the node that makes ``tensor``."""
    node = maker(model, tensor)
    kept = [one for one in node.attribute if one.name != name]
    del node.attribute[:]
    node.attribute.extend([*kept, helper.make_attribute(name, value)])


def insert(model: Any, tensor: str, *steps: tuple[Any, ...], domain: str = "") -> None:
    """Put a row of nodes behind the one that makes ``tensor``, or behind an input.

    Args:
        model: The ``ModelProto``.
        tensor: Name of the tensor that the nodes change for all its readers.
        steps: Operator, further inputs, attributes; ``None`` among the inputs is ``tensor`` as it
            was before all steps.
        domain: The domain of the operators.
    """
    graph = model.graph
    if tensor in {one.name for one in graph.input}:
        first, last, at = tensor, f"{tensor}_changed", 0
        for node in graph.node:
            node.input[:] = [last if name == tensor else name for name in node.input]
    else:
        first, last = f"{tensor}_before", tensor
        node = maker(model, tensor)
        at = list(graph.node).index(node) + 1
        node.output[:] = [first if name == tensor else name for name in node.output]
    current = first
    for number, (operator, others, attributes) in enumerate(steps):
        out = last if number == len(steps) - 1 else f"{tensor}_step_{number}"
        inputs = [current, *(first if one is None else one for one in others)]
        made = helper.make_node(operator, inputs, [out], domain=domain, **attributes)
        graph.node.insert(at + number, made)
        current = out
    del graph.value_info[:]


def swap(array: Array, one: int, other: int) -> Array:
    """Exchange two rows."""
    array[[one, other]] = array[[other, one]]
    return array
