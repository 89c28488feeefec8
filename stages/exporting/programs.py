"""ONNX model of a program that ``torch.export.save`` wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.errors import RefusedError
from prunepack.stages.contract.messages import describe_error
from prunepack.stages.contract.progress import remark
from prunepack.stages.exporting.tracing import quiet_exporter

if TYPE_CHECKING:
    from pathlib import Path

    import onnx_ir
    from torch.export import ExportedProgram

__all__ = ["export_program"]


def export_program(source: Path, path: Path) -> None:
    """Write the program in ``source`` as an ONNX model, the same bytes from every folder.

    Raises:
        RefusedError: If it is not a program, or the exporter cannot express it.
    """
    import onnx_ir
    import torch
    from onnx_ir.passes.common import ClearMetadataAndDocStringPass

    program = _read_program(source)
    try:
        with quiet_exporter():
            exported = torch.onnx.export(program, dynamo=True, verbose=False)
        assert exported is not None, "the exporter returns a program unless it writes a file"
    except Exception as error:
        raise RefusedError(
            f"`{source}` cannot be exported to ONNX",
            expected="operators that torch's exporter knows",
            found=describe_error(error),
            hint="Export the module itself with load.model = file.py:factory",
        ) from error
    model: onnx_ir.Model = exported.model
    ClearMetadataAndDocStringPass()(model)
    _name_values(model)
    onnx_ir.save(model, path)


def _read_program(source: Path) -> ExportedProgram:
    import torch

    remark(f"`{source.name}` is a program: torch.export.load can run code that it holds")
    try:
        with quiet_exporter():
            return torch.export.load(source)
    except Exception as error:
        raise RefusedError(
            f"`{source}` cannot be read",
            expected="a program that torch.export.save wrote",
            found=describe_error(error),
            hint="Save it again with torch.export.save, under this version of torch",
        ) from error


def _name_values(model: onnx_ir.Model) -> None:
    """Name the batch axis, which torch calls by a symbol, and the outputs."""
    import onnx_ir

    graph = model.graph
    graph.name = "model"
    first = [value.shape[0] for value in graph.inputs if value.shape]
    symbols = {dim.value for dim in first if isinstance(dim, onnx_ir.SymbolicDim)}
    for value in (
        *graph.inputs,
        *graph.outputs,
        *(v for n in graph.all_nodes() for v in n.outputs),
    ):
        for axis, dim in enumerate(value.shape or ()):
            if isinstance(dim, onnx_ir.SymbolicDim) and dim.value in symbols and len(symbols) == 1:
                assert value.shape is not None
                value.shape[axis] = "batch"
    many = len(graph.outputs) > 1
    for number, value in enumerate(graph.outputs):
        value.name = f"output_{number}" if many else "output"
