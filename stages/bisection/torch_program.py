"""A torch module that gives any of its intermediate tensors.

It is run operator by operator, by ``torch.fx.Interpreter``, on the graph that torch.export took of
it. The values there have the names that the exporter gives the tensors of its ONNX graph, and
each operator knows the modules whose ``forward`` called it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from prunepack.stages.bisection.onnx_program import OnnxProgram
from prunepack.stages.models.onnx_export import run_exporter

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import numpy.typing as npt
    from torch import nn

    from prunepack.stages.contract.model_spec import ModelSpec

    Arrays = dict[str, npt.NDArray[Any]]

__all__ = ["TorchProgram"]


class TorchProgram:
    """A torch module; its graph is the one that our own export of it would write.

    Args:
        module: The module, in evaluation mode.
        spec: What its inputs are.
        label: What to call it.
        dynamic_batch: Whether it is traced with an open batch, or for one sample.

    Raises:
        RefusedError: If it cannot be exported.
    """

    def __init__(
        self, module: nn.Module, spec: ModelSpec, label: str, *, dynamic_batch: bool = True
    ) -> None:
        import onnx_ir

        program = run_exporter(module, spec, dynamic_batch=dynamic_batch)
        assert program.exported_program is not None  # it is None for what was exported elsewhere
        self._program = program.exported_program
        self.exported = OnnxProgram(onnx_ir.to_proto(program.model), Path(), label)
        self.graph = self.exported.graph
        self.label, self.folder, self.runs = label, Path(), 0
        self._nodes = {node.name: node for node in self._program.graph.nodes}

    def has(self, name: str) -> bool:
        """Say whether torch computes the tensor called ``name``."""
        return name in self.graph.producer and name in self._nodes

    def values(self, names: Collection[str], inputs: Mapping[str, npt.NDArray[Any]]) -> Arrays:
        """Return the tensors called ``names``, computed from ``inputs``, in one run."""
        import torch

        self.runs += 1
        given = [torch.from_numpy(inputs[one.name]) for one in self.graph.inputs]
        found: dict[str, Any] = {}

        class Recorder(torch.fx.Interpreter):
            """Keeps what is wanted, and frees the rest as soon as it is of no more use."""

            def run_node(self, n: torch.fx.Node) -> Any:
                value = super().run_node(n)
                if n.name in wanted:
                    found[n.name] = value
                return value

        wanted = set(names)
        with torch.no_grad():
            Recorder(self._program.graph_module).run(*self._arguments(given))
        arrays = {name: np.asarray(value) for name, value in found.items()}
        return arrays | {name: inputs[name] for name in names if name in inputs}

    def _arguments(self, given: list[Any]) -> list[Any]:
        """Return what the flat graph takes: parameters, buffers and constants, then inputs."""
        held = {**self._program.state_dict, **self._program.constants}
        rest = iter(given)
        return [
            held[one.target] if one.target is not None else next(rest)
            for one in self._program.graph_signature.input_specs
        ]

    def module(self, tensor: str, boundary: Collection[str]) -> str:
        """Return the modules whose operators made ``tensor`` out of ``boundary``."""
        found: dict[str, None] = {}
        waiting, seen = [self._nodes[tensor]], set()
        while waiting:
            node = waiting.pop()
            if node in seen or node.op == "placeholder":
                continue
            seen.add(node)
            waiting += [one for one in node.all_input_nodes if one.name not in boundary]
            if stack := node.meta.get("nn_module_stack"):
                name, kind = list(stack.values())[-1]
                found[_shown(name, kind)] = None
        return ", ".join(reversed(found))


def _shown(name: str, kind: Any) -> str:
    """Return ``conv1 (Conv2d)``; the root of the model has no name."""
    short = str(getattr(kind, "__name__", kind)).rpartition(".")[2]
    return f"{name} ({short})" if name else f"{short} itself"
