"""Files as onnxruntime optimizes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.runtime.ort_errors import collect_ort_errors
from prunepack.stages.runtime.session_options import CPU, make_session_options

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["optimize_file"]

EXTERNAL_FILE = "session.optimized_model_external_initializers_file_name"
"""Session option: without it, the written file refers to external data of the model."""


def optimize_file(model: Path, level: str, target: Path) -> Path | None:
    """Write a model as onnxruntime optimizes it at ``level``; return None if it cannot."""
    import onnxruntime

    options = make_session_options()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    options.optimized_model_filepath = str(target)
    options.add_session_config_entry(EXTERNAL_FILE, f"{target.name}.data")
    try:
        onnxruntime.InferenceSession(str(model), options, providers=[CPU])
    except collect_ort_errors(onnxruntime):
        return None
    return target if target.exists() else None
