"""Layers that ONNX does not have, and operators that onnxruntime cannot run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from prunepack.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import onnx_ir
    from torch import nn

__all__ = ["check_kernels", "check_layers"]

LARGEST = 1_500_000_000
"""Largest file, in bytes, that is opened for the check; larger ones are left to verify."""


def check_layers(module: nn.Module) -> None:
    """Refuse a recurrent layer with a projection, which torch exports without it.

    Raises:
        RefusedError: If there is one.
    """
    from torch import nn

    for name, layer in module.named_modules():
        if isinstance(layer, nn.RNNBase) and layer.proj_size:
            raise RefusedError(
                f"layer `{name}` cannot be exported: ONNX has no LSTM with a projection",
                expected="proj_size = 0",
                found=f"proj_size = {layer.proj_size}",
                hint="Put a Linear layer behind an LSTM without proj_size",
            )


def check_kernels(model: onnx_ir.Model, path: Path) -> None:
    """Open the model in onnxruntime, and refuse an operator without a kernel for its dtype.

    Raises:
        RefusedError: If onnxruntime has no kernel for a node.
    """
    from prunepack.stages.runtime.providers import choose_providers
    from prunepack.stages.runtime.sessions import open_onnx_session

    if path.stat().st_size > LARGEST or path.with_name(f"{path.name}.data").exists():
        return
    try:
        open_onnx_session(path, choose_providers("auto", path))
    except RefusedError as error:
        match = re.search(r"implementation for (\w+)\(\d+\)", f"{error} {error.__cause__}")
        if match is not None:
            raise _refuse(model, match[1]) from error


def _refuse(model: onnx_ir.Model, operator: str) -> RefusedError:
    import onnx_ir

    nodes = [node for node in model.graph.all_nodes() if node.op_type == operator]
    dtypes = {value.dtype for node in nodes for value in node.inputs if value is not None}
    if onnx_ir.DataType.BFLOAT16 in dtypes:
        return RefusedError(
            "the model computes in bfloat16, which onnxruntime cannot run on the CPU",
            expected="a forward() that also runs with float32 parameters",
            found=f"{operator} in bfloat16",
            hint="Return model.float() from the factory and remove .bfloat16() from forward()",
        )
    is_double = onnx_ir.DataType.DOUBLE in dtypes
    dtype = "float64" if is_double else ", ".join(sorted(str(each).lower() for each in dtypes))
    layers = list(dict.fromkeys(_list_layers(nodes)))
    needed = f", which layers {', '.join(layers)} need" if layers else ""
    return RefusedError(
        f"onnxruntime has no kernel for {operator} in {dtype}{needed}",
        expected="float32",
        found=dtype,
        hint="Return model.float() from the factory",
    )


def _list_layers(nodes: list[onnx_ir.Node]) -> Iterator[str]:
    """Yield the layers whose weights the nodes read."""
    for node in nodes:
        for value in node.inputs:
            if value is not None and value.is_initializer() and value.name:
                layer = value.name.rpartition(".")[0]
                if layer:
                    yield f"`{layer}`"
