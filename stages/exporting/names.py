"""Names in an exported graph: those of the state dict, of the recipe and of the result."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from prunepack.stages.contract.progress import remark

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import onnx_ir
    import torch

    from prunepack.stages.contract.arrays import Array

__all__ = ["clear_metadata", "list_unread_inputs", "name_values", "restore_names"]


def clear_metadata(model: onnx_ir.Model) -> None:
    """Remove source paths, code lines and symbol names: they differ between checkouts."""
    from onnx_ir.passes.common import ClearMetadataAndDocStringPass

    ClearMetadataAndDocStringPass()(model)
    model.graph.name = "model"
    for value in _list_values(model):
        value.metadata_props.clear()
        value.doc_string = None
    model.metadata_props.clear()
    model.graph.metadata_props.clear()


def restore_names(model: onnx_ir.Model, state: dict[str, torch.Tensor]) -> None:
    """Name every initializer after the state-dict tensor whose values it holds.

    The exporter transposes the weights of a Linear on 3-D input and calls them ``val_N``; they
    become ``NAME.T``.
    """
    content = {_hash_values(tensor.numpy()): name for name, tensor in reversed(state.items())}
    for tensor in state.values():
        if tensor.ndim == 2:
            transposed = _hash_values(tensor.numpy().T)
            content.setdefault(transposed, f"{content[_hash_values(tensor.numpy())]}.T")
    taken = set(model.graph.initializers)
    for value in list(model.graph.initializers.values()):
        if value.name in state or value.const_value is None or value.const_value.size < 2:
            continue
        name = content.get(_hash_values(value.const_value.numpy()))
        if name is not None and name not in taken:
            taken.add(name)
            value.name = name


def _hash_values(array: Array) -> tuple[str, tuple[int, ...], bytes]:
    return str(array.dtype), tuple(array.shape), hashlib.sha256(array.tobytes()).digest()


def name_values(model: onnx_ir.Model, inputs: Sequence[str], outputs: Sequence[str]) -> list[str]:
    """Name the inputs and the outputs, and return the names of the outputs.

    An output with the name of an input or of a weight gets the prefix ``output_``, which is told.
    Other values give way.
    """
    taken = {*inputs, *model.graph.initializers}
    names = []
    for name in outputs:
        free = name
        while free in taken:
            free = f"output_{free}"
        if free != name:
            remark(f"output `{name}` is `{free}` in ONNX: an input or a weight has its name")
        taken.add(free)
        names.append(free)
    weights = list(model.graph.initializers.values())
    ends = [*model.graph.inputs, *model.graph.outputs]
    fixed = [*ends, *weights]
    reserved = {*inputs, *names, *model.graph.initializers}
    used = {value.name for value in _list_values(model)} | taken
    for value in _list_values(model):
        if value.name in reserved and not any(value is other for other in fixed):
            value.name = _find_free_name(f"{value.name}_value", used)
    for number, value in enumerate(ends):  # a swap of two names must not meet in between
        value.name = _find_free_name(f"end_{number}", used)
    for value, name in zip(ends, [*inputs, *names], strict=True):
        value.name = name
    return names


def _find_free_name(name: str, used: set[str | None]) -> str:
    while name in used:
        name += "_"
    used.add(name)
    return name


def list_unread_inputs(model: onnx_ir.Model) -> list[str]:
    """Return the inputs that no node reads, except those that are outputs."""
    return [
        str(value.name)
        for value in model.graph.inputs
        if not value.uses() and not any(value is output for output in model.graph.outputs)
    ]


def _list_values(model: onnx_ir.Model) -> Iterator[onnx_ir.Value]:
    yield from model.graph.inputs
    yield from model.graph.initializers.values()
    for node in model.graph.all_nodes():
        yield from node.outputs
