"""A copy of an exported model to change, with random picks from its parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from tests.faults.graphs import constant

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import numpy.typing as npt

    Array = npt.NDArray[Any]

__all__ = ["Draft", "NotApplicableError", "Operator", "Step"]

T = TypeVar("T")

FLOATS = {TensorProto.FLOAT}
INTEGERS = {TensorProto.INT64, TensorProto.INT32}
PREFIX = "mutant_"
"""Start of the names of added nodes and tensors."""


class NotApplicableError(Exception):
    """The model has no part that an operator can change."""


@dataclass(frozen=True, slots=True)
class Step:
    """One inserted node: operator, its further inputs, attributes; None is the tensor itself."""

    operator: str
    others: tuple[str | None, ...] = ()
    attributes: tuple[tuple[str, Any], ...] = ()


class Draft:
    """A model to change.

    Attributes:
        model: The ``ModelProto``.
        generator: The source of all random choices.
        types: Tensor → element type and shape, with None for dynamic sizes.
    """

    def __init__(self, model: Any, generator: np.random.Generator) -> None:
        self.model = model
        self.generator = generator
        self.types = _read_types(model.graph)
        self._count = 0

    @property
    def graph(self) -> Any:
        """The graph of the model."""
        return self.model.graph

    def pick(self, items: Sequence[T]) -> T:
        """Return one of ``items``.

        Raises:
            NotApplicableError: If there is none.
        """
        if not items:
            raise NotApplicableError
        return items[int(self.generator.integers(len(items)))]

    def chance(self, probability: float) -> bool:
        """Return True with a probability."""
        return bool(self.generator.random() < probability)

    def log_uniform(self, low: float, high: float) -> float:
        """Return a number between two bounds, each decade equally probable."""
        return float(np.float32(np.exp(self.generator.uniform(np.log(low), np.log(high)))))

    def initializers(self, least: int = 1, axes: int = 0) -> list[str]:
        """Return the float initializers with enough elements and axes."""
        return [
            one.name
            for one in self.graph.initializer
            if one.data_type in FLOATS and len(one.dims) >= axes and int(np.prod(one.dims)) >= least
        ]

    def values(self, name: str) -> Array:
        """Return a copy of an initializer."""
        array: Array = numpy_helper.to_array(self._initializer(name)).copy()
        return array

    def store(self, name: str, array: Array) -> None:
        """Replace the values of an initializer."""
        stored = numpy_helper.from_array(np.ascontiguousarray(array), name)
        self._initializer(name).CopyFrom(stored)

    def remove(self, name: str) -> None:
        """Remove an initializer."""
        self.graph.initializer.remove(self._initializer(name))

    def _initializer(self, name: str) -> Any:
        return next(one for one in self.graph.initializer if one.name == name)

    def tensors(self, types: Collection[int] | None = None, least: int = 1) -> list[str]:
        """Return inputs and results of nodes with an element type and a number of axes."""
        made = {name for node in self.graph.node for name in node.output}
        names = [one.name for one in self.graph.input] + sorted(made)
        wanted = FLOATS if types is None else types
        known = ((name, self.types[name]) for name in names if name in self.types)
        return [name for name, (kind, shape) in known if kind in wanted and len(shape) >= least]

    def readers(self, tensor: str) -> list[Any]:
        """Return the nodes that read a tensor."""
        return [node for node in self.graph.node if tensor in node.input]

    def constant(self, value: Any, dtype: str = "float32") -> str:
        """Add an initializer; return its name."""
        return constant(self.model, value, dtype)

    def fresh(self) -> str:
        """Return a name that no tensor has."""
        self._count += 1
        return f"{PREFIX}{self._count}"

    def node(self, operator: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Add a node with one output; return the name of the output."""
        out = self.fresh()
        self.add(helper.make_node(operator, inputs, [out], name=out, **attributes))
        return out

    def add(self, node: Any) -> None:
        """Add a node; :meth:`finish` puts it behind the makers of its inputs."""
        self.graph.node.append(node)

    def append(self, tensor: str, steps: Sequence[Step], *, once: bool = False) -> str:
        """Put a row of nodes behind a tensor, for all its readers or for one of them.

        Returns:
            The place, in words.
        """
        readers = [node for node in self.readers(tensor) if not _is_added(node)]
        makers = [node for node in self.graph.node if tensor in node.output]
        first, last, place = tensor, self.fresh(), f"behind {tensor}"
        if once and len(readers) > 1:
            readers, makers = [self.pick(readers)], []
            place = f"between {tensor} and {readers[0].op_type} {readers[0].output[0]}"
        if makers:
            first, last = last, tensor
            makers[0].output[:] = [first if name == tensor else name for name in makers[0].output]
            readers = [node for node in self.readers(tensor) if _is_added(node)]
        for node in readers:
            old, new = (last, first) if makers else (first, last)
            node.input[:] = [new if name == old else name for name in node.input]
        self._chain(first, last, steps)
        return place

    def _chain(self, first: str, last: str, steps: Sequence[Step]) -> None:
        current = first
        for number, step in enumerate(steps, 1):
            out = last if number == len(steps) else self.fresh()
            inputs = [current, *(first if one is None else one for one in step.others)]
            made = helper.make_node(
                step.operator, inputs, [out], name=f"{PREFIX}{out}", **dict(step.attributes)
            )
            self.add(made)
            current = out

    def finish(self) -> bytes:
        """Return the changed model, its nodes sorted; shapes of tensors are left out.

        Raises:
            NotApplicableError: If the nodes form a cycle.
        """
        nodes = list(self.graph.node)
        made = {name for node in nodes for name in node.output}
        ready: set[str] = set()
        ordered: list[Any] = []
        while nodes:
            later = []
            for node in nodes:
                if (_list_inputs(node) & made) <= ready:
                    ordered.append(node)
                    ready.update(node.output)
                else:
                    later.append(node)
            if len(later) == len(nodes):
                raise NotApplicableError
            nodes = later
        del self.graph.node[:], self.graph.value_info[:]
        self.graph.node.extend(ordered)
        content: bytes = self.model.SerializeToString()
        return content


Operator = Callable[[Draft], str]
"""Function that changes a draft and returns what it changed."""


def _read_types(graph: Any) -> dict[str, tuple[int, tuple[int | None, ...]]]:
    types: dict[str, tuple[int, tuple[int | None, ...]]] = {
        one.name: (one.data_type, tuple(one.dims)) for one in graph.initializer
    }
    for value in (*graph.value_info, *graph.input, *graph.output):
        kind = value.type.tensor_type
        sizes = (dim.dim_value if dim.HasField("dim_value") else None for dim in kind.shape.dim)
        types[value.name] = (kind.elem_type, tuple(sizes))
    return types


def _is_added(node: Any) -> bool:
    """Return whether a node is not of the exported model."""
    return str(node.name).startswith(PREFIX)


def _list_inputs(node: Any) -> set[str]:
    """Return the tensors that a node reads, also in its subgraphs."""
    names = set(node.input)
    for attribute in node.attribute:
        if attribute.HasField("g"):
            inner = {name for each in attribute.g.node for name in each.output}
            names |= {name for each in attribute.g.node for name in _list_inputs(each)} - inner
    return names
