"""What gives any of its intermediate tensors: an ONNX model, or a torch module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    import numpy.typing as npt

    from prunepack.stages.bisection.graph import NodeGraph
    from prunepack.stages.bisection.onnx_program import OnnxProgram

    Arrays = dict[str, npt.NDArray[Any]]

__all__ = ["Program"]


class Program(Protocol):
    """Something that computes tensors which have the names of a graph's.

    Attributes:
        label: What it is, for people.
        graph: The graph.
        folder: Where the graph's external data lies.
        exported: The graph as an ONNX program; itself, if it is one.
        runs: How often it was run.
    """

    label: str
    graph: NodeGraph
    folder: Path
    exported: OnnxProgram
    runs: int

    def has(self, name: str) -> bool:
        """Say whether it can give the tensor called ``name``."""
        ...

    def values(self, names: Collection[str], inputs: Mapping[str, npt.NDArray[Any]]) -> Arrays:
        """Return the tensors called ``names``, computed from ``inputs``, in one run."""
        ...

    def module(self, tensor: str, boundary: Collection[str]) -> str:
        """Return the modules that made ``tensor`` out of ``boundary``; empty if not known."""
        ...
