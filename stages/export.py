"""Export stage: ONNX with the names of the state dict, the same bytes from every folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from prunepack.errors import RefusedError, UsageError
from prunepack.stages.contract.outputs import Checkpoint, OnnxModel, write_interface
from prunepack.stages.contract.progress import note, remark
from prunepack.stages.contract.stage import Config, Facts, stage
from prunepack.stages.data.samples import random_inputs
from prunepack.stages.exporting.exporters import run_exporter
from prunepack.stages.exporting.kernels import check_kernels, check_layers
from prunepack.stages.exporting.names import (
    clear_metadata,
    list_unread_inputs,
    name_values,
    restore_names,
)
from prunepack.stages.exporting.outputs import choose_outputs
from prunepack.stages.exporting.torchscript import export_torchscript
from prunepack.stages.models.checkpoints import open_model, select_tensors
from prunepack.stages.models.running import compute_result
from prunepack.stages.pruning.parametrizations import fold_parametrizations

if TYPE_CHECKING:
    import onnx_ir
    from torch import nn

    from prunepack.stages.contract.model_spec import ModelSpec

__all__ = ["ExportConfig", "export"]

LARGEST_INLINE = 1_500_000_000
"""Largest weights, in bytes, of a model in one file; protobuf ends at 2 GiB."""


def _split_outputs(value: Any) -> Any:
    """Split a text such as ``logits,1.0`` or ``scores=1.0``; return any other value as it is."""
    if not isinstance(value, str):
        return value
    entries = [entry.strip() for entry in value.split(",") if entry.strip()]
    if not any("=" in entry for entry in entries):
        return entries
    pairs = (entry.partition("=") for entry in entries)
    return {name.strip(): path.strip() or name.strip() for name, _, path in pairs}


class ExportConfig(Config):
    """The form of the ONNX model."""

    opset: int | None = Field(
        None, ge=18, description="ONNX opset. Default: chosen by the exporter."
    )
    outputs: Annotated[tuple[str, ...] | dict[str, str], BeforeValidator(_split_outputs)] = Field(
        (),
        description="Outputs to keep, by path in the model's return value: 'logits,1.0' keeps "
        "'logits' and element 0 of element 1. To rename outputs, write NAME=PATH: "
        "scores=1.0,boxes=0. Default: all outputs.",
    )
    output_names: tuple[str, ...] = Field(
        (),
        description="Names of the outputs. Default: the keys or fields of the return value, "
        "'output' for a single tensor, 'output_0', 'output_1', … for a tuple or a list.",
    )
    dynamic_batch: bool = Field(
        True, description="Export a dynamic batch axis, not a fixed batch of one sample."
    )
    exporter: Literal["dynamo", "torchscript"] = Field(
        "dynamo", description="PyTorch exporter to use."
    )


@stage(produces=OnnxModel, tools=("torch", "onnx", "onnx-ir", "onnxscript"))
def export(config: ExportConfig, out: Path, model: Checkpoint) -> Facts:
    """Write ``model`` as ONNX with an exporter of torch, check it and describe its interface."""
    module, spec = open_model(model)
    fold_parametrizations(module)  # the dense model ships plain weights too
    outputs = choose_outputs(
        compute_result(module, random_inputs(spec.inputs, 2 if config.dynamic_batch else 1, 0)),
        config.outputs,
    )
    check_layers(module)
    note("exporting to ONNX")
    graph = _run_exporter(config, module, spec, list(outputs.values()))
    _check_opset(spec, config.opset, graph.opset_imports[""])
    clear_metadata(graph)
    restore_names(graph, select_tensors(module.state_dict()))
    names = name_values(
        graph,
        [entry.name for entry in spec.inputs],
        _choose_names(config.output_names, tuple(outputs)),
    )
    for name in list_unread_inputs(graph):
        remark(f"input `{name}` is never read: no output depends on it")
    _write(graph, out / "model.onnx")
    _check(out / "model.onnx")
    check_kernels(graph, out / "model.onnx")
    interface = _describe_interface(graph, spec, names, list(outputs.values()))
    write_interface(out, interface)
    return _facts(graph, out)


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
    graph: onnx_ir.Model, spec: ModelSpec, names: list[str], paths: list[str]
) -> dict[str, object]:
    """Return the content of ``interface.json``: inputs, outputs and the axes of both."""
    values = [*graph.graph.inputs, *graph.graph.outputs]
    arguments = {"dataset_arguments": spec.dataset_arguments} if spec.dataset_arguments else {}
    return {
        "inputs": [entry.model_dump(mode="json") for entry in spec.inputs],
        "outputs": names,
        "paths": paths,
        "axes": {str(value.name): _list_axes(value) for value in values},
        "dataset": spec.dataset,
        **arguments,
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


def _write(model: onnx_ir.Model, path: Path) -> None:
    """Write ``model`` deterministically, in one file if protobuf can hold it."""
    import onnx_ir

    weights = sum(v.const_value.nbytes for v in model.graph.initializers.values() if v.const_value)
    if weights > LARGEST_INLINE:
        onnx_ir.save(model, path, external_data=f"{path.name}.data")
        return
    proto = onnx_ir.to_proto(model)
    path.write_bytes(proto.SerializeToString(deterministic=True))


def _check(path: Path) -> None:
    """Run onnx's checker with shape inference on the file at ``path``.

    Raises:
        RefusedError: If the file is not valid ONNX.
    """
    import onnx

    try:
        onnx.checker.check_model(str(path), full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise RefusedError(
            "torch exported a model that is not valid ONNX",
            expected="a graph that onnx's checker accepts",
            found=str(error).splitlines()[0],
            hint="Change the part of forward() that the node comes from; torch's exporter does not "
            "support it",
        ) from None


def _facts(model: onnx_ir.Model, out: Path) -> Facts:
    size = sum(file.stat().st_size for file in out.glob("model.onnx*"))
    opset = model.opset_imports[""]
    nodes = model.graph.num_nodes()
    count = len(model.graph.initializers)
    summary = f"{size:,} bytes, {nodes} nodes, {count} initializers, opset {opset}"
    return {"summary": summary, "bytes": size, "nodes": nodes, "opset": opset}
