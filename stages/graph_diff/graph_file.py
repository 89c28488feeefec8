"""ONNX file with its nodes and the digests of its tensors."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from prunepack.stages.graph_diff.digests import digest_tensors
from prunepack.stages.graph_diff.graph import NodeGraph, read_constant
from prunepack.stages.graphs.nodes import read_model

if TYPE_CHECKING:
    from pathlib import Path

    from prunepack.stages.contract.arrays import Array
    from prunepack.stages.graph_diff.graph import Node

__all__ = ["GraphFile"]

ROUNDING = 16
"""Units in the last place by which a constant may differ between two machines."""


class GraphFile:
    """An open ONNX file.

    Args:
        path: The file.
        reference: The file whose constants replace those of the same name that are equal except for
            rounding.
    """

    def __init__(self, path: Path, reference: GraphFile | None = None) -> None:
        self.path, self.folder = path, path.parent
        self.model = read_model(path)
        self.graph = NodeGraph(self.model)
        self.reference = reference

    @cached_property
    def digests(self) -> dict[str, str]:
        """The digest of each tensor."""
        return digest_tensors(self.model, self.folder, self._choose)

    @property
    def outputs(self) -> list[str]:
        """The digests of the outputs, in order."""
        return [self.digests.get(name, name) for name in self.graph.outputs]

    @property
    def domains(self) -> set[str]:
        """The domains of the operators; for those of ONNX itself, the opset."""
        versions = {entry.domain: entry.version for entry in self.model.opset_import}
        opset = f"opset {versions.get('', 1)}"
        return {node.proto.domain or opset for node in self.graph.nodes}

    def list_needed(self) -> list[Node]:
        """Return the nodes that the outputs need, in the order of the file."""
        regions = (self.graph.find_region(name, ())[0] for name in self.graph.outputs)
        nodes = {node.index: node for region in regions for node in region}
        return [nodes[index] for index in sorted(nodes)]

    def _choose(self, name: str, array: Array) -> Array:
        if self.reference is None or name not in self.reference.graph.constants:
            return array
        other = read_constant(self.reference.graph.constants[name], self.reference.folder)
        return other if _is_close(array, other) else array


def _is_close(array: Array, other: Array) -> bool:
    """Return whether two floating-point arrays are equal except for rounding."""
    if array.dtype.kind != "f" or (array.shape, array.dtype) != (other.shape, other.dtype):
        return False
    rounding = ROUNDING * float(np.finfo(array.dtype).eps)
    return bool(np.allclose(array, other, rtol=rounding, atol=0.0, equal_nan=True))
