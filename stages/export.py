"""Export stage: ONNX with the names of the state dict, the same bytes from every folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from prunepack.errors import RefusedError
from prunepack.stages.contract.outputs import Checkpoint, OnnxModel, write_interface
from prunepack.stages.contract.progress import note, remark
from prunepack.stages.contract.stage import Facts, stage
from prunepack.stages.exporting.declarations import declare_graph
from prunepack.stages.exporting.graph import export_graph, write_graph
from prunepack.stages.exporting.kernels import check_kernels, check_layers
from prunepack.stages.exporting.names import list_unread_inputs
from prunepack.stages.exporting.settings import ExportConfig
from prunepack.stages.graphs.nodes import read_model
from prunepack.stages.models.checkpoints import open_model

if TYPE_CHECKING:
    import onnx_ir

__all__ = ["ExportConfig", "export"]


@stage(produces=OnnxModel, tools=("torch", "onnx", "onnx-ir", "onnxscript"))
def export(config: ExportConfig, out: Path, model: Checkpoint) -> Facts:
    """Write ``model`` as ONNX with an exporter of torch, check it and describe its interface."""
    module, spec = open_model(model)
    check_layers(module)
    note("exporting to ONNX")
    graph, interface = export_graph(config, module, spec)
    for name in list_unread_inputs(graph):
        remark(f"input `{name}` is never read: no output depends on it")
    write_graph(graph, out / "model.onnx")
    _check(out / "model.onnx")
    check_kernels(graph, out / "model.onnx")
    declared = declare_graph(read_model(out / "model.onnx").graph)
    write_interface(out, interface | {"declared": declared})
    return _facts(graph, out)


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
