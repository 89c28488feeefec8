"""Compaction of an ONNX file."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from prunepack.stages.compacting.compaction import compact_model
from prunepack.stages.compacting.counts import Counts, count_parts
from prunepack.stages.compacting.preparation import complete_model
from prunepack.stages.contract.messages import describe_error
from prunepack.stages.contract.progress import remark
from prunepack.stages.exporting.graph import write_graph
from prunepack.stages.graphs.nodes import read_model
from prunepack.stages.graphs.sparsity import count_graph_zeros

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import onnx_ir

    from prunepack.stages.compacting.removal.rewriting import Kept

__all__ = ["Compaction", "compact_file"]


@dataclass(frozen=True, slots=True)
class Compaction:
    """The removal of the dead parts of a file.

    Attributes:
        before: Counts of the file as it was.
        after: Counts of the compacted file.
        removed: The removed zeros, and all removed elements, of weights of two or more
            dimensions, by layer.
        kept: The indices that remain, by initializer and axis, for those that lost some.
    """

    before: Counts
    after: Counts
    removed: dict[str, tuple[int, int]]
    kept: Kept

    @property
    def record(self) -> dict[str, Any]:
        """The counts and the removed elements, for JSON."""
        return {
            "before": asdict(self.before),
            "after": asdict(self.after),
            "removed": self.removed,
        }


def compact_file(source: Path, target: Path, sizes: Mapping[str, int]) -> Compaction | None:
    """Write the model in ``source`` without its dead parts to ``target``.

    Args:
        source: An ONNX file.
        target: The file to write, with external data beside it if one file cannot hold all.
        sizes: The sizes of dynamic axes, for the counts.

    Returns:
        None if nothing is dead, or the model cannot be read; then there is no ``target``.
    """
    model = _load_model(source)
    if model is None:
        return None
    complete_model(model)
    before = count_parts(model.graph, sizes)
    kept = compact_model(model)
    if kept is None:
        return None
    write_graph(model, target)
    removed = _count_removed(source, target)
    return Compaction(before, count_parts(model.graph, sizes), removed, kept)


def _load_model(source: Path) -> onnx_ir.Model | None:
    """Load a model; tell why that is not possible."""
    import onnx_ir

    proto = read_model(source)
    if proto.graph.sparse_initializer:
        remark("the graph is not compacted: it has sparse initializers")
        return None
    try:
        return onnx_ir.load(source)
    except (KeyError, NotImplementedError, TypeError, ValueError) as error:
        remark(f"the graph is not compacted: {describe_error(error)}")
        return None


def _count_removed(source: Path, target: Path) -> dict[str, tuple[int, int]]:
    remaining = count_graph_zeros(target)
    removed = {}
    for layer, (zeros, size) in count_graph_zeros(source).items():
        zeros_left, size_left = remaining.get(layer, (0, 0))
        if size > size_left:
            removed[layer] = zeros - zeros_left, size - size_left
    return removed
