"""Torch module that computes any of its intermediate tensors.

``torch.fx.Interpreter`` runs the graph that torch.export took of the module, operator by operator.
The values there have the names that the exporter gives the tensors of its ONNX graph, and each
operator knows the modules that called it in their ``forward``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from prunepack.stages.bisection.onnx_program import OnnxProgram
from prunepack.stages.exporting.exporters import run_exporter

if TYPE_CHECKING:
    from collections.abc import Collection

    import torch
    from torch import nn

    from prunepack.stages.contract.arrays import ArrayMapping, Arrays
    from prunepack.stages.contract.model_spec import ModelSpec


__all__ = ["TorchProgram"]


class TorchProgram:
    """A torch module with the graph that our own export of it would write.

    Args:
        module: The module, in evaluation mode.
        spec: Its inputs.
        label: Its name in messages.
        dynamic_batch: Whether it is traced with a dynamic batch axis, or for one sample.

    Raises:
        RefusedError: If it cannot be exported.
    """

    def __init__(
        self, module: nn.Module, spec: ModelSpec, label: str, *, dynamic_batch: bool = True
    ) -> None:
        import onnx_ir

        program = run_exporter(module, spec, dynamic_batch=dynamic_batch)
        assert program.exported_program is not None  # None is for programs exported elsewhere
        self._program = program.exported_program
        self.exported = OnnxProgram(onnx_ir.to_proto(program.model), Path(), label)
        self.graph = self.exported.graph
        self.label, self.folder, self.runs = label, Path(), 0
        self._nodes = {node.name: node for node in self._program.graph.nodes}

    def can_compute(self, name: str) -> bool:
        """Return whether torch computes the tensor ``name``."""
        return name in self.graph.producer and name in self._nodes

    def compute(self, names: Collection[str], inputs: ArrayMapping) -> Arrays:
        """Return the tensors ``names``, computed from ``inputs`` in one run."""
        import torch

        self.runs += 1
        given = [torch.from_numpy(inputs[value.name]) for value in self.graph.inputs]
        values = self._record_values(set(names), self._collect_arguments(given))
        arrays = {name: np.asarray(value) for name, value in values.items()}
        return arrays | {name: inputs[name] for name in names if name in inputs}

    def _record_values(self, names: set[str], arguments: list[object]) -> dict[str, torch.Tensor]:
        """Run the program, and return the values of the nodes ``names``."""
        import torch

        values: dict[str, torch.Tensor] = {}

        class Recorder(torch.fx.Interpreter):
            """Keeps the values of ``names``, and frees each of the others after its last use."""

            def run_node(self, n: torch.fx.Node) -> Any:
                value = super().run_node(n)
                if n.name in names:
                    values[n.name] = value
                return value

        with torch.no_grad():
            Recorder(self._program.graph_module).run(*arguments)
        return values

    def _collect_arguments(self, given: list[torch.Tensor]) -> list[object]:
        """Return the flat graph's arguments: parameters, buffers and constants, then inputs."""
        held = {**self._program.state_dict, **self._program.constants}
        rest = iter(given)
        return [
            held[argument.target] if argument.target is not None else next(rest)
            for argument in self._program.graph_signature.input_specs
        ]

    def find_modules(self, tensor: str, boundary: Collection[str]) -> str:
        """Return the modules whose operators made ``tensor`` out of ``boundary``."""
        modules: dict[str, None] = {}
        waiting, seen = [self._nodes[tensor]], set()
        while waiting:
            node = waiting.pop()
            if node in seen or node.op == "placeholder":
                continue
            seen.add(node)
            waiting += [before for before in node.all_input_nodes if before.name not in boundary]
            if stack := node.meta.get("nn_module_stack"):
                name, kind = list(stack.values())[-1]
                modules[_format_module(name, kind)] = None
        return ", ".join(reversed(modules))


def _format_module(name: str, kind: type | str) -> str:
    """Return ``conv1 (Conv2d)``; the root of the model has no name."""
    short = str(getattr(kind, "__name__", kind)).rpartition(".")[2]
    return f"{name or 'root'} ({short})"
