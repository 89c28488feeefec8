"""Fresh export: the ONNX model that the exporter makes of the checkpoint, once more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prunepack.errors import PrunepackError
from prunepack.stages.compacting.files import compact_file
from prunepack.stages.contract.outputs import OnnxModel, write_interface
from prunepack.stages.contract.progress import collect_remarks, note
from prunepack.stages.exporting.graph import export_graph, list_versions, write_graph
from prunepack.stages.exporting.settings import ExportConfig
from prunepack.stages.models.checkpoints import open_model

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from prunepack.stages.contract.outputs import Checkpoint

__all__ = ["describe_origin", "export_again"]


def describe_origin(
    interface: Mapping[str, Any], domains: Sequence[str], *, is_foreign: bool = False
) -> str:
    """Return why a fresh export may honestly differ from the file; empty if it may not.

    Args:
        interface: The record of the export.
        domains: The domains of operators, and the opset, that only the file uses.
        is_foreign: Whether the file names another exporter than a fresh export does.
    """
    if "export" not in interface:
        absent = "the file has no record of its export"
        return "another exporter wrote the file" if is_foreign else absent
    if domains:
        return f"another tool wrote operators of {', '.join(domains)}"
    recorded = interface["export"]["versions"]
    try:
        versions = list_versions()
    except ImportError as error:
        return f"{error} is not installed"
    changed = [name for name in versions if versions[name] != recorded.get(name)]
    return "; ".join(
        f"{name} {recorded.get(name)} wrote the file, and {versions[name]} is installed"
        for name in changed
    )


def export_again(final: Checkpoint, interface: Mapping[str, Any], folder: Path) -> OnnxModel | str:
    """Export a checkpoint as its record says, or return why that is not possible.

    Args:
        final: The checkpoint.
        interface: The record of the export; without one, the default config.
        folder: An empty folder for the files.
    """
    config = ExportConfig.model_validate(interface.get("export", {}).get("config", {}))
    note("exporting the checkpoint again, to compare the nodes")
    try:
        with collect_remarks():  # the export stage made these remarks
            graph, fresh = export_graph(config, *open_model(final))
    except (PrunepackError, ImportError) as error:
        return f"the checkpoint cannot be exported again: {error}"
    write_graph(graph, folder / "model.onnx")
    if "compact" in interface:
        fresh |= _compact_again(folder)
    write_interface(folder, fresh)
    return OnnxModel(folder, "")


def _compact_again(folder: Path) -> dict[str, Any]:
    """Compact the exported file in place, and return the remaining indices of its initializers."""
    done = compact_file(folder / "model.onnx", folder / "compacted.onnx", {})
    if done is None:
        return {}
    (folder / "model.onnx").unlink()
    onnx_data = folder / "model.onnx.data"
    onnx_data.unlink(missing_ok=True)
    (folder / "compacted.onnx").rename(folder / "model.onnx")
    kept = {
        name: {axis: indices.tolist() for axis, indices in axes.items()}
        for name, axes in done.kept.items()
    }
    return {"kept": kept}
