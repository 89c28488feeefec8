"""ONNX graph and interface of a checkpoint, as the export stage writes them."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from prunepack.errors import RefusedError, UsageError
from prunepack.stages.data.samples import random_inputs
from prunepack.stages.exporting.exporters import run_exporter
from prunepack.stages.exporting.names import clear_metadata, name_values, restore_names
from prunepack.stages.exporting.outputs import choose_outputs
from prunepack.stages.exporting.torchscript import export_torchscript
from prunepack.stages.models.checkpoints import select_tensors
from prunepack.stages.models.running import compute_result
from prunepack.stages.pruning.parametrizations import fold_parametrizations

if TYPE_CHECKING:
    from pathlib import Path

    import onnx_ir
    from torch import nn

    from prunepack.stages.contract.model_spec import ModelSpec
    from prunepack.stages.exporting.settings import ExportConfig

__all__ = ["export_graph", "list_versions", "write_graph"]

LARGEST_INLINE = 1_500_000_000
"""Largest weights, in bytes, of a model in one file; protobuf ends at 2 GiB."""

TOOLS = ("torch", "onnx-ir", "onnxscript")
"""The distributions whose versions decide the nodes of an export."""


def list_versions() -> dict[str, str]:
    """Return the versions of the tools that decide the nodes of an export."""
    return {tool: version(tool) for tool in TOOLS}


def export_graph(
    config: ExportConfig, module: nn.Module, spec: ModelSpec
) -> tuple[onnx_ir.Model, dict[str, Any]]:
    """Return the ONNX graph of ``module``, whose parametrizations are folded, and its interface.

    Raises:
        RefusedError: If the exporter cannot express the model.
        UsageError: If the outputs or their names do not fit the model.
    """
    fold_parametrizations(module)  # the dense model ships plain weights too
    outputs = choose_outputs(
        compute_result(module, random_inputs(spec.inputs, 2 if config.dynamic_batch else 1, 0)),
        config.outputs,
    )
    graph = _run_exporter(config, module, spec, list(outputs.values()))
    _check_opset(spec, config.opset, graph.opset_imports[""])
    clear_metadata(graph)
    restore_names(graph, select_tensors(module.state_dict()))
    names = _choose_names(config.output_names, tuple(outputs))
    name_values(graph, [entry.name for entry in spec.inputs], names)
    return graph, _describe_interface(config, graph, spec, list(outputs.values()))


def _run_exporter(
    config: ExportConfig, module: nn.Module, spec: ModelSpec, paths: list[str]
) -> onnx_ir.Model:
    if config.exporter == "torchscript":
        return export_torchscript(
            module, spec, opset=config.opset, dynamic_batch=config.dynamic_batch, paths=paths
        )
    program = run_exporter(
        module, spec, opset=config.opset, dynamic_batch=config.dynamic_batch, paths=paths
    )
    graph: onnx_ir.Model = program.model
    return graph


def _describe_interface(
    config: ExportConfig, graph: onnx_ir.Model, spec: ModelSpec, paths: list[str]
) -> dict[str, Any]:
    """Return the content of ``interface.json``: inputs, outputs, and the export behind them."""
    values = [*graph.graph.inputs, *graph.graph.outputs]
    arguments = {"dataset_arguments": spec.dataset_arguments} if spec.dataset_arguments else {}
    return {
        "inputs": [entry.model_dump(mode="json") for entry in spec.inputs],
        "outputs": [str(value.name) for value in graph.graph.outputs],
        "paths": paths,
        "axes": {str(value.name): _list_axes(value) for value in values},
        "dataset": spec.dataset,
        **arguments,
        "export": {"config": config.model_dump(mode="json"), "versions": list_versions()},
    }


def _list_axes(value: onnx_ir.Value) -> list[int | str | None]:
    """Return the size of each axis, or its name."""
    sizes = value.shape or ()
    return [size if isinstance(size, int) else size.value for size in sizes]


def _check_opset(spec: ModelSpec, requested: int | None, actual: int) -> None:
    """Refuse an opset that was not requested: the exporter only logs that it failed."""
    if requested not in {None, actual}:
        raise RefusedError(
            f"`{spec.model}` cannot be exported to this opset",
            expected=f"opset {requested}",
            found=f"opset {actual}",
            hint="Set export.opset to one that torch, onnx and onnxscript support, or leave it out",
        )


def _choose_names(requested: tuple[str, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the outputs.

    Raises:
        UsageError: If there is not one requested name per output, or a name is there twice.
    """
    if requested and len(requested) != len(names):
        raise UsageError(
            "export.output_names does not fit the model",
            expected=f"{len(names)} names",
            found=f"{len(requested)}",
        )
    if len(set(requested)) < len(requested):
        raise UsageError(
            "export.output_names holds a name twice",
            expected="different names",
            found=", ".join(f"`{name}`" for name in requested),
        )
    return requested or names


def write_graph(model: onnx_ir.Model, path: Path) -> None:
    """Write ``model`` deterministically, in one file if protobuf can hold it."""
    import onnx_ir

    weights = sum(v.const_value.nbytes for v in model.graph.initializers.values() if v.const_value)
    if weights > LARGEST_INLINE:
        onnx_ir.save(model, path, external_data=f"{path.name}.data")
        return
    proto = onnx_ir.to_proto(model)
    path.write_bytes(proto.SerializeToString(deterministic=True))
