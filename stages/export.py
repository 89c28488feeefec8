"""Export stage: ONNX with the names of the state dict, the same bytes from every folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from prunepack.errors import RefusedError, UsageError
from prunepack.stages.contract.outputs import Checkpoint, OnnxModel
from prunepack.stages.contract.progress import note
from prunepack.stages.contract.stage import Config, Facts, stage
from prunepack.stages.models.checkpoints import open_model, select_tensors
from prunepack.stages.models.onnx_export import run_exporter
from prunepack.stages.pruning.parametrizations import fold_parametrizations

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx_ir
    import torch

    from prunepack.stages.contract.arrays import Array
    from prunepack.stages.contract.model_spec import ModelSpec

__all__ = ["ExportConfig", "export"]

LARGEST_INLINE = 1_500_000_000
"""Largest weights, in bytes, of a model in one file; protobuf ends at 2 GiB."""


class ExportConfig(Config):
    """The form of the ONNX model."""

    opset: int | None = Field(
        None, ge=18, description="ONNX opset; by default the exporter chooses it."
    )
    output_names: tuple[str, ...] = Field(
        (), description="Names of the outputs; by default output, or output_0, output_1, …."
    )
    dynamic_batch: bool = Field(
        True, description="Export a dynamic batch axis; otherwise the batch is one sample."
    )


@stage(produces=OnnxModel, tools=("torch", "onnx", "onnx-ir", "onnxscript"))
def export(config: ExportConfig, out: Path, model: Checkpoint) -> Facts:
    """Write ``model`` with torch's dynamo exporter, check it and describe its interface."""
    module, spec = open_model(model)
    fold_parametrizations(module)  # the dense model ships plain weights too
    note("exporting to ONNX")
    graph: onnx_ir.Model = run_exporter(
        module, spec, opset=config.opset, dynamic_batch=config.dynamic_batch
    ).model
    _check_opset(spec, config.opset, graph.opset_imports[""])
    _clear_metadata(graph)
    _restore_names(graph, select_tensors(module.state_dict()))
    _name_outputs(graph, config.output_names)
    _write(graph, out / "model.onnx")
    _check(out / "model.onnx")
    inputs = [entry.model_dump(mode="json") for entry in spec.inputs]
    outputs = [value.name for value in graph.graph.outputs]
    interface = {"inputs": inputs, "outputs": outputs, "dataset": spec.dataset}
    if spec.dataset_arguments:
        interface["dataset_arguments"] = spec.dataset_arguments
    (out / "interface.json").write_text(json.dumps(interface, indent=1) + "\n", "utf-8")
    return _facts(graph, out)


def _check_opset(spec: ModelSpec, requested: int | None, actual: int) -> None:
    """Refuse an opset that was not requested: the exporter only logs that it failed."""
    if requested not in {None, actual}:
        raise RefusedError(
            f"{spec.model} cannot be exported to this opset",
            expected=f"opset {requested}",
            found=f"opset {actual}",
            hint="Set export.opset to one that torch, onnx and onnxscript support, or leave it out",
        )


def _clear_metadata(model: onnx_ir.Model) -> None:
    """Remove source paths, code lines and symbol names: they differ between checkouts."""
    from onnx_ir.passes.common import ClearMetadataAndDocStringPass

    ClearMetadataAndDocStringPass()(model)
    model.graph.name = "model"
    for value in _values(model):
        value.metadata_props.clear()
        value.doc_string = None
    model.metadata_props.clear()
    model.graph.metadata_props.clear()


def _values(model: onnx_ir.Model) -> Iterator[onnx_ir.Value]:
    yield from model.graph.inputs
    yield from model.graph.initializers.values()
    for node in model.graph.all_nodes():
        yield from node.outputs


def _restore_names(model: onnx_ir.Model, state: dict[str, torch.Tensor]) -> None:
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
    import hashlib

    return str(array.dtype), tuple(array.shape), hashlib.sha256(array.tobytes()).digest()


def _name_outputs(model: onnx_ir.Model, names: tuple[str, ...]) -> None:
    """Name the outputs.

    Raises:
        UsageError: If there is not one name per output.
    """
    outputs = model.graph.outputs
    if not names:
        many = len(outputs) > 1
        names = tuple(f"output_{index}" if many else "output" for index in range(len(outputs)))
    if len(names) != len(outputs):
        raise UsageError(
            "export.output_names does not fit the model",
            expected=f"{len(outputs)} names",
            found=f"{len(names)}",
        )
    for value, name in zip(outputs, names, strict=True):
        value.name = name


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
            "the exported model is not valid ONNX", found=str(error).splitlines()[0]
        ) from None


def _facts(model: onnx_ir.Model, out: Path) -> Facts:
    size = sum(file.stat().st_size for file in out.glob("model.onnx*"))
    opset = model.opset_imports[""]
    nodes = model.graph.num_nodes()
    count = len(model.graph.initializers)
    summary = f"{size:,} bytes, {nodes} nodes, {count} initializers, opset {opset}"
    return {"summary": summary, "bytes": size, "nodes": nodes, "opset": opset}
