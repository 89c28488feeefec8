"""Export of a module by torch's TorchScript exporter, which records one path."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from prunepack.stages.contract.progress import remark
from prunepack.stages.exporting.axes import choose_axes
from prunepack.stages.exporting.failures import explain_failure
from prunepack.stages.exporting.tracing import PREFIX, flatten_module, quiet_exporter

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir
    from torch import nn

    from prunepack.stages.contract.model_spec import ModelSpec

__all__ = ["export_torchscript"]


def export_torchscript(
    module: nn.Module,
    spec: ModelSpec,
    *,
    opset: int | None = None,
    dynamic_batch: bool = True,
    paths: Sequence[str] | None = None,
) -> onnx_ir.Model:
    """Run torch's TorchScript exporter; the arguments are those of :func:`run_exporter`.

    Raises:
        RefusedError: If the exporter cannot express the model.
    """
    import torch

    flat, example = flatten_module(module, spec, dynamic_batch=dynamic_batch, paths=paths)
    names = [entry.name for entry in spec.inputs]
    axes = {
        entry.name: _map_names(choose_axes(entry, dynamic_batch=dynamic_batch))
        for entry in spec.inputs
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        try:
            with quiet_exporter(), torch.no_grad():
                torch.onnx.export(
                    flat,
                    example,
                    file,
                    dynamo=False,
                    input_names=names,
                    dynamic_axes=axes,
                    opset_version=opset,
                    external_data=False,
                )
        except Exception as error:
            raise explain_failure(spec, error) from error
        model = _read_model(file)
    remark("exported by the TorchScript exporter, which records one path through forward()")
    return model


def _map_names(axes: Sequence[int | str]) -> dict[int, str]:
    """Return the dynamic axes by their positions."""
    return {position: axis for position, axis in enumerate(axes) if isinstance(axis, str)}


def _read_model(file: Path) -> onnx_ir.Model:
    """Read a model that does not depend on its file, with the names of the user's module."""
    import onnx_ir

    model = onnx_ir.load(file)
    for value in list(model.graph.initializers.values()):
        if value.const_value is not None:
            value.const_value = onnx_ir.tensor(value.const_value.numpy().copy())
        if value.name is not None:
            value.name = value.name.removeprefix(PREFIX)
    return model
