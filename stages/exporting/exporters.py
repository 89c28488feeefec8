"""Export of a module by torch's dynamo exporter, with every axis that it can trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prunepack.stages.exporting.axes import choose_axes, name_axes
from prunepack.stages.exporting.failures import explain_failure
from prunepack.stages.exporting.tracing import PREFIX, flatten_module, quiet_exporter

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from torch import nn

    from prunepack.stages.contract.model_spec import InputSpec, ModelSpec

__all__ = ["run_exporter"]


def run_exporter(
    module: nn.Module,
    spec: ModelSpec,
    *,
    opset: int | None = None,
    dynamic_batch: bool = True,
    paths: Sequence[str] | None = None,
) -> torch.onnx.ONNXProgram:
    """Run torch's dynamo exporter on one random batch.

    It traces with the dynamic axes of the inputs first, and then with those that trace.

    Args:
        module: The module, in evaluation mode.
        spec: Its inputs.
        opset: The ONNX opset; the exporter's choice if None.
        dynamic_batch: Whether the batch axis stays dynamic; else it is one sample.
        paths: The paths of the outputs to keep; by default all tensors in the result.

    Returns:
        The ONNX model, with the graph that torch traced.

    Raises:
        RefusedError: If the exporter cannot express the model.
    """
    flat, example = flatten_module(module, spec, dynamic_batch=dynamic_batch, paths=paths)
    try:
        with quiet_exporter():
            traced = _trace(flat, spec.inputs, example, dynamic_batch=dynamic_batch)
            _leave_out_wrapper(traced)
            program = _convert(traced, spec, opset)
    except Exception as error:
        raise explain_failure(spec, error) from error
    name_axes(program.model, spec.inputs, dynamic_batch=dynamic_batch)
    for value in list(program.model.graph.initializers.values()):
        if value.name is not None and value.name.startswith(PREFIX):
            value.name = value.name.removeprefix(PREFIX)
    return program


def _trace(
    flat: nn.Module,
    inputs: Sequence[InputSpec],
    example: tuple[torch.Tensor, ...],
    *,
    dynamic_batch: bool,
) -> torch.export.ExportedProgram:
    """Trace with every dynamic axis, else with the axes that trace.

    Gradients are off: with gradients, some views of attention with a bias cannot be traced.
    """
    import torch

    axes = [choose_axes(spec, dynamic_batch=dynamic_batch) for spec in inputs]
    named = {
        name: torch.export.Dim(name) for each in axes for name in each if isinstance(name, str)
    }
    with torch.no_grad():
        try:
            shapes = _map_axes(axes, named)
            return torch.export.export(flat, example, dynamic_shapes=shapes, strict=False)
        except Exception:
            if not named:
                raise
            automatic = dict.fromkeys(named, torch.export.Dim.AUTO)
            shapes = _map_axes(axes, automatic)
            return torch.export.export(flat, example, dynamic_shapes=shapes, strict=False)


def _leave_out_wrapper(traced: torch.export.ExportedProgram) -> None:
    """Name the modules that called each operator as the user's model names them."""
    import torch

    for graph in traced.graph_module.modules():
        if not isinstance(graph, torch.fx.GraphModule):
            continue
        for node in graph.graph.nodes:
            if stack := node.meta.get("nn_module_stack"):
                node.meta["nn_module_stack"] = {
                    key: (name.removeprefix(PREFIX) if name != PREFIX[:-1] else "", kind)
                    for key, (name, kind) in stack.items()
                    if name
                }


def _map_axes(axes: Sequence[Sequence[int | str]], dims: dict[str, Any]) -> tuple[Any, ...]:
    """Return ``dynamic_shapes`` of torch.export for the arguments of the wrapper."""
    return (
        tuple(
            {axis: dims[name] for axis, name in enumerate(each) if isinstance(name, str)}
            for each in axes
        ),
    )


def _convert(
    traced: torch.export.ExportedProgram, spec: ModelSpec, opset: int | None
) -> torch.onnx.ONNXProgram:
    import torch

    with torch.no_grad():
        program = torch.onnx.export(
            traced,
            dynamo=True,
            input_names=[entry.name for entry in spec.inputs],
            opset_version=opset,
            verbose=False,
        )
    if program is None:  # the signature of torch.onnx.export allows it
        raise TypeError("the exporter returned no model")
    return program
