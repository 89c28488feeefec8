"""Axes of an exported graph: names of dynamic axes, and axes that the exporter fixed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from prunepack.errors import RefusedError
from prunepack.stages.contract.progress import remark

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import onnx_ir

    from prunepack.stages.contract.model_spec import InputSpec

__all__ = ["choose_axes", "name_axes"]


def choose_axes(spec: InputSpec, *, dynamic_batch: bool) -> tuple[int | str, ...]:
    """Return the axes of an input in ONNX: a name for a dynamic axis, else a size."""
    if dynamic_batch:
        return spec.dimensions
    sizes = spec.batch_shape(1)
    return tuple(
        size if axis == spec.batch_axis else name
        for axis, (name, size) in enumerate(zip(spec.dimensions, sizes, strict=True))
    )


def name_axes(model: onnx_ir.Model, inputs: Sequence[InputSpec], *, dynamic_batch: bool) -> None:
    """Give the inputs and their axes the names of the recipe, and tell the axes that are fixed.

    Raises:
        RefusedError: If the exporter fixed the batch axis.
    """
    import onnx_ir

    symbols: dict[str, str] = {}
    for value, spec in zip(model.graph.inputs, inputs, strict=True):
        value.name = spec.name
        sizes: list[Any] = []
        wanted = choose_axes(spec, dynamic_batch=dynamic_batch)
        for axis, (size, name) in enumerate(zip(value.shape or (), wanted, strict=True)):
            shown = str(getattr(size, "value", size))
            if not shown.isdigit():
                symbols[shown] = str(name)
                sizes.append(name)
                continue
            sizes.append(int(shown))
            if isinstance(name, str):
                _tell_fixed_axis(spec, axis, int(shown), name)
        value.shape = onnx_ir.Shape(sizes)
    if not dynamic_batch and any(spec.batch_axis != "none" for spec in inputs):
        remark("the batch axis is fixed at 1: export.dynamic_batch is false")
    pattern = re.compile("|".join(rf"\b{re.escape(symbol)}\b" for symbol in symbols) or r"$.")
    for value in _list_values(model):
        if value.shape is not None:
            value.shape = onnx_ir.Shape([_rename(size, pattern, symbols) for size in value.shape])


def _rename(size: Any, pattern: re.Pattern[str], symbols: dict[str, str]) -> int | str | None:
    """Return a dimension with the names of the recipe in place of the exporter's symbols."""
    shown: int | str | None = getattr(size, "value", size)
    if not isinstance(shown, str):
        return shown
    if shown.isdigit():
        return int(shown)
    return pattern.sub(lambda match: symbols[match[0]], shown)


def _list_values(model: onnx_ir.Model) -> Iterator[onnx_ir.Value]:
    for node in model.graph.all_nodes():
        yield from node.outputs


def _tell_fixed_axis(spec: InputSpec, axis: int, size: int, name: str) -> None:
    """Tell an axis that the exporter fixed.

    Raises:
        RefusedError: If it is the batch axis.
    """
    if axis == spec.batch_axis:
        raise RefusedError(
            f"the exporter fixed the batch axis of `{spec.name}` at {size}",
            expected="a dynamic axis",
            found=f"axis {axis} of size {size}",
            hint="Set export.dynamic_batch = false, or write forward() without loops over the "
            "batch and without int(x.shape[0])",
        )
    remark(f"the exporter fixed the axis `{name}` of `{spec.name}` at {size}")
